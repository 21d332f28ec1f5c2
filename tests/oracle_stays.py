"""Hospital stays, line by line, added up the naive way: one row after another, with fractions.

Written from the rules alone, before the engine's, and sharing nothing with them:

1. A row is a stay, or as many as its cell `stays` says (a masked one counts as `masked_as`).
2. Rows that are left out have the first reason that holds: other_year, missing_date, missing_ghm,
   malformed_ghm, session (GHM of CMD 28), error_ghm (CMD 90), missing_stay (no identifier, where
   there is such a column).
3. A stay is known by its year, its site and its identifier: further rows of it that say the same
   (PMSI code, activity, number) are stay_repeated; if they say something else all is refused.
4. A stay sent under a juridical entity and, with the same year and identifier, by a site of this
   entity is sent_twice; if no such site says the same of it, all is refused.
5. Then total, missing_stays, and without identifiers, cells of an entity (PMSI code, activity)
   that its sites sent too are sent_twice: their numbers must agree. What entities sent alone
   belongs to their first site, if all are in one commune.
6. Then missing_pmsi_code, missing_site, missing_activity, unknown_site, unknown_pmsi_code.
7. A code's stays are shared out among its communes by population, evenly where there is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

MASKED = {"<11", "ns", "s", "nd"}


class RefusedError(Exception):
    """All is refused, by the key of the first fault."""

    key = ""


class EntitySeveralError(RefusedError):
    """An entity has sites in several communes."""

    key = "entity_several"


class EntityDiffersError(RefusedError):
    """An entity says something else than its sites."""

    key = "entity_differs"


class StayDiffersError(RefusedError):
    """A stay says two things."""

    key = "stay_differs"


class Answer(NamedTuple):
    """What becomes of stays."""

    table: dict[tuple[str, str, str], list[Fraction]]
    sites: dict[tuple[str, str, str, str], list[Fraction]]
    cells: dict[tuple[str, str, str], list[Fraction]]
    reasons: dict[str, list[Fraction]]
    rows_in: int
    stays_in: Fraction
    period: str | None


class Row(NamedTuple):
    """A row as it is understood."""

    pmsi: str
    site: str
    activity: str
    number: Fraction | None
    masked: int
    stay: str | None
    year: int | None
    ghm: str | None


def naive_stays(
    rows: pd.DataFrame,
    *,
    sites: Iterable[tuple[str, str, str]],
    cover: Iterable[tuple[str, str, Fraction]],
    departments: Iterable[str] = (),
    years: Iterable[int] | None = None,
    activity: str | None = None,
    masked_as: int = 5,
) -> Answer:
    """Add stays up; rows are text, `sites` are (site, commune, entity), `cover` (commune, code)."""
    commune_of = {site: commune for site, commune, _ in sites}
    entity_of = {site: entity for site, _, entity in sites if entity}
    entities = set(entity_of.values()) - set(commune_of)
    parts = shares(cover)
    reasons: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])

    def aside(reason: str, row: Row) -> None:
        reasons[reason][0] += 1
        reasons[reason][1] += row.number or 0

    read = [understood(each, activity, masked_as) for each in rows.to_dict("records")]
    kept = []
    for row in read:
        reason = first_reason(row, rows.columns, years)
        if reason:
            aside(reason, row)
        else:
            kept.append(row)
    if "stay" in rows:
        kept = once(kept, entity_of, entities, aside)
    usable = numbered(kept, aside)
    if "stay" not in rows:
        usable = without_entities(usable, entity_of, entities, masked_as, aside)
    usable = [placed(row, entity_of, commune_of) for row in usable]
    cells: dict[tuple[str, str, str], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 2)
    for row in usable:
        reason = last_reason(row, commune_of, parts, set(departments))
        if reason:
            aside(reason, row)
        else:
            cell = cells[row.pmsi, row.site, row.activity]
            cells[row.pmsi, row.site, row.activity] = [cell[0] + row.number, cell[1] + row.masked]
    table, by_site = shared(cells, commune_of, parts)
    found = {row.year for row in read} if years is None else set(years)
    period = None
    if ({"year", "date"} & set(rows.columns)) and found and None not in found:
        period = str(min(found)) if len(found) == 1 else f"{min(found)}-{max(found)}"
    return Answer(
        dict(table),
        dict(by_site),
        dict(cells),
        {name: list(each) for name, each in reasons.items()},
        len(read),
        sum((number for number, _ in cells.values()), Fraction(0))
        + sum((number for _, number in reasons.values()), Fraction(0)),
        period,
    )


def numbered(rows: list[Row], aside) -> list[Row]:
    """Leave totals out, and rows without a number."""
    usable = []
    for row in rows:
        keys = (row.pmsi, row.site, row.activity)
        if any(re.fullmatch("(?i)total|ensemble", each) for each in keys):
            aside("total", row._replace(number=None))
        elif row.number is None:
            aside("missing_stays", row)
        else:
            usable.append(row)
    return usable


def placed(row: Row, entity_of: Mapping[str, str], commune_of: Mapping[str, str]) -> Row:
    """Bring what an entity sent alone to its first site."""
    theirs = sorted(site for site, entity in entity_of.items() if entity == row.site)
    if row.site in commune_of or not theirs:
        return row
    if len({commune_of[site] for site in theirs}) > 1:
        raise EntitySeveralError
    return row._replace(site=theirs[0])


def department(pmsi: str) -> str:
    """Return the department of a code."""
    return pmsi[:3] if pmsi[:2] in ("97", "98") else pmsi[:2]


def last_reason(
    row: Row, commune_of: Mapping[str, str], parts: Mapping[str, dict], departments: set[str]
) -> str | None:
    """Tell why a row has no place."""
    shaped = re.fullmatch("[0-9][0-9AB][0-9A-Z]{3}", row.pmsi) is not None
    for reason, holds in (
        ("missing_pmsi_code", row.pmsi == ""),
        ("missing_site", row.site == ""),
        ("missing_activity", row.activity == ""),
        ("unknown_site", row.site not in commune_of),
        (
            "unknown_pmsi_code",
            row.pmsi not in parts and (department(row.pmsi) in departments or not shaped),
        ),
    ):
        if holds:
            return reason
    return None


def shared(
    cells: Mapping[tuple[str, str, str], list[Fraction]],
    commune_of: Mapping[str, str],
    parts: Mapping[str, dict[str, Fraction]],
) -> tuple[dict, dict]:
    """Share cells out among the communes of their codes: by commune of care, and by site."""
    table: dict = defaultdict(lambda: [Fraction(0)] * 2)
    by_site: dict = defaultdict(lambda: [Fraction(0)] * 2)
    for (pmsi, site, what), (number, masked) in cells.items():
        for commune, part in parts.get(pmsi, {department(pmsi): Fraction(1)}).items():
            place = commune_of[site]
            for sums, key in (
                (table, (commune, what, place)),
                (by_site, (site, place, commune, what)),
            ):
                before = sums[key]
                sums[key] = [before[0] + number * part, before[1] + masked * part]
    return table, by_site


def shares(cover: Iterable[tuple[str, str, Fraction]]) -> dict[str, dict[str, Fraction]]:
    """Return the part of each commune in each PMSI code."""
    people: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for commune, pmsi, number in cover:
        people[pmsi][commune] += Fraction(number)
    parts = {}
    for pmsi, communes in people.items():
        total = sum(communes.values())
        parts[pmsi] = {
            commune: number / total if total else Fraction(1, len(communes))
            for commune, number in communes.items()
        }
    return parts


def understood(cells: Mapping[str, str], activity: str | None, masked_as: int) -> Row:
    """Read the cells of a row."""
    text = {name: " ".join((value or "").split()) for name, value in cells.items()}
    ghm = text.get("ghm")
    if ghm is not None:
        ghm = re.sub("^([0-9])(?=[A-Z]|$)", r"0\1", ghm.replace(" ", "").upper())
    site = text["site"]
    number: Fraction | None = Fraction(1)
    masked = 0
    if "stays" in text:
        written = text["stays"].replace(" ", "").replace(",", ".")
        masked = int(written in MASKED)
        number = None if not written else Fraction(masked_as if masked else written)
    what = text.get("activity", f"CMD {ghm[:2]}" if ghm else "")
    dated = re.search("((?:19|20)[0-9]{2})", text.get("date", text.get("year", "")))
    return Row(
        pmsi=text["pmsi_code"].upper(),
        site=f"0{site}" if re.fullmatch("[0-9]{8}", site) else site,
        activity=what if activity is None else activity,
        number=number,
        masked=masked,
        stay=text.get("stay"),
        year=int(dated[1]) if dated else None,
        ghm=ghm,
    )


def first_reason(row: Row, columns: Iterable[str], years: Iterable[int] | None) -> str | None:
    """Tell why a row is left out."""
    ghm = row.ghm or ""
    shaped = re.fullmatch("[0-9]{2}([A-Z][0-9A-Z]*)?", ghm) is not None
    for reason, holds in (
        ("missing_date", years is not None and row.year is None),
        ("other_year", years is not None and row.year not in set(years or ())),
        ("missing_ghm", "ghm" in columns and ghm == ""),
        ("malformed_ghm", "ghm" in columns and not shaped),
        ("session", ghm.startswith("28")),
        ("error_ghm", ghm.startswith("90")),
        ("missing_stay", "stay" in columns and not row.stay),
    ):
        if holds:
            return reason
    return None


def once(rows: list[Row], entity_of: Mapping[str, str], entities: set[str], aside) -> list[Row]:
    """Count each stay once."""
    first: dict[tuple, Row] = {}
    for row in rows:
        said = (row.pmsi, row.activity, row.number, row.masked)
        before = first.setdefault((row.year, row.site, row.stay), row)
        if (before.pmsi, before.activity, before.number, before.masked) != said:
            raise StayDiffersError
        if before is not row:
            aside("stay_repeated", row)
    sent = defaultdict(set)
    for row in first.values():
        if row.site in entity_of:
            key = (row.year, entity_of[row.site], row.stay)
            sent[key].add((row.pmsi, row.activity, row.number, row.masked))
    kept = []
    for row in first.values():
        others = sent.get((row.year, row.site, row.stay)) if row.site in entities else None
        if others is None:
            kept.append(row)
        elif (row.pmsi, row.activity, row.number, row.masked) in others:
            aside("sent_twice", row)
        else:
            raise StayDiffersError
    return kept


def without_entities(
    rows: list[Row], entity_of: Mapping[str, str], entities: set[str], masked_as: int, aside
) -> list[Row]:
    """Leave the cells of an entity out that its sites sent too."""
    low: dict[tuple, Fraction] = defaultdict(Fraction)
    high: dict[tuple, Fraction] = defaultdict(Fraction)
    for row in rows:
        key = (row.pmsi, row.activity, entity_of.get(row.site, row.site), row.site in entities)
        assert row.number is not None
        low[key] += 1 if row.masked else row.number
        high[key] += 10 if row.masked else row.number
    kept = []
    for row in rows:
        mine, theirs = ((row.pmsi, row.activity, row.site, each) for each in (True, False))
        if row.site not in entities or theirs not in low:
            kept.append(row)
        elif low[mine] <= high[theirs] and low[theirs] <= high[mine]:
            aside("sent_twice", row)
        else:
            raise EntityDiffersError
    return kept
