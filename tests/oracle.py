"""A slow, plain re-statement of METHOD sections 1, 3, 4 and 5, to test the package against.

Nothing of the package is imported here. Tables are lists of rows, everything else is a dict;
patients are integers, amounts integer cents, shares exact fractions. No rounding anywhere.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    Patients = int | Fraction
    Flows = Mapping[tuple[str, str, str], Patients]  # (residence, activity, destination)
    Neighbours = Mapping[str, Collection[str]]


# --- 1. Reading ---------------------------------------------------------------------------


class Row(NamedTuple):
    """Residents of a commune seen by a practitioner."""

    residence: str
    activity: str
    practitioner: str
    department: str
    patients: int
    cents: int


def table(path: str | Path, encoding: str) -> Iterator[dict[str, str]]:
    """Read the rows of a `;` table, every value as text."""
    with open(path, encoding=encoding, newline="") as file:  # noqa: PTH123
        yield from csv.DictReader(file, delimiter=";")


def decimal(text: str) -> Fraction:
    """Read a number with a decimal comma, exactly."""
    return Fraction(text.replace(",", "."))


def cents_of(text: str) -> int:
    """Read an amount in euros as a whole number of cents."""
    cents = 100 * decimal(text)
    if cents.denominator != 1:
        message = f"not a whole number of cents: {text}"
        raise ValueError(message)
    return int(cents)


def read_specialists(path: str | Path) -> list[Row]:
    """Read the specialist extract."""
    texts = ("commune_residence", "specialite", "ps", "departement_ps")
    return [
        Row(*(line[name] for name in texts), int(line["nb_patients"]), cents_of(line["montant"]))
        for line in table(path, "cp1252")
    ]


def read_stays(path: str | Path) -> list[tuple[str, str, str, int]]:
    """Read the hospital extract: PMSI code, site, activity, stays."""
    return [
        (line["code_geo_pmsi"], line["finess"], line["ga"], int(line["nb_sejours"]))
        for line in table(path, "cp1252")
    ]


def read_sites(path: str | Path) -> dict[str, str]:
    """Read the commune of each hospital site."""
    return {line["finess"]: line["commune"] for line in table(path, "cp1252")}


def read_correspondence(path: str | Path) -> list[tuple[str, str, Fraction]]:
    """Read which communes stand under each PMSI code: commune, code, population."""
    return [
        (line["code_commune_insee"], line["code_geo_pmsi_emul"], decimal(line["pop2021_part"]))
        for line in table(path, "utf-8-sig")
    ]


def department_of(code: str) -> str:
    """Give the department of a commune code; `2A004` is in `2A`, `97101` in `971`."""
    return code[:3] if code[:2] in ("97", "98") else code[:2]


# --- 3. Place of practice -----------------------------------------------------------------


@dataclass(frozen=True)
class Practice:
    """Where a practitioner works, and how sure we are of it."""

    commune: str | None
    share: Fraction | None
    margin: Fraction | None
    commune_by_amount: str | None
    conflict: bool
    tied: bool


def first(weights: Mapping[str, tuple[int, int]]) -> str | None:
    """Give the key of the largest weight, None if there is none or several."""
    if not weights:
        return None
    top = max(weights.values())
    winners = [key for key, weight in weights.items() if weight == top]
    return winners[0] if len(winners) == 1 else None


def practice(patients: Mapping[str, int], cents: Mapping[str, int], known: set[str]) -> Practice:
    """Place one practitioner, from his patients and amounts by residence (none of 0 patients).

    `known` are the departments where he is known to practise.
    """
    candidates = [code for code in patients if not known or department_of(code) in known]
    if known and not candidates:  # none of his patients lives there: external pole
        department = min(known)
        return Practice(department, None, None, department, conflict=False, tied=False)
    if not candidates:  # no patient at all
        return Practice(None, None, None, None, conflict=False, tied=False)

    commune = first({code: (patients[code], cents[code]) for code in candidates})
    by_amount = first({code: (cents[code], patients[code]) for code in candidates})
    anywhere = first({code: (patients[code], cents[code]) for code in patients})
    everyone = sum(patients.values())
    ranking = [*sorted((patients[code] for code in candidates), reverse=True), 0]
    return Practice(
        commune=commune,
        share=Fraction(ranking[0], everyone),
        margin=Fraction(ranking[0] - ranking[1], everyone),
        commune_by_amount=by_amount,
        conflict=bool(known) and None not in (commune, anywhere) and commune != anywhere,
        tied=commune is None,
    )


def practices(rows: Iterable[Row]) -> dict[str, Practice]:
    """Place every practitioner of the table."""
    patients: defaultdict[str, Counter[str]] = defaultdict(Counter)
    cents: defaultdict[str, Counter[str]] = defaultdict(Counter)
    known: defaultdict[str, set[str]] = defaultdict(set)
    everybody = set()
    for row in rows:
        everybody.add(row.practitioner)
        if row.department:
            known[row.practitioner].add(row.department)
        if row.patients > 0:  # a row without patients is no evidence, whatever its amount
            patients[row.practitioner][row.residence] += row.patients
            cents[row.practitioner][row.residence] += row.cents
    return {ps: practice(patients[ps], cents[ps], known[ps]) for ps in sorted(everybody)}


def located(
    rows: Iterable[Row], places: Mapping[str, Practice]
) -> tuple[dict[tuple[str, str, str], int], int]:
    """Replace practitioners by their place; also give the patients of those without a place."""
    flows: Counter[tuple[str, str, str]] = Counter()
    aside = 0
    for row in rows:
        destination = places[row.practitioner].commune
        if destination is None:
            aside += row.patients
        elif row.patients > 0:
            flows[row.residence, row.activity, destination] += row.patients
    return dict(flows), aside


# --- 4. Poles -----------------------------------------------------------------------------


def grouping(
    flows: Flows,
    points: Mapping[str, tuple[float, float]],
    neighbours: Neighbours,
    *,
    radius: float = 10_000,
) -> dict[str, str]:
    """Join the practices of the suburbs to the town: the pole of each place."""
    received: Counter[str] = Counter()  # from everywhere
    sent: Counter[str] = Counter()  # to everywhere
    flow: Counter[tuple[str, str]] = Counter()  # all activities together
    for (residence, _activity, destination), patients in flows.items():
        received[destination] += patients
        sent[residence] += patients
        flow[residence, destination] += patients

    def near(a: str, b: str) -> bool:
        (xa, ya), (xb, yb) = points[a], points[b]
        close = (xa - xb) ** 2 + (ya - yb) ** 2 <= radius**2
        return close or b in neighbours.get(a, ())

    places = sorted((p for p in received if p in points), key=lambda p: (received[p], p))
    pole = {p: p for p in places}
    for p in places:
        seen = {}  # pole of a candidate -> residents of p seen in its group
        for q in places:
            if received[q] > received[p] and near(p, q):
                group = [j for j in places if pole[j] == pole[q]]
                seen[pole[q]] = sum(flow[p, j] for j in group)
        fit = [root for root, patients in seen.items() if patients > 0 and 2 * patients >= sent[p]]
        if fit:
            best = min(fit, key=lambda root: (-seen[root], -received[root], root))
            for j in places:
                if pole[j] == p:  # p, and all that had joined it
                    pole[j] = best
    return pole


def regroup(flows: Flows, mapping: Mapping[str, str]) -> dict[tuple[str, str, str], Patients]:
    """Send the flows of each destination to its pole (or the stays of a site to its commune)."""
    result: Counter[tuple[str, str, str]] = Counter()
    for (residence, activity, destination), patients in flows.items():
        result[residence, activity, mapping.get(destination, destination)] += patients
    return dict(result)


@dataclass(frozen=True)
class Dominant:
    """The pole where most residents of a commune go for an activity."""

    pole: str | None
    patients: Patients
    share: Fraction
    margin: Fraction
    tied: bool


def dominant(flows: Flows, minimum: int = 11) -> dict[tuple[str, str], Dominant]:
    """Find the dominant pole of each commune for each activity."""
    seen: defaultdict[tuple[str, str], dict[str, Patients]] = defaultdict(dict)
    for (commune, activity, destination), patients in flows.items():
        seen[commune, activity][destination] = patients
    result = {}
    for key, by_pole in seen.items():
        total = sum(by_pole.values())
        if total == 0:
            continue
        top, second, *_ = [*sorted(by_pole.values(), reverse=True), 0]
        pole, *others = [code for code, patients in by_pole.items() if patients == top]
        result[key] = Dominant(
            pole=None if others or total < minimum else pole,
            patients=total,
            share=Fraction(top) / total,
            margin=Fraction(top - second) / total,
            tied=bool(others) and total >= minimum,
        )
    return result


# --- 5. Concordance -----------------------------------------------------------------------


@dataclass(frozen=True)
class Class:
    """How far the activities of a commune agree on one pole."""

    concordance: str
    pole: str | None
    matched: int
    activities: int
    share: Fraction | None


def concordance(
    dominants: Mapping[tuple[str, str], Dominant], communes: Iterable[str], minimum: int = 3
) -> dict[str, Class]:
    """Give the class of every commune of the list."""
    poles: defaultdict[str, list[str]] = defaultdict(list)
    for (commune, _activity), found in dominants.items():
        if found.pole is not None:
            poles[commune].append(found.pole)
    return {commune: agreement(poles[commune], minimum) for commune in communes}


def agreement(poles: list[str], minimum: int) -> Class:
    """Give the class of a commune, from the dominant pole of each of its activities."""
    k = len(poles)
    m = max(Counter(poles).values(), default=0)
    modes = [pole for pole, count in Counter(poles).items() if count == m]
    if k < minimum or k == 0:
        return Class("insufficient", None, m, k, None)
    if len(modes) > 1:
        return Class("none", None, m, k, Fraction(m, k))
    if m == k:
        name = "always"
    elif 100 * m >= 66 * k:
        name = "all_but_one"
    elif 2 * m >= k:
        name = "majority"
    else:
        name = "relative"
    return Class(name, modes[0], m, k, Fraction(m, k))


# --- 2. Hospital stays, from PMSI codes to communes ---------------------------------------


def allocate(
    stays: Iterable[tuple[str, str, str, int]],
    correspondence: Iterable[tuple[str, str, Fraction]],
) -> dict[tuple[str, str, str], Fraction]:
    """Share the stays of each code among its communes: (commune, activity, site) -> stays."""
    population: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for commune, code, people in correspondence:
        population[code][commune] += people
    result: defaultdict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for code, site, activity, number in stays:
        if code not in population:
            raise KeyError(code)
        parts: Mapping[str, Patients] = population[code]
        if sum(parts.values()) == 0:  # nobody there: the same part for each commune
            parts = dict.fromkeys(parts, 1)
        total = sum(parts.values())
        for commune, people in parts.items():
            if people and number:
                result[commune, activity, site] += Fraction(people) * number / total
    return dict(result)


def pieces(members: set[str], neighbours: Neighbours) -> int:
    """Count the connected pieces of a set of communes."""
    left = set(members)
    count = 0
    while left:
        count += 1
        border = [left.pop()]
        while border:
            for code in neighbours.get(border.pop(), ()):
                if code in left:
                    left.remove(code)
                    border.append(code)
    return count
