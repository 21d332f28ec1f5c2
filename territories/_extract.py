"""An extract of flows, column by column: what each row says, and why some cannot be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pandas as pd

from territories import activities, codes
from territories._coding import STATES, Arrondissements, Coded, coded
from territories._columns import any_of, count_column, text_column, totals_of
from territories._heads import name_list, plain
from territories._keys import by_value, distinct, marked
from territories._tables import columns_of, matched, refuse_persons, unused
from territories._words import Sentence
from territories.errors import InputError, fault
from territories.reconciliation import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories._tables import Table
    from territories.activities import Thesaurus
    from territories.cog import CogTable

Duplicates = Literal["error", "sum", "first"]
Dash = Literal["masked", "zero"]

PLACES: Final = ("residence", "destination")

_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}(?:[-/](?:19|20)?[0-9]{2})?")
_LISTED_YEARS: Final = 20
_LISTED: Final = 5
_IDENTIFIER: Final = "(?:((num|numero|no?)_)?(rpps|adeli)|pfs_.*)"
_DEPARTMENT: Final = "[0-9]{2,3}|2[AB]|"
_PERCENT: Final = re.compile(r"(?i)%|pourcent|\btaux\b")
_NOMENCLATURES: Final[dict[str, activities.Nomenclature]] = {
    "pse_spe_cod": "pse_spe_cod",
    "pse_act_nat": "pse_act_nat",
}
_SNDS: Final = "BEN_RES_DPT + BEN_RES_COM"


@dataclass(frozen=True, repr=False)
class Options:
    """How an extract is read; the meanings are those of `read_flows`."""

    thesaurus: Thesaurus
    communes: gpd.GeoDataFrame | None
    cog: CogTable | None
    codes_year: int | None
    allow_new: bool
    year: str | None
    duplicates: Duplicates
    dash: Dash
    masked_as: int
    arrondissements: Arrondissements
    cover: pd.DataFrame | None


@dataclass(frozen=True, repr=False)
class Extract:
    """What was read of an extract.

    Parameters
    ----------
    table
        As matched.
    frame
        By row of the file: the columns of `Flows.table`, codes of the file's year.
    marked
        By reason, the rows that cannot be kept.
    lost
        The same, each row for its first reason.
    coded
        The columns of codes.
    label
        By row: the activity as the file says it, case, accents and punctuation aside. Two labels
        of one activity are no repetition.
    unique
        Whether no two rows that are kept share a key.
    faults, notices
        What is wrong whatever is asked, and what was normalised.
    """

    table: Table
    frame: pd.DataFrame
    marked: Mapping[str, pd.Series]
    lost: Mapping[str, pd.Series]
    coded: Mapping[str, Coded]
    label: pd.Series
    faults: tuple[Sentence, ...]
    notices: tuple[Sentence, ...]
    unique: bool = False


def kind_of(table: Table) -> str:
    """Tell whether the rows of a matched extract name practitioners or destinations."""
    return "practitioner" if "practitioner" in table.frame else "destination"


def matched_extract(
    raw: Table, *, columns: Mapping[str, str] | None, activity: str | None, cog: CogTable | None
) -> Table:
    """Find the columns of an extract, and make those that it says otherwise.

    Raises
    ------
    InputError
        If a column is missing, may be two of ours, or tells of persons.
    """
    refuse_persons(raw)
    given = dict(columns or {})
    frame = raw.frame.copy()
    named = [*columns_of(raw, "activity"), *([given["activity"]] if "activity" in given else [])]
    if activity is not None and named:
        raise InputError(fault("activity_given", file=raw.file, column=named[0]))
    if activity is not None:
        frame["activity"] = pd.Categorical([activity] * len(frame))
    if activity is None and "activity" not in given and not columns_of(raw, "activity"):
        professions = columns_of(raw, "profession")
        given |= {"activity": professions[0]} if professions else {}
    snds = [columns_of(raw, name) for name in ("snds_department", "snds_commune")]
    if all(snds) and "residence" not in given and not columns_of(raw, "residence"):
        parts = [frame[names[0]].astype("str") for names in snds]
        frame[_SNDS] = codes.snds(*parts, table=cog).fillna("").astype("category")
        frame = frame.drop(columns=[names[0] for names in snds])
        given["residence"] = _SNDS
    table = replace(raw, frame=frame)
    kinds = [
        name for name in ("practitioner", "destination") if name in given or columns_of(raw, name)
    ]
    if len(kinds) > 1 and not set(kinds) & set(given):
        values = {name: columns_of(raw, name)[0] for name in kinds}
        raise InputError(fault("column_both", file=raw.file, **values))
    kind = next((name for name in kinds if name in given), kinds[0] if kinds else None)
    if kind is None:
        found = name_list(raw.frame.columns)
        raise InputError(fault("column_missing_place", file=raw.file, found=found))
    professions = columns_of(raw, "profession")
    both = bool(professions) and given.get("activity") != professions[0]
    if _PERCENT.search(given.get("patients", next(iter(columns_of(raw, "patients")), ""))):
        head = given.get("patients", next(iter(columns_of(raw, "patients")), ""))
        raise InputError(fault("column_percent", file=raw.file, column=head))
    measures = [*columns_of(raw, "patients"), *columns_of(raw, "acts")]
    if len(measures) > 1 and "patients" not in given:
        values = {"file": raw.file, "column": "patients", "values": ", ".join(measures)}
        raise InputError(fault("column_ambiguous", **values))
    return matched(
        table,
        ["residence", "activity", kind, "patients"],
        ["amount", "department", "year", *(["profession"] if both else [])],
        given,
    )


def extracted(table: Table, options: Options) -> Extract:
    """Read each column of an extract as what it is; collect what is wrong, and which rows are lost.

    Parameters
    ----------
    table
        As matched by `matched_extract`.
    options
        How.
    """
    faults: list[Sentence] = []
    notices: list[Sentence] = [*table.notices, *unused(table)]
    frame = pd.DataFrame(index=table.frame.index)
    name, how = labels(table, options, notices)
    totals = {
        "total": totals_of(table, ["residence", kind_of(table)]),
        "total_activity": how == "total",
    }
    skipped = any_of(totals.values(), frame.index)
    columns = [name for name in PLACES if name in table.frame]
    read = codes_of(
        dict.fromkeys(columns, table), options, dict.fromkeys(columns, skipped), notices, faults
    )
    for place, column in read.items():
        frame[place] = column.code
    frame["activity"] = name
    faults += unknown_activities(table, how, skipped, options)
    _refuse_years(table, options, skipped, faults)
    # What stands in no row that is kept comes first: unknown codes may be kept as external.
    lost = totals | {"missing_activity": how == "missing"}
    if kind_of(table) == "practitioner":
        frame["practitioner"] = _practitioners(table, notices)
        lost["missing_practitioner"] = frame["practitioner"] == ""
    lost["missing_patients"] = _add_counts(frame, table, options, notices, faults)
    if "department" in table.frame:
        frame["department"] = departments(table, notices, faults)
    lost |= {
        f"{state}_{place}": column.bad[state]
        for state in STATES
        for place, column in read.items()
        if state in column.bad
    }
    return Extract(
        table=table,
        frame=frame,
        marked=lost,
        lost=_apart(lost),
        coded=read,
        label=_said(table),
        faults=tuple(faults),
        notices=tuple(notices),
    )


def _said(table: Table) -> pd.Series:
    """Return the activity of each row as its file says it, case, accents and punctuation aside."""
    label = by_value(table.frame["activity"], lambda text: text.map(plain))
    if "profession" not in table.frame:
        return label
    return label + " " + by_value(table.frame["profession"], lambda text: text.map(plain))


def _apart(lost: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Leave each row to its first reason, and leave out the reasons of none."""
    apart = {}
    taken = np.zeros(len(next(iter(lost.values()))), dtype=bool)
    for reason, rows in lost.items():
        free = rows.to_numpy(dtype=bool) & ~taken
        if free.any():
            apart[reason] = pd.Series(free, index=rows.index)
            taken |= free
    return apart


def _practitioners(table: Table, notices: list[Sentence]) -> pd.Series:
    if re.fullmatch(_IDENTIFIER, plain(table.head("practitioner"))):
        values = {"column": table.head("practitioner")}
        notices.append(Sentence("notice.identifier", values))
    return text_column(table, "practitioner")


def _add_counts(
    frame: pd.DataFrame,
    table: Table,
    options: Options,
    notices: list[Sentence],
    faults: list[Sentence],
) -> pd.Series:
    """Add `patients`, `masked` and `amount` to the frame; return the rows without a number."""
    counts = count_column(table, "patients", masked_as=options.masked_as, dash=options.dash)
    faults += counts.faults
    notices += counts.notices
    whole = (counts.values % 1 == 0).all()
    frame["patients"] = counts.values.astype("int64") if whole else counts.values
    if counts.masked.any():
        frame["masked"] = counts.masked.astype("int64")
    if "amount" in table.frame:
        amount = count_column(table, "amount", money=True)
        faults += amount.faults
        notices += [each for each in amount.notices if "masked" not in each.key]
        # An unknown amount only leaves a tie unbroken.
        frame["amount"] = amount.values.mask(amount.masked | amount.missing)
    return counts.missing


def labels(table: Table, options: Options, notices: list[Sentence]) -> tuple[pd.Series, pd.Series]:
    """Read the activity of each row, and how it was known."""
    name, how = _named(table, "activity", options)
    cells = table.frame["activity"]
    if "profession" in table.frame:
        other, other_how = _named(table, "profession", options)
        silent = (how == "missing") & (other_how != "missing")
        name, how = name.where(~silent, other), how.where(~silent, other_how)
    for key in ("normalised", "synonym", "code", "mojibake"):
        rows = how == key
        if rows.any():
            pairs = pd.DataFrame(
                {"label": cells[rows].astype("str"), "name": name[rows]}
            ).drop_duplicates()
            pairs = pairs.sort_values(["label", "name"])
            written = [
                f"{activities.shown(label)} → {to}"
                for label, to in pairs.head(_LISTED).itertuples(index=False)
            ]
            values = {
                **table.told("activity", rows),
                "values": ", ".join(written) + ", …" * (len(pairs) > _LISTED),
            }
            notices.append(Sentence(f"notice.activity_{key}", values))
    return name, how


def _named(table: Table, column: str, options: Options) -> tuple[pd.Series, pd.Series]:
    cells = table.frame[column]
    nomenclature = _NOMENCLATURES.get(plain(table.head(column)))
    positions, written = distinct(cells)
    found = activities.normalised(written, options.thesaurus, nomenclature=nomenclature)
    found = found.reindex(written.to_numpy())
    name = found["name"].fillna("").astype("str").take(positions).set_axis(cells.index)
    known = found["how"].astype(pd.CategoricalDtype(list(get_args(activities.How))))
    how = known.take(positions).set_axis(cells.index)
    return name, how


def unknown_activities(
    table: Table, how: pd.Series, skipped: pd.Series, options: Options
) -> list[Sentence]:
    rows = (how == "unknown") & ~skipped
    if options.allow_new or not rows.any():
        return []
    raw = text_column(table, "activity")[rows].drop_duplicates().sort_values()
    found = activities.normalised(raw, options.thesaurus).reindex(raw.to_numpy())
    shown_labels = [
        activities.shown(str(label)) + (f" ({closest} ?)" if isinstance(closest, str) else "")
        for label, closest in found["closest"].head(_LISTED).items()
    ]
    return [
        fault(
            "activity_unknown",
            file=table.file,
            **table.told("activity", rows),
            values=", ".join(shown_labels) + ", …" * (len(raw) > _LISTED),
            known=", ".join(options.thesaurus.names),
        )
    ]


def codes_of(
    tables: Mapping[str, Table],
    options: Options,
    skipped: Mapping[str, pd.Series],
    notices: list[Sentence],
    faults: list[Sentence],
) -> dict[str, Coded]:
    """Read residences and destinations; PMSI codes stand for the communes that they cover.

    Parameters
    ----------
    tables, skipped
        By our name of the column, the table that holds it, and its rows that are not data.
    options
        How.
    notices, faults
        What was found is added to them.
    """
    columns = {
        name: table
        for name, table in tables.items()
        if name == "destination" or options.cover is None
    }
    read = coded(
        columns,
        communes=options.communes,
        cog=options.cog,
        year=options.codes_year,
        arrondissements=options.arrondissements,
        skipped=skipped,
        notices=notices,
        faults=faults,
    )
    if options.cover is None:
        return read
    table = tables["residence"]
    code = by_value(table.frame["residence"], lambda text: text.str.strip().str.upper())
    bad = {"missing": code == "", "unknown": ~code.isin({"", *options.cover["pmsi_code"]})}
    # Codes that are not in the correspondence may be kept, as places elsewhere.
    others = pd.DataFrame({"code": code[bad["unknown"]].unique()})
    parts = pd.concat(
        [
            options.cover.rename(columns={"code": "converted", "pmsi_code": "code"}),
            others.assign(converted=others["code"], part=1.0),
        ],
        ignore_index=True,
    )
    split = parts.loc[parts["code"].duplicated(keep=False), "code"]
    rows = code.isin(split)
    if rows.any():
        notices.append(Sentence("notice.pmsi_shared", table.told("residence", rows)))
    return {"residence": Coded(code, bad, parts, {}), **read}


def departments(table: Table, notices: list[Sentence], faults: list[Sentence]) -> pd.Series:
    """Repair the departments of practice; an empty one is unknown."""
    raw = table.frame["department"]
    department = by_value(raw, codes.repaired_departments)
    changed = marked(raw, lambda text: codes.repaired_departments(text) != text.str.strip())
    wrong = marked(raw, lambda text: ~codes.repaired_departments(text).str.fullmatch(_DEPARTMENT))
    for rows, told in ((changed & ~wrong, notices), (wrong, faults)):
        if rows.any():
            values = table.told("department", rows)
            told.append(
                Sentence("notice.departments_repaired", values)
                if told is notices
                else fault("department_malformed", file=table.file, **values)
            )
    return department


def _refuse_years(
    table: Table, options: Options, skipped: pd.Series, faults: list[Sentence]
) -> None:
    """Refuse years that are stacked, unless one of them or their sum is asked for."""
    if "year" not in table.frame or options.year is not None or options.duplicates != "error":
        return
    found = sorted(set(text_column(table, "year")[~skipped]))
    if len(found) > 1:
        values = {"column": table.head("year"), "values": _years(found)}
        faults.append(fault("year_several", file=table.file, **values))


def _years(found: list[str]) -> str:
    """Quote years; a sign in place of what is none, which may be a count or a person."""
    told = (each if _YEAR.fullmatch(each) else "…" for each in found[:_LISTED_YEARS])
    return ", ".join(dict.fromkeys(told))


@dataclass(frozen=True)
class Others:
    """The rows of the years that are not asked for; nothing else is said of them."""

    rows: int = 0
    patients: float = 0
    examples: tuple[Mapping[str, str], ...] = ()


def period_of(table: Table, given: str | None) -> str | None:
    """Return the period of a table: as given, else the only year that its column names."""
    if given is not None or "year" not in table.frame:
        return given
    totals = totals_of(table, ["year"])
    years = set(text_column(table, "year")[~totals]) - {""}
    # A column that is no year is no period: it would be said in every file.
    return years.pop() if len(years) == 1 and all(map(_YEAR.fullmatch, years)) else None


def of_year(table: Table, year: str | None) -> tuple[Table, Others]:
    """Keep the rows of one year, of an extract that stacks several.

    Raises
    ------
    InputError
        If the extract has no column of years, or not this one.
    """
    if year is None:
        return table, Others()
    if "year" not in table.frame:
        raise InputError(fault("year_missing", file=table.file))
    years = text_column(table, "year")
    totals = totals_of(table, ["residence", kind_of(table)])
    if not (years == year).any():
        values = {"column": table.head("year"), "values": _years(sorted(set(years)))}
        raise InputError(fault("year_unknown", file=table.file, year=year, **values))
    others = (years != year) & ~totals
    left = replace(table, frame=table.frame[others])
    examples = [
        {"row": str(row), "column": table.head("year")} for row in left.frame.index[:_LISTED]
    ]
    counts = count_column(left, "patients").values if others.any() else pd.Series(dtype="float64")
    patients = count(counts.fillna(0.0))
    kept = replace(table, frame=table.frame[~others])
    return kept, Others(int(others.sum()), patients, tuple(examples))
