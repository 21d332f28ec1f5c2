"""The job of `territories evaluate`: measures and comparison of a zoning that was not made here."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._compared import comparison_heads
from territories._inputs import Settings, read_inputs
from territories._shown import Evidence, held_figures, slug, territory_table
from territories._words import current_language, number, say
from territories._writing import (
    claimed,
    refuse_files,
    refuse_folder_name,
    refuse_result,
    whole_file,
    whole_folder,
)
from territories.communes import contiguity, place_names
from territories.comparison import compare, comparisons
from territories.concordance import concordance, hospital_agreement
from territories.errors import InputError, TerritoriesError, fault
from territories.export import write_csv
from territories.ledger import export_of, registered, shown_figures
from territories.maps import comparison_map, territory_map
from territories.poles import dominant_poles
from territories.secrecy import Secrecy
from territories.zonings import read_zoning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd

    from territories._words import Sentence
    from territories.ledger import Export, Register
    from territories.reconciliation import Reconciliation
    from territories.zoning import Zoning

ASSESSED_FILES: Final = ("comparisons.csv", "map.html", "territories.csv")
ASSESSED_STAGES: Final = (
    *("communes", "flows", "hospital", "poles", "zonings", "measures", "map", "files"),
)

_SHARE_DIGITS: Final = 4
_SHARES: Final = (
    *("population_agreement", "differing", "territories_cut_share", "zones_cut_share"),
)
_INDICES: Final = ("ari", "ami", "jaccard")


@dataclass(frozen=True)
class ZoningFile:
    """A zoning as it is named on the command line: ``[NAME=]FILE[#COLUMN]``.

    Parameters
    ----------
    path
        The file.
    territory, code
        Its columns, where they are said.
    name
        What to call it, where it is said.
    """

    path: Path
    territory: str | None = None
    code: str | None = None
    name: str | None = None

    @classmethod
    def from_text(cls, text: str) -> ZoningFile:
        r"""Understand ``[NAME=]FILE[#COLUMN]``; a file of just this name comes first.

        Examples
        --------
        >>> ZoningFile.from_text(r"EPCI=C:\\data\\zonages.csv#EPCI").territory
        'EPCI'
        >>> ZoningFile.from_text("sectors.csv").name is None
        True
        """
        if Path(text).exists():
            return cls(Path(text))
        # A name has no sign of a path, so that C:\a=b.csv is a file.
        parts = re.fullmatch(r"(?:([^=/\\:#]+)=)?(.+?)(?:#([^#/\\]+))?", text, re.DOTALL)
        if parts is None:
            return cls(Path(text))
        name, path, column = parts.groups()
        return cls(Path(path), territory=column, name=name)


@dataclass(frozen=True, repr=False)
class Assessment:
    """What is known of a zoning.

    Parameters
    ----------
    zoning
        On the layer.
    others
        The zonings it is compared with, by name.
    territories
        Its measures, those that may be shown.
    comparisons
        One row for each other zoning; empty without any.
    evidence
        Poles and their concordance, for the map.
    accounts
        What became of the rows of each file.
    """

    zoning: Zoning
    others: dict[str, Zoning]
    territories: pd.DataFrame
    comparisons: pd.DataFrame
    evidence: Evidence
    accounts: tuple[Reconciliation, ...]


def assess(
    settings: Settings,
    zoning: ZoningFile,
    against: Sequence[ZoningFile] = (),
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Assessment:
    """Read a zoning and others, measure the first and compare it with the others.

    Parameters
    ----------
    settings
        The layer, the flows and how to read them.
    zoning, against
        The files.
    tell
        Called with the name of each stage (of `ASSESSED_STAGES`) as it begins.

    Raises
    ------
    TerritoriesError
        If a file is refused; what is wrong with all the zonings is said at once.
    """
    inputs = read_inputs(settings, tell=tell)
    tell("zonings")
    read = zonings_of((zoning, *against), inputs.communes)
    # A territory named by its main pole bears that commune's name, if it has no better one.
    own = sorted(set(read[0].membership["territory"]) & set(inputs.communes.index))
    first = replace(
        read[0],
        names={**place_names(inputs.communes, own), **read[0].names},
        pairs=contiguity(inputs.communes, bridges=inputs.bridges),
    )
    others = named(against, read[1:])
    tell("measures")
    poles = dominant_poles(inputs.flows)
    agreement = concordance(poles)
    stays = inputs.stays
    evidence = Evidence(
        agreement=agreement,
        poles=poles,
        hospital=None
        if stays is None
        else hospital_agreement(agreement, dominant_poles(stays.together())),
        flows=inputs.flows,
        stays=stays,
    )
    accounts = [each.account for each in read if each.account is not None]
    return Assessment(
        zoning=first,
        others=others,
        territories=territory_table(first, evidence, secrecy=Secrecy()),
        comparisons=comparisons(first, others),
        evidence=evidence,
        accounts=(*inputs.accounts, *accounts),
    )


def zonings_of(files: Sequence[ZoningFile], communes: gpd.GeoDataFrame) -> list[Zoning]:
    """Read zonings on a layer; what is wrong with all of them is said at once."""
    faults: list[Sentence] = []
    read: list[Zoning] = []
    for each in files:
        try:
            read.append(
                read_zoning(each.path, code=each.code, territory=each.territory, communes=communes)
            )
        except TerritoriesError as refusal:
            faults += refusal.faults
    if faults:
        raise InputError(*faults)
    return read


def named(files: Sequence[ZoningFile], read: Sequence[Zoning]) -> dict[str, Zoning]:
    """Name the zonings; two of one name are told apart by a number."""
    others: dict[str, Zoning] = {}
    for file, zoning in zip(files, read, strict=True):
        wanted = name = file.name or zoning.name
        copy = 1
        while name in others:
            copy += 1
            name = f"{wanted} ({copy})"
        others[name] = zoning
    return others


def refuse_place(out: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse before the long work what could not be written after it."""
    table = out.suffix.lower() == ".csv"
    if not table:
        refuse_folder_name(out)
    places = [out] if table else [out / name for name in ASSESSED_FILES]
    if table:
        refuse_files(out, overwrite=overwrite)
    else:
        refuse_result(out, ASSESSED_FILES, overwrite=overwrite)
    read = {each.resolve() for each in inputs}
    lost = [str(each) for each in places if each.resolve() in read]
    if lost:
        raise InputError(*(fault("output_is_input", file=each) for each in lost))


def write_assessment(
    found: Assessment,
    out: Path,
    settings: Settings,
    *,
    overwrite: bool,
    ledger: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Assessment:
    """Write the table of territories, or a folder of both tables and the map; whole or not.

    Returns
    -------
    Assessment
        As it was written: without what would tell small counts beside what left before.
    """
    table = out.suffix.lower() == ".csv"
    with contextlib.ExitStack() as stack:
        if table:
            refuse_files(out, overwrite=overwrite)
        else:
            refuse_result(out, ASSESSED_FILES, overwrite=overwrite)
            stack.enter_context(claimed(out))
        folder = out.parent if table else out
        register = stack.enter_context(registered(folder, ledger))
        found, new = _beside(found, register)
        if table:
            tell("files")
            write_csv(found.territories, stack.enter_context(whole_file(out, overwrite=overwrite)))
            register.note(new)
            return found
        draft = stack.enter_context(whole_folder(out, ASSESSED_FILES, overwrite=overwrite))
        tell("map")
        _page(found, settings, draft / "map.html")
        tell("files")
        write_csv(found.territories, draft / "territories.csv")
        if found.others:
            write_csv(_plain(found.comparisons), draft / "comparisons.csv")
        register.note(new, draft=draft)
    return found


def _beside(found: Assessment, register: Register) -> tuple[Assessment, Export]:
    """Keep back what would tell small counts beside what left before; say what leaves."""
    door = Secrecy()
    evidence = replace(found.evidence, earlier=register.earlier)
    evidence = replace(evidence, held=held_figures(found.zoning, evidence, secrecy=door))
    table = territory_table(found.zoning, evidence, secrecy=door)
    new = export_of(
        found.zoning, {"territories": table}, figures=shown_figures(table), secrecy=door
    )
    return replace(found, evidence=evidence, territories=table), new


def _page(found: Assessment, settings: Settings, path: Path) -> None:
    language = current_language()
    if found.others:
        known = {name: compare(found.zoning, other) for name, other in found.others.items()}
        page = comparison_map(
            found.zoning,
            found.others,
            comparisons=known,
            title=settings.title,
            note=settings.note,
            language=language,
        )
    else:
        page = territory_map(
            found.zoning,
            agreement=found.evidence.agreement,
            poles=found.evidence.poles,
            hospital=found.evidence.hospital,
            title=settings.title or say("cli.assessed_title", name=found.zoning.name),
            note=settings.note,
            language=language,
        )
    path.write_text(page.get_root().render(), encoding="utf-8", newline="\n")


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Lay the comparisons out for a file: columns in words, four digits."""
    rounded = table.copy()
    floats = rounded.select_dtypes("float").columns
    rounded[floats] = rounded[floats].round(_SHARE_DIGITS)
    heads = {name: slug(words) for name, words in comparison_heads(table).items()}
    return rounded.rename(columns=heads).rename_axis(slug(say("comparison.zoning")))


def comparison_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Write the comparisons as text: a row for each measure, a column for each zoning."""
    cells = pd.DataFrame(index=list(comparison_heads(table).values()))
    for name, row in table.iterrows():
        cells[str(name)] = [_cell(each, row[each]) for each in comparison_heads(table)]
    return cells


def territory_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Write the main measures of the territories as text."""
    cells = pd.DataFrame(index=table.index.astype("str"))
    cells[say("column.name")] = table[say("column.name")].astype("str")
    for name in ("population", "communes", "aci_size", "pieces", "li", "leakage", "msi"):
        kind = "share" if name in ("li", "leakage", "msi") else ""
        cells[say(f"comparison.short_{name}")] = [
            _cell(kind, value) for value in table[say(f"column.{name}")]
        ]
    return cells


def _cell(name: str, value: float) -> str:
    if pd.isna(value):
        return "–"
    if name in _INDICES:
        return number(value, digits=2)
    if name in _SHARES or name == "share":
        return f"{number(100 * value)} %"
    return number(value)
