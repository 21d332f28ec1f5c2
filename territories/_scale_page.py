"""The table of scales as people read it: one row for each number, as CSV or as a page."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._pages import PLACE, sealed
from territories._words import current_language, number, say
from territories._writing import whole_file
from territories.errors import InputError, fault
from territories.export import slug, write_csv
from territories.scales import STABLE
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from pathlib import Path

    from territories.scales import Scales

_AGREEMENTS: Final = ("agreement_seeds", "agreement_resamples", "persistence")
_SUFFIXES: Final = (".csv", ".html")

_STYLE: Final = """
body { font: 17px/1.45 "Segoe UI", Arial, sans-serif; color: #18212b; margin: 2em auto;
  max-width: 75em; padding: 0 1.5em; }
h1 { font-size: 1.5em; } svg { width: 52em; max-width: 100%; height: auto; }
td { white-space: nowrap; }
table { border-collapse: collapse; margin-top: 1em; }
th, td { padding: .3em .8em; text-align: right; border-bottom: 1px solid #d5dbe1; }
th { vertical-align: bottom; font-weight: 600; }
tr.stable td { background: #e3eefa; } tr.proposed td { background: #f7dbeb; font-weight: 700; }
"""


def scale_rows(scales: Scales, patients: float) -> pd.DataFrame:
    """Keep one row for each number of territories: the one proposed, else the most stable.

    Parameters
    ----------
    scales
        Result of `scales`.
    patients
        All patients who live in the layer: where the share inside would tell of a few of them, it
        is missing.
    """
    table = scales.table
    least = table[[*_AGREEMENTS]].min(axis=1)
    order = table.assign(least=least).sort_values(
        ["territories", "proposed", "least", "resolution"], ascending=[True, False, False, True]
    )
    rows = order.drop_duplicates("territories").set_index("territories").drop(columns="least")
    whole = pd.Series(float(patients), index=rows.index)
    rows["inside"] = Secrecy().shares(rows["inside"] * whole, whole)
    return rows


def scale_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Write the rows as text, under heads in plain words."""
    cells = pd.DataFrame(index=rows.index)
    cells[say("scales.territories")] = [number(each) for each in rows.index]
    cells[say("scales.inside")] = [
        "–" if pd.isna(each) else f"{number(100 * each)} %" for each in rows["inside"]
    ]
    for name in _AGREEMENTS:
        # Rounded down: 0.9494 is not stable and must not look so.
        cells[say(f"scales.{name}")] = [
            number(math.floor(100 * each + 1e-9) / 100, digits=2) for each in rows[name]
        ]
    sizes = rows[[f"aci_{size}" for size in range(1, 5)]].astype("str")
    cells[say("scales.aci_sizes")] = sizes.agg(" · ".join, axis=1)
    cells[say("scales.smallest")] = [number(each) for each in rows["smallest"]]
    marks = {"proposed": f"← {say('scales.proposed')}", "stable": say("scales.stable")}
    cells[""] = [
        ", ".join(words for name, words in marks.items() if row[name]) for _, row in rows.iterrows()
    ]
    return cells


def stable_sentence(rows: pd.DataFrame) -> str:
    """Say which numbers are stable."""
    stable = rows.index[rows["stable"]]
    least = number(STABLE, digits=2)
    if not len(stable):
        return say("cli.scales_none_stable", least=least)
    return say("cli.scales_stable", least=least, values=", ".join(number(each) for each in stable))


def refuse_suffix(path: Path) -> None:
    """Refuse a name that says neither CSV nor HTML."""
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(fault("scales_suffix", file=str(path)))


def write_scales(scales: Scales, rows: pd.DataFrame, path: Path, *, overwrite: bool) -> None:
    """Write the rows as a table for Excel, or as one page with the plot; whole or not at all."""
    refuse_suffix(path)
    with whole_file(path, overwrite=overwrite) as draft:
        if path.suffix.lower() == ".csv":
            write_csv(_plain(rows), draft)
        else:
            draft.write_text(_page(scales, rows), encoding="utf-8", newline="\n")


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the columns as those of the other tables; shares with four digits."""
    table = rows.rename_axis(slug(say("scales.territories")))
    floats = table.select_dtypes("float").columns
    table[floats] = table[floats].round(4)
    heads = {name: slug(say(f"scales.{name}")) for name in rows.columns if "aci_" not in name}
    sizes = {f"aci_{size}": slug(say("scales.aci", size=size)) for size in range(1, 5)}
    yes = {True: say("scales.yes"), False: ""}
    marks = {name: table[name].map(yes) for name in ("stable", "proposed")}
    return table.assign(**marks).rename(columns=heads | sizes)


def _page(scales: Scales, rows: pd.DataFrame) -> str:
    cells = scale_cells(rows)
    head = "".join(f"<th scope='col'>{html.escape(each)}</th>" for each in cells.columns)
    kinds = ["proposed" if p else "stable" if s else "" for p, s in
             zip(rows["proposed"], rows["stable"], strict=True)]  # fmt: skip
    body = "\n".join(
        f"<tr class='{kind}'>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for kind, row in zip(kinds, cells.to_numpy(), strict=True)
    )
    title, told = html.escape(say("scales.title")), html.escape(say("scales.help"))
    proposed = html.escape(say("cli.scales_proposed", territories=scales.proposed))
    return sealed(
        f"<!DOCTYPE html>\n<html lang='{current_language()}'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{PLACE}">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p><strong>{proposed}</strong> {html.escape(stable_sentence(rows))}</p>"
        f"{scales.plot()}<p>{told}</p>"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></body></html>\n"
    )
