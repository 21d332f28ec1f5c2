"""A slow, plain re-statement of how care events become flows, to test `events_to_flows` against.

Written from the rules alone. Of the package only what knows codes and labels is used: what a code
is repaired to, the years of communes, the thesaurus of activities; these have tests of their own.
Cells are text; patients are counted in millionths and amounts in cents, all whole numbers.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from territories import activities as thesaurus
from territories import codes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import geopandas as gpd

    from territories.cog import CogTable

    Place = tuple[str, bool]  # a code, and whether it stands for several communes
    Parts = Mapping[str, list[tuple[str, int]]]  # what a code stands for, with its inhabitants

UNIT = 1_000_000  # patients are counted in millionths

NO_CODE = ("", "NA", "NAN", "NULL", "NONE", "N/A", "<NA>", ".")
COLLECTIVITY = r"97[578]\d\d|98\d\d\d"
MASKED = r"<\s*11|ns|n\.s\.|nd|s|secret|\*+|1-10"
STATES = ("missing", "malformed", "foreign", "unknown")


class Refused(Exception):  # noqa: N818 - what is said is that the source is refused
    """The source is refused as a whole."""


class Answer(NamedTuple):
    """What `events_to_flows` should give."""

    table: pd.DataFrame
    practices: pd.DataFrame | None
    account: dict[str, object]
    professionals: pd.Series | None = None
    period: str | None = None
    before: Answer | None = None  # the same with practitioners where they are


def naive_flows(
    frame: pd.DataFrame,
    *,
    communes: gpd.GeoDataFrame | None = None,
    cog: int | None = None,
    cog_table: CogTable | None = None,
    on_unknown: str = "error",
    activity: str | None = None,
    activities: Mapping[str, list[str]] | None = None,
    allow_new: bool = False,
    period: str | None = None,
    dash: str = "masked",
    masked_as: int = 5,
    arrondissements: str = "city",
    pmsi_codes: pd.DataFrame | None = None,
    allocation: str = "population",
    located: bool = True,
) -> Answer:
    """Count the patients of a table of care events, all cells text, under our own names."""
    rows = _read(frame, activity, cog_table, dash, masked_as)
    place = "practitioner" if "practitioner" in rows else "destination"
    columns = ["residence"] if place == "practitioner" else ["residence", "destination"]
    seen = observed(rows["year"])
    _reasons_of_time(rows, period)

    # Codes and labels are those of the rows of the period: nothing is said of the others.
    current = rows[rows["reason"] == ""]
    labels = _labels(current["activity"], thesaurus.known(activities), allow_new=allow_new)
    rows["label"] = [labels.get(each, "") for each in rows["activity"]]
    raw = {name: sorted(set(current[name])) for name in columns}
    given = {}
    if pmsi_codes is not None:
        given["residence"] = read_pmsi(raw.pop("residence"), pmsi_codes, allocation)
    read = {**given, **read_codes(raw, communes, cog_table, cog, arrondissements)}
    _reasons(rows, read, place, patient="patient" in frame.columns)
    _judge(rows, read, on_unknown, communes)

    for name, column in read.items():
        named = {each: _name(column, each) for each in column.code}
        rows[f"{name}_key"] = [named.get(each, ("", False)) for each in rows[name]]
    keys = [*(f"{name}_key" for name in read), "label"]
    keys += ["practitioner"] if place == "practitioner" else []
    aside: dict[str, tuple[int, Fraction]] = {}
    for reason, lost in rows[rows["reason"] != ""].groupby("reason"):
        aside[str(reason)] = (len(lost), Fraction(people(lost, place)))
    departments = known_departments(rows[rows["reason"] == ""])
    cancelled, groups = _cancelled(rows[rows["reason"] == ""], keys, acts="acts" in frame.columns)
    if cancelled.any():
        aside["cancelled"] = (int(cancelled.sum()), Fraction(groups))
    rows = rows[(rows["reason"] == "") & ~cancelled.reindex(rows.index, fill_value=False)]
    if rows.empty:
        raise Refused(["nothing_kept"])

    cells = _shared(_counted(rows, keys), read, place)
    kept = Fraction(sum(cell["patients"] for cell in cells.values()), UNIT)
    table = _cell_table(cells, frame.columns, place)
    if "department" in table:
        last = {name: max(each, default="") for name, each in departments.items()}
        table["department"] = table["practitioner"].map(last)
    seen = period or seen
    before = Answer(table, None, _account(len(frame), aside, kept), None, seen)
    practices = professionals = None
    if located and place == "practitioner":
        practices, professionals, table, lost_patients = _located(cells, departments, frame.columns)
        undetermined = set(practices.index[practices["commune"].isna()])
        lost_rows = int(rows["practitioner"].isin(undetermined).sum())
        if lost_rows:
            aside["practice_undetermined"] = (lost_rows, lost_patients)
            kept -= lost_patients
    account = _account(len(frame), aside, kept)
    return Answer(table, practices, account, professionals, seen, before)


# --- Cells ---------------------------------------------------------------------------------


def _read(
    frame: pd.DataFrame, activity: str | None, table: CogTable | None, dash: str, masked_as: int
) -> pd.DataFrame:
    """Read each cell as what it is."""
    rows = pd.DataFrame({name: stripped(frame[name]) for name in frame.columns})
    if "BEN_RES_DPT" in rows:
        rows["residence"] = codes.snds(rows["BEN_RES_DPT"], rows["BEN_RES_COM"], table=table)
        rows["residence"] = rows["residence"].fillna("")
    if activity is not None:
        rows["activity"] = activity
    _read_people(rows, dash, masked_as)
    _read_measures(rows)
    rows["year"] = _years(rows)
    return rows


def stripped(column: pd.Series) -> pd.Series:
    """Read cells as text without blanks around; an empty one is missing."""
    cells = column.astype(object).where(column.notna(), "")
    return pd.Series([str(each).strip() for each in cells.tolist()], dtype=object)


def _read_people(rows: pd.DataFrame, dash: str, masked_as: int) -> None:
    """Rule 1: a row is an event of a patient, or a number of patients, perhaps masked."""
    if "patient" not in rows:
        rows["patient"] = ""
    cells = rows["patients"] if "patients" in rows else pd.Series("", index=rows.index)
    if ((rows["patient"] != "") & (cells != "")).any():
        raise Refused(["event_both"])
    read = {each: _count(each, dash, masked_as) for each in set(cells)}
    rows["number"] = [read[each][0] for each in cells]
    rows["masked"] = [read[each][1] for each in cells]
    rows["people_missing"] = (rows["patient"] == "") & ~cells.map(lambda each: read[each][2])


def _count(cell: str, dash: str, masked_as: int) -> tuple[int, int, bool]:
    """Read a count: its number, whether it is masked, whether there is one."""
    if cell == "":
        return 0, 0, False
    if re.fullmatch(MASKED, cell, re.IGNORECASE) or (cell == "-" and dash == "masked"):
        return masked_as, 1, True
    if cell == "-":
        return 0, 0, True
    number = re.sub(r"\s", "", cell)
    if not re.fullmatch(r"\d+", number):
        raise Refused(["number"])
    return int(number), 0, True


def _number(cell: str, unit: int, missing: int) -> int:
    """Read a number as a whole number of its hundredths or thousandths, halves upwards."""
    if cell == "" or re.fullmatch(MASKED, cell, re.IGNORECASE):
        return missing
    written = re.sub(r"\s", "", cell).replace(",", ".")
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", written):
        raise Refused(["number"])
    number = Decimal(written)
    return math.floor(number * unit + Decimal("0.5"))


def _read_measures(rows: pd.DataFrame) -> None:
    for name, unit, missing in (("amount", 100, 0), ("acts", 1000, 1000)):
        cells = rows[name] if name in rows else pd.Series("", index=rows.index)
        read = {each: _number(each, unit, missing) for each in set(cells)}
        rows[f"{name}_units"] = [read[each] for each in cells]
    if "department" in rows:
        raw = pd.Series(sorted(set(rows["department"])), dtype=object)
        code = codes.repaired_departments(raw)
        if not code.str.fullmatch(r"\d{2,3}|2[AB]|").all():
            raise Refused(["department_malformed"])
        became = dict(zip(raw, code, strict=True))
        rows["department"] = [became[each] for each in rows["department"]]
    else:
        rows["department"] = ""


# --- Rules 2 to 4: what is kept ------------------------------------------------------------


def _years(rows: pd.DataFrame) -> list[str]:
    """Rule 2: the year of each row, empty where there is none."""
    if "date" in rows:
        read = {each: _year(each) for each in set(rows["date"])}
        return [read[each] for each in rows["date"]]
    return list(rows["year"]) if "year" in rows else [""] * len(rows)


def _year(date: str) -> str:
    if date == "":
        return ""
    day = re.fullmatch(r"(\d{4})[-/.]\d\d[-/.]\d\d.*|(\d{4})\d{4}|\d\d[-/.]\d\d[-/.](\d{4})", date)
    if day is None:
        return ""
    return day[1] or day[2] or day[3]


def observed(years: Iterable[str]) -> str | None:
    """Rule 2: the years of a table, the first and the last; None where a row has none."""
    found = sorted(set(years))
    if "" in found:
        return None
    return found[0] if found[0] == found[-1] else f"{found[0]}-{found[-1]}"


def _reasons_of_time(rows: pd.DataFrame, period: str | None) -> None:
    """Rule 2: rows of other years, or of none, are not of the period."""
    rows["reason"] = ""
    if period is None:
        return
    first, _, last = period.partition("-")
    other = [each != "" and not int(first) <= int(each) <= int(last or first) for each in rows.year]
    rows.loc[other, "reason"] = "other_year"
    rows.loc[rows["year"] == "", "reason"] = "missing_date"


def _labels(
    activities: pd.Series, known: thesaurus.Thesaurus, *, allow_new: bool
) -> dict[str, str]:
    """Rule 3: the activity of each label; empty where nothing is said."""
    found = thesaurus.normalised(pd.Series(sorted(set(activities)), dtype=object), known)
    if not allow_new and (found["how"] == "unknown").any():
        raise Refused(["activity_unknown"])
    names = {}
    for label, row in found.iterrows():
        names[str(label)] = "" if row["how"] == "missing" else row["name"]
    return names


class Column(NamedTuple):
    """A column of codes: of each value its code and what is wrong, of each code its parts."""

    code: dict[str, str]
    state: dict[str, str]
    parts: Parts


def read_codes(
    raw: Mapping[str, list[str]],
    communes: gpd.GeoDataFrame | None,
    cog_table: CogTable | None,
    cog: int | None,
    arrondissements: str,
) -> dict[str, Column]:
    """Rule 3: codes repaired, judged, and brought to communes of the year of the layer."""
    if not raw:
        return {}
    layer = set() if communes is None else set(communes.index)
    ours = {_department(each) for each in layer}
    read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for name, values in raw.items():
        text = pd.Series(values, dtype=object)
        repaired = codes.repaired(text)
        written = repaired[~repaired.isin(NO_CODE)]
        if codes.looks_like(written) is not None:
            raise Refused(["code_" + str(codes.looks_like(written))])
        code = dict(zip(values, codes.folded_iris(repaired), strict=True))
        read[name] = code, {value: _state(each, layer) for value, each in code.items()}
    good = [code[value] for code, state in read.values() for value in code if state[value] == ""]
    source, target = _two_years(good, communes, cog_table, cog)
    listed = _listed(cog_table, target)
    columns = {}
    for name, (code, state) in read.items():
        parts = _communes_of(code, state, communes, cog_table, source, target)
        if arrondissements == "city":
            parts = _in_cities(parts, layer)
        unknown = {
            each
            for each, ends in parts.items()
            if any(_unknown(to, layer, ours, listed) for to, _ in ends)
        }
        judged = {
            value: "unknown" if state[value] == "" and each in unknown else state[value]
            for value, each in code.items()
        }
        columns[name] = Column(code, judged, parts)
    return columns


def _state(code: str, layer: Collection[str]) -> str:
    if code in layer:
        return ""
    if code in NO_CODE:
        return "missing"
    if re.fullmatch(r"99\d\d\d", code):
        return "foreign"
    return "" if re.fullmatch(r"(\d\d|2[AB])\d\d\d", code) else "malformed"


def _two_years(
    good: list[str],
    communes: gpd.GeoDataFrame | None,
    table: CogTable | None,
    cog: int | None,
) -> tuple[int | None, int | None]:
    """Tell the year of the codes and that of the layer."""
    if table is None or not table.years:
        return cog, None
    target = table.year
    if communes is not None:
        target = communes.attrs.get("cog") or codes.guessed_year(communes.index, table).year
    return (codes.guessed_year(good, table).year if cog is None else cog), target


def _communes_of(
    code: Mapping[str, str],
    state: Mapping[str, str],
    communes: gpd.GeoDataFrame | None,
    table: CogTable | None,
    source: int | None,
    target: int | None,
) -> dict[str, list[tuple[str, int]]]:
    """Tell which communes each code stands for, with the inhabitants of each."""
    parts = {each: [(each, 1)] for each in code.values()}
    if table is None or source is None or target is None or source >= target:
        return parts
    good = sorted({each for value, each in code.items() if state[value] == ""})
    population = None if communes is None else communes["population"]
    became = codes.convert(good, source, target, table, population=population)
    for each, rows in became.groupby("code"):
        if rows["share"].isna().any():
            continue  # no commune's, or its parts are not known: it stays as it is
        ends = list(rows["converted"])
        people = [1] if len(ends) == 1 else [int(population[to]) for to in ends]
        parts[str(each)] = list(zip(ends, people, strict=True))
    return parts


def _in_cities(parts: Parts, layer: Collection[str]) -> Parts:
    ends = sorted({to for each in parts.values() for to, _ in each})
    cities = dict(zip(ends, codes.to_cities(pd.Series(ends), kept=layer), strict=True))
    gathered = {}
    for code, each in parts.items():
        people: Counter[str] = Counter()
        for to, inhabitants in each:
            people[cities[to]] += inhabitants
        gathered[code] = sorted(people.items())
    return gathered


def _department(code: str) -> str:
    return code[:3] if code[:2] in ("97", "98") else code[:2]


def _listed(table: CogTable | None, target: int | None) -> set[str]:
    """Tell every commune of the year of the layer; none where no list tells."""
    if table is None:
        return set()
    listed = table.listed if target in {None, table.year} else table.in_force(target)
    return set(listed) | table.arrondissements if listed else set()


def _unknown(code: str, layer: set[str], ours: set[str], listed: set[str]) -> bool:
    if code in layer:
        return False
    if _department(code) in ours:
        return True
    return bool(listed) and code not in listed and not re.fullmatch(COLLECTIVITY, code)


def read_pmsi(raw: list[str], cover: pd.DataFrame, rule: str) -> Column:
    """Rule 3: codes of the PMSI stand for the communes that they cover."""
    people: dict[str, Counter[str]] = defaultdict(Counter)
    for row in cover.itertuples():
        people[row.pmsi_code][row.code] += int(row.population)
    parts = {}
    for code, inhabitants in people.items():
        even = rule != "population" or not sum(inhabitants.values())
        parts[code] = sorted((to, 1 if even else n) for to, n in inhabitants.items())
    code = {value: value.upper() for value in raw}
    state = {
        value: "missing" if not each else "" if each in parts else "unknown"
        for value, each in code.items()
    }
    for each in code.values():
        parts.setdefault(each, [(each, 1)])
    return Column(code, state, parts)


def _reasons(rows: pd.DataFrame, read: Mapping[str, Column], place: str, *, patient: bool) -> None:
    """Rule 4: the first reason that holds of each row."""
    marked: list[tuple[str, pd.Series]] = [("missing_activity", rows["label"] == "")]
    if place == "practitioner":
        marked.append(("missing_practitioner", rows["practitioner"] == ""))
    name = "missing_patient" if patient else "missing_patients"
    marked.append((name, rows["people_missing"]))
    for state in STATES:
        for column, found in read.items():
            wrong = {value for value, each in found.state.items() if each == state}
            marked.append((f"{state}_{column}", rows[column].isin(wrong)))
    for reason, lost in marked:
        rows.loc[lost & (rows["reason"] == ""), "reason"] = reason


def _judge(
    rows: pd.DataFrame,
    read: Mapping[str, Column],
    on_unknown: str,
    communes: gpd.GeoDataFrame | None,
) -> None:
    """Rule 3: what is wrong is refused, set aside, or kept as places elsewhere."""
    if on_unknown == "external":
        elsewhere = rows["reason"].str.match("(malformed|foreign|unknown)_")
        rows.loc[elsewhere, "reason"] = ""
    wrong = set(rows["reason"]) - {"", "other_year"}
    if on_unknown != "aside" and wrong:
        raise Refused(sorted(wrong))
    if on_unknown == "error" and communes is not None:
        ends = {to for parts in read["residence"].parts.values() for to, _ in parts}
        if not ends & set(communes.index):
            raise Refused(["no_common_commune"])


def _name(column: Column, value: str) -> Place:
    """Rule 5: a code that became one other takes its name; one of several communes keeps its own.

    Both may be written alike: a PMSI code, and a commune elsewhere that has the same digits.
    """
    parts = column.parts[column.code[value]]
    return (parts[0][0], False) if len(parts) == 1 else (column.code[value], True)


def people(rows: pd.DataFrame, place: str) -> int:
    """Rule 9: the patients of rows set aside, once for each practitioner, and the numbers given."""
    seen = rows.loc[rows["patient"] != "", [place, "patient"]].drop_duplicates()
    return len(seen) + int(rows["number"].sum())


# --- Rules 5 and 6: what is counted --------------------------------------------------------


def known_departments(rows: pd.DataFrame) -> dict[str, set[str]]:
    """Rule 7: where a practitioner may practise, by the rows kept, cancelled ones among them."""
    known: dict[str, set[str]] = defaultdict(set)
    if "practitioner" in rows:
        pairs = rows[["practitioner", "department"]].drop_duplicates()
        for practitioner, department in pairs.itertuples(index=False):
            known[practitioner] |= {department} - {""}
    return known


def _cancelled(rows: pd.DataFrame, keys: list[str], *, acts: bool) -> tuple[pd.Series, int]:
    """Rule 5: the rows whose acts come to nothing, and how many patients they are."""
    events = rows[rows["patient"] != ""]
    if not acts or events.empty:
        return pd.Series(data=False, index=rows.index), 0
    groups = events.groupby(["patient", *keys])["acts_units"]
    lost = groups.transform("sum") <= 0
    return lost.reindex(rows.index, fill_value=False), int((groups.sum() <= 0).sum())


def _counted(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rule 5: distinct patients and the numbers given, by cell."""
    groups = rows.groupby(keys)
    cells = groups.agg(
        number=("number", "sum"),
        masked=("masked", "sum"),
        cents=("amount_units", "sum"),
    )
    events = rows.loc[rows["patient"] != "", [*keys, "patient"]].drop_duplicates()
    seen = events.groupby(keys).size().reindex(cells.index, fill_value=0)
    cells["patients"] = cells["number"] + seen
    return cells.reset_index()


def parted(total: int, weights: list[int]) -> list[int]:
    """Rule 6: share a whole number out by largest remainders, the first of equal ones first."""
    people = sum(weights)
    parts = [total * each // people for each in weights]
    remainders = [total * each % people for each in weights]
    order = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


def _shared(
    counted: pd.DataFrame, read: Mapping[str, Column], place: str
) -> dict[tuple[str, str, str], dict]:
    """Rule 6: cells of a code of several communes are shared out among them, then added up.

    Residences first; where the destination is such a code too, what was added up is shared again.
    """
    cells: dict[tuple, tuple[int, int, int]] = {}
    for row in counted.to_dict("records"):
        there = row["practitioner"] if place == "practitioner" else row["destination_key"]
        measures = (int(row["patients"]) * UNIT, int(row["masked"]) * UNIT, int(row["cents"]))
        cells[row["residence_key"], row["label"], there] = measures
    for position, name in ((0, "residence"), (2, "destination")):
        if name not in read:
            continue
        sums: dict[tuple, tuple[int, int, int]] = {}
        for key, measures in cells.items():
            for to, part in _pieces(key[position], measures, read[name].parts):
                ends = (*key[:position], to, *key[position + 1 :])
                before = sums.get(ends, (0, 0, 0))
                sums[ends] = tuple(map(sum, zip(before, part, strict=True)))
        cells = sums
    names = ("patients", "masked", "cents")
    return {key: dict(zip(names, cells[key], strict=True)) for key in sorted(cells)}


def _pieces(
    key: Place, measures: tuple[int, int, int], parts: Parts
) -> Iterable[tuple[str, tuple[int, ...]]]:
    code, several = key
    if not several:
        return [(code, measures)]
    ends = sorted(parts[code])
    weights = [people for _, people in ends]
    patients, masked, cents = measures
    # Of a masked cell the number is shared out in millionths, of another it stays whole.
    grain = 1 if masked else UNIT
    shares = [
        [each * grain for each in parted(patients // grain, weights)],
        parted(masked, weights),
        parted(cents, weights),
    ]
    return zip([to for to, _ in ends], zip(*shares, strict=True), strict=True)


# --- Rules 7 to 9: places of practice, tables, account --------------------------------------


def _located(
    cells: Mapping[tuple[str, str, str], dict],
    departments: Mapping[str, set[str]],
    columns: Iterable[str],
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, Fraction]:
    """Rules 7 and 8: each practitioner in his place, cells added up by it."""
    practices = places_of_practice(cells, departments)
    commune = practices["commune"].to_dict()
    sums: dict[tuple[str, str, str], dict] = {}
    who: dict[tuple[str, str], set[str]] = defaultdict(set)
    lost = 0
    for (residence, label, practitioner), cell in cells.items():
        to = commune[practitioner]
        if to is None:
            lost += cell["patients"]
            continue
        who[label, to].add(practitioner)
        total = sums.setdefault((residence, label, to), {"patients": 0, "masked": 0, "cents": 0})
        for name in total:
            total[name] += cell[name]
    given = [name for name in columns if name != "department"]
    masked = any(cell["masked"] for cell in cells.values())
    table = _cell_table(dict(sorted(sums.items())), given, "destination", masked=masked)
    names = ["residence", "activity", "destination", "patients", "amount", "masked"]
    table = table[[name for name in names if name in table]]
    index = pd.MultiIndex.from_tuples(sorted(who), names=["activity", "destination"])
    numbers = [len(who[key]) for key in sorted(who)]
    professionals = pd.Series(numbers, index=index, name="professionals", dtype="int64")
    return practices, professionals, table, Fraction(lost, UNIT)


def places_of_practice(
    cells: Mapping[tuple[str, str, str], dict], departments: Mapping[str, set[str]]
) -> pd.DataFrame:
    """Rule 7: the commune of most patients, then of most euros, among those of his department."""
    sums: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for (residence, _, practitioner), cell in cells.items():
        sums[practitioner] = sums[practitioner]
        if cell["patients"] > 0:
            total = sums[practitioner].setdefault(residence, [0, 0])
            total[0] += cell["patients"]
            total[1] += cell["cents"]
    records = {name: _practice(sums[name], departments.get(name, set())) for name in sorted(sums)}
    names = ["commune", "share", "margin", "commune_by_amount", "conflict", "tied"]
    practices = pd.DataFrame.from_dict(records, orient="index", columns=names)
    for name in ("commune", "commune_by_amount"):
        practices[name] = practices[name].astype(object)
        practices[name] = practices[name].where(practices[name].notna(), None)
    practices = practices.astype({"share": "float64", "margin": "float64"})
    practices = practices.astype({"conflict": bool, "tied": bool})
    return practices.rename_axis("practitioner")


def _practice(sums: Mapping[str, list[int]], departments: set[str]) -> list[object]:
    everyone = sum(patients for patients, _ in sums.values())
    candidates = {
        place: total
        for place, total in sums.items()
        if not departments or _department(place) in departments
    }
    if not candidates:
        pole = min(departments) if departments else None
        return [pole, None, None, pole, False, False]
    ranked, tied = _ranked(candidates, lambda total: (total[0], total[1]))
    by_amount, amount_tied = _ranked(candidates, lambda total: (total[1], total[0]))
    anywhere, anywhere_tied = _ranked(sums, lambda total: (total[0], total[1]))
    commune = None if tied else ranked[0]
    first = candidates[ranked[0]][0]
    second = candidates[ranked[1]][0] if len(ranked) > 1 else 0
    conflict = commune is not None and not anywhere_tied and anywhere[0] != commune
    share, margin = first / everyone, (first - second) / everyone
    return [commune, share, margin, None if amount_tied else by_amount[0], conflict, tied]


def _ranked(
    sums: Mapping[str, list[int]], measure: Callable[[list[int]], tuple[int, int]]
) -> tuple[list[str], bool]:
    """Put places in order, and tell whether the first two are equal."""
    ranked = sorted(sums, key=lambda place: (*(-each for each in measure(sums[place])), place))
    tied = len(ranked) > 1 and measure(sums[ranked[0]]) == measure(sums[ranked[1]])
    return ranked, tied


def _cell_table(
    cells: Mapping[tuple[str, str, str], dict],
    given: Iterable[str],
    place: str,
    *,
    masked: bool = False,
) -> pd.DataFrame:
    """Lay cells out as `Flows.table` does, numbers whole where all of them are."""
    keys = list(cells)
    table = pd.DataFrame(
        {
            "residence": [residence for residence, _, _ in keys],
            "activity": [label for _, label, _ in keys],
            place: [there for _, _, there in keys],
        },
        dtype=object,
    )
    names = ["residence", "activity", "practitioner"]
    if place == "destination":
        names = ["residence", "destination", "activity"]
    table = table[names]
    values = list(cells.values())
    table["patients"] = _whole([cell["patients"] for cell in values])
    if masked or any(cell["masked"] for cell in values):
        table["masked"] = _whole([cell["masked"] for cell in values])
    if "amount" in given:
        table["amount"] = [cell["cents"] / 100 for cell in values]
        table["amount"] = table["amount"].astype("float64")
    if "department" in given and place == "practitioner":
        table["department"] = ""
    order = ["residence", "activity", place]
    return table.sort_values(order, ignore_index=True)


def _whole(units: list[int]) -> pd.Series:
    if all(each % UNIT == 0 for each in units):
        return pd.Series([each // UNIT for each in units], dtype="int64")
    return pd.Series([each / UNIT for each in units], dtype="float64")


def _account(rows: int, aside: Mapping[str, tuple[int, Fraction]], kept: Fraction) -> dict:
    """Rule 9: rows and patients in = kept + set aside, by reason."""
    lost = sum((patients for _, patients in aside.values()), Fraction(0))
    return {
        "rows_in": rows,
        "rows_aside": sum(each for each, _ in aside.values()),
        "patients_in": _plain(kept + lost),
        "patients_aside": _plain(lost),
        "reasons": {
            reason: (lines, _plain(patients)) for reason, (lines, patients) in sorted(aside.items())
        },
    }


def _plain(number: Fraction) -> float:
    return int(number) if number.denominator == 1 else float(number)
