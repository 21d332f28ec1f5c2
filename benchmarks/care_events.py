"""Made-up care events on the real communes of France, as Parquet files that DuckDB writes.

    python benchmarks/care_events.py 20_000_000 events/ --data ../shared/data

A row is one line of care: `patient`, `residence` (arrondissements of Paris, Lyon and Marseille, as
extracts have them), `practitioner`, `department` (of practice, missing in one row of twenty),
`activity`, `date` (three years), `acts`, `amount` (euros). What grows with the number of events is
the size of the job, not its shape. SNDS holds about a billion lines a year for 67 million people
and 250 000 practitioners and pharmacies: 100 million events are here a tenth of a year's lines, of
a tenth of the people (6.7 million, as a sample drawn at random would have them), seen by all
250 000. Fewer events are of fewer people *and* of fewer practitioners in proportion, so that each
practitioner keeps his 160 patients or so, and each patient his 15 lines.

A patient has one residence and, for each activity, a usual practitioner: the place by gravity
(population / distance², among the nearest that have the activity), one of those who practise
there by chance. Some people have many more lines than others. 15 % of the lines are elsewhere:
at another place near, or, a quarter of them, anywhere. A line of 400 is cancelled by a second one
whose acts and amount are the opposite.

The same number and the same seed give the same files. A file is a part of the three years.
"""

import argparse
import shutil
import time
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

LINES_PER_PATIENT: Final = 15
LINES_PER_PRACTITIONER: Final = 400
FEWEST_PRACTITIONERS: Final = 400
UNEVEN: Final = 1.3  # 1: all patients have as many lines; more: a few have many
ELSEWHERE: Final = 0.15
ANYWHERE: Final = 0.25  # of those elsewhere
UNKNOWN_DEPARTMENT: Final = 0.05
CANCELLED: Final = 1 / 400  # lines that another one cancels: twice as many are concerned
TWO_ACTS: Final = 0.05

NEAREST: Final = 20  # places that a commune considers for an activity
SLOTS: Final = 32  # in which a commune's preferences are written: a place has as many as it weighs
NEAR_KM: Final = 2.0  # of a place to itself, and added to all others
PEOPLE_SLOTS: Final = 1 << 21
ROWS_PER_FILE: Final = 2_500_000
FEWEST_FILES: Final = 4
FIRST_DAY: Final = np.datetime64("2021-01-01")
DAYS: Final = 3 * 365

CITIES: Final = {"75056": (75101, 20), "69123": (69381, 9), "13055": (13201, 16)}


class Care(NamedTuple):
    """An activity: its share of the lines and of the practitioners, where they are, what it costs.

    `least` is the population of the smallest communes that have it, `town` the power of the
    population that practitioners follow, `euros` the tariff.
    """

    lines: float
    practitioners: float
    least: int
    town: float
    euros: float


ACTIVITIES: Final = {
    "médecine générale": Care(0.25, 57, 800, 1.0, 26.5),
    "pharmacie": Care(0.30, 21, 1_000, 0.9, 38.2),
    "soins infirmiers": Care(0.15, 75, 300, 1.0, 9.65),
    "kinésithérapie": Care(0.10, 55, 1_000, 1.05, 18.28),
    "chirurgie dentaire": Care(0.08, 30, 1_500, 1.05, 30.12),
    "ophtalmologie": Care(0.05, 5, 8_000, 1.25, 50.7),
    "dermatologie": Care(0.03, 3, 8_000, 1.3, 54.0),
    "radiodiagnostic": Care(0.04, 4, 10_000, 1.2, 71.4),
}


class Communes(NamedTuple):
    """Communes: codes in order, places in km, inhabitants."""

    code: NDArray[np.str_]
    points: Floats
    people: Floats


class Country(NamedTuple):
    """What events are drawn from.

    Attributes
    ----------
    residence
        Commune of each of `PEOPLE_SLOTS` people.
    choice
        For each commune, activity and slot, a place of practice.
    first, number
        Of each place, by activity: its first practitioner, and how many there are.
    begin
        The first practitioner of each activity, and one more.
    commune
        Of each practitioner.
    """

    communes: Communes
    residence: NDArray[np.int32]
    choice: NDArray[np.int32]
    first: NDArray[np.int64]
    number: NDArray[np.int64]
    begin: Integers
    commune: NDArray[np.int32]


def france(data: Path) -> Communes:
    """Read the communes of mainland France that both the layer and the list of 2024 have."""
    layer = gpd.read_file(data / "france" / "communes_france_metro_2018_simplif600m.geojson")
    inside = layer.set_index("code").to_crs("EPSG:2154").representative_point()
    zones = pd.read_csv(data / "france" / "communes_zonages_2024.csv", dtype={"CODGEO": "str"})
    people = zones.set_index("CODGEO")["POP"].fillna(0)
    places = pd.DataFrame({"x": inside.x, "y": inside.y, "people": people}).dropna()
    return _communes(places)


def region(data: Path) -> Communes:
    """Read the communes of Centre-Val de Loire."""
    points = pd.read_csv(data / "cvl" / "communes_cvl_points_2024.csv", dtype={"code": "str"})
    places = points.set_index("code")[["x_l93", "y_l93", "pop2021"]]
    return _communes(places.set_axis(["x", "y", "people"], axis=1))


def _communes(places: pd.DataFrame) -> Communes:
    """Write the three cities as their arrondissements: a few km apart, alike in population."""
    parts = [places.drop(index=list(CITIES), errors="ignore")]
    for city, (first, number) in CITIES.items():
        if city in places.index:
            turn = 2 * np.pi * np.arange(number) / number
            district = pd.DataFrame(
                {
                    "x": places.loc[city, "x"] + 3_000 * np.cos(turn),
                    "y": places.loc[city, "y"] + 3_000 * np.sin(turn),
                    "people": places.loc[city, "people"] / number,
                },
                index=[str(first + each) for each in range(number)],
            )
            parts.append(district)
    every = pd.concat(parts).sort_index()
    return Communes(
        every.index.to_numpy(dtype="str"),
        every[["x", "y"]].to_numpy() / 1000,
        every["people"].to_numpy(),
    )


def country(communes: Communes, practitioners: int, random: np.random.Generator) -> Country:
    """Place practitioners where people are, and work out where those of each commune go."""
    nodes = len(communes.code)
    share = np.array([care.practitioners for care in ACTIVITIES.values()])
    counts = np.maximum(np.round(practitioners * share / share.sum()), 20).astype(np.int64)
    begin = np.concatenate([[0], np.cumsum(counts)])
    choice = np.empty((nodes, len(ACTIVITIES), SLOTS), dtype=np.int32)
    first = np.zeros((len(ACTIVITIES), nodes), dtype=np.int64)
    number = np.zeros((len(ACTIVITIES), nodes), dtype=np.int64)
    for activity, care in enumerate(ACTIVITIES.values()):
        wanted = np.where(communes.people >= care.least, communes.people, 0) ** care.town
        number[activity] = random.multinomial(counts[activity], wanted / wanted.sum())
        first[activity] = begin[activity] + np.cumsum(number[activity]) - number[activity]
        choice[:, activity] = _choices(communes, np.flatnonzero(number[activity]))
    commune = np.repeat(np.tile(np.arange(nodes, dtype=np.int32), len(ACTIVITIES)), number.ravel())
    living = _quantiles(communes.people[None, :], PEOPLE_SLOTS)[0].astype(np.int32)
    return Country(communes, living, choice, first, number, begin, commune)


def _choices(communes: Communes, places: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return, for each commune, the place of practice in each of its slots, by gravity."""
    near = min(NEAREST, len(places))
    away, found = cKDTree(communes.points[places]).query(communes.points, k=near)
    pull = communes.people[places][found] / (away + NEAR_KM) ** 2
    slot = _quantiles(pull, SLOTS)
    return places[np.take_along_axis(found, slot, axis=1)].astype(np.int32)


def _quantiles(weights: Floats, slots: int) -> NDArray[np.intp]:
    """Give each row's columns slots in proportion to their weights."""
    upto = np.cumsum(weights, axis=1)
    upto /= upto[:, -1:]
    middle = (np.arange(slots) + 0.5) / slots
    return np.array([np.searchsorted(row, middle) for row in upto])


def _hashed(values: Integers, salt: int) -> NDArray[np.uint64]:
    """Return 64 bits that follow from a number (splitmix64), so that habits need no table."""
    mixed = values.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def drawn(
    place: Country, rows: int, *, patients: int, number: int, files: int, seed: int
) -> pd.DataFrame:
    """Draw the rows of a file, in numbers, from its number among the files."""
    cancelled = round(rows * CANCELLED)
    lines = rows - cancelled
    random = np.random.default_rng((seed, number))
    patient = (patients * random.random(lines) ** UNEVEN).astype(np.int64)
    shares = np.cumsum([care.lines for care in ACTIVITIES.values()])
    activity = np.searchsorted(shares[:-1], random.random(lines), side="right")
    living = place.residence[_hashed(patient, 2 * seed + 1) % np.uint64(PEOPLE_SLOTS)]

    habit = _hashed(patient * len(ACTIVITIES) + activity, 2 * seed + 2)
    elsewhere = np.flatnonzero(random.random(lines) < ELSEWHERE)
    habit[elsewhere] = random.integers(0, 2**63, len(elsewhere), dtype=np.uint64)
    town = place.choice[living, activity, (habit % np.uint64(SLOTS)).astype(np.int64)]
    there = place.number[activity, town]
    who = place.first[activity, town] + ((habit >> np.uint64(20)).astype(np.int64) % there)
    far = elsewhere[random.random(len(elsewhere)) < ANYWHERE]
    begin, end = place.begin[activity[far]], place.begin[activity[far] + 1]
    who[far] = random.integers(begin, end)

    span = DAYS / files
    day = (number * span + random.random(lines) * span).astype(np.int64)
    acts = 1 + (random.random(lines) < TWO_ACTS).astype(np.int16)
    tariff = np.array([care.euros for care in ACTIVITIES.values()])[activity]
    paid = tariff * np.exp(0.4 * np.maximum(random.normal(size=lines), -0.25))
    frame = pd.DataFrame(
        {
            "patient": patient,
            "residence": living,
            "practitioner": who,
            "department": random.random(lines) >= UNKNOWN_DEPARTMENT,
            "activity": activity.astype(np.int8),
            "day": day.astype(np.int32),
            "acts": acts,
            "cents": np.round(100 * paid).astype(np.int64) * acts,
        }
    )
    back = frame.iloc[random.choice(lines, cancelled, replace=False)]
    back = back.assign(acts=-back["acts"], cents=-back["cents"])
    return pd.concat([frame, back], ignore_index=True)


def _files(events: int) -> list[int]:
    """Return how many rows each file has."""
    files = max(-(-events // ROWS_PER_FILE), min(FEWEST_FILES, events))
    return np.diff([events * each // files for each in range(files + 1)]).tolist()


def write(events: int, folder: Path, communes: Communes, *, seed: int = 0) -> None:
    """Write a folder of Parquet files; it is there when all are.

    Parameters
    ----------
    events
        Rows in all.
    folder
        Replaced if it is there.
    communes
        Where people live.
    seed
        All that is drawn follows from it.
    """
    random = np.random.default_rng((seed, events))
    practitioners = max(events // LINES_PER_PRACTITIONER, FEWEST_PRACTITIONERS)
    place = country(communes, practitioners, random)
    patients = max(events // LINES_PER_PATIENT, 1)
    files = _files(events)

    # Numbers do not follow from where one is: they are given at random.
    given = random.permutation(len(place.commune)) + 1
    named = np.array([f"P{each:07d}" for each in given])
    department = np.array([code[:2] for code in communes.code])
    shown = pd.Index(department).unique()
    of_commune = shown.get_indexer(department)
    labels = list(ACTIVITIES)

    being = folder.with_name(folder.name + ".part")
    shutil.rmtree(being, ignore_errors=True)
    being.mkdir(parents=True)
    with duckdb.connect() as connection:
        for number, count in enumerate(files):
            line = drawn(
                place, count, patients=patients, number=number, files=len(files), seed=seed
            )
            known = of_commune[place.commune[line["practitioner"]]]
            rows = pd.DataFrame(
                {
                    "patient": _renumbered(line["patient"].to_numpy(), patients),
                    "residence": pd.Categorical.from_codes(line["residence"], communes.code),
                    "practitioner": pd.Categorical.from_codes(line["practitioner"], named),
                    "department": pd.Categorical.from_codes(
                        np.where(line["department"], known, -1), shown
                    ),
                    "activity": pd.Categorical.from_codes(line["activity"], labels),
                    "date": FIRST_DAY + line["day"].to_numpy().astype("timedelta64[D]"),
                    "acts": line["acts"],
                    "cents": line["cents"],
                }
            )
            connection.register("drawn", rows)
            # A path cannot be a parameter of COPY.
            file = str(being / f"part-{number:04d}.parquet").replace("'", "''")
            connection.execute(
                f"""COPY (
                    SELECT patient, residence::VARCHAR AS residence,
                        practitioner::VARCHAR AS practitioner, department::VARCHAR AS department,
                        activity::VARCHAR AS activity, date::DATE AS date, acts::INTEGER AS acts,
                        (cents / 100)::DECIMAL(9, 2) AS amount
                    FROM drawn
                ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""  # noqa: S608 - a path, quoted
            )
            connection.unregister("drawn")
    shutil.rmtree(folder, ignore_errors=True)
    being.rename(folder)


def _renumbered(patient: Integers, patients: int) -> Integers:
    """Give patients numbers that say nothing of how many lines they have: a permutation."""
    step = next(
        each
        for each in range(patients * 5 // 8 | 1, 2 * patients + 3, 2)
        if np.gcd(each, patients) == 1
    )
    return 1 + patient * step % patients


def main() -> None:
    """Write the events asked for, and say how many and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("events", type=int, help="how many, as 20_000_000")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--region", action="store_true", help="Centre-Val de Loire alone")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    before = time.perf_counter()
    communes = (region if asked.region else france)(asked.data)
    write(asked.events, asked.folder, communes, seed=asked.seed)
    size = sum(each.stat().st_size for each in asked.folder.iterdir())
    spent = time.perf_counter() - before
    print(f"{asked.events:,} events, {size / 1e6:,.0f} MB, {spent:.0f} s: {asked.folder}")


if __name__ == "__main__":
    main()
