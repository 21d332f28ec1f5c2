"""Tables of care events with all that spoils them: ties, masked cells, codes of every kind.

Tables are made of text, as `oracle_events` reads them; writers lay them down as engines find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

from territories.cog import CogTable, cog_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What a table is drawn from, where nothing better is at hand: a layer of 2024, in which 45090 and
# 45091 have merged since 2018, and 60054, which took 60455 in, has been split.
_LAYER = {
    "01004": 14_000,
    "01005": 1_700,
    "2A004": 72_000,
    "2B033": 48_000,
    "60054": 3_000,
    "60694": 1_000,
    "75056": 2_100_000,
    "69123": 520_000,
    "13055": 870_000,
    **{f"450{number:02d}": 500 + 130 * number for number in range(1, 21)},
}
_ELSEWHERE = ("77001", "77002", "97105", "37261")
_EVENTS = [
    *[("2019-01-01", old, "45001") for old in ("45001", "45090")],
    *[("2020-01-01", old, "45002") for old in ("45002", "45091")],
    *[("2019-01-01", old, "60054") for old in ("60054", "60455")],
    *[("2024-01-01", "60054", new) for new in ("60054", "60694")],
]
_DEPARTMENTS = ("01", "2A", "2B", "45", "60")

_ACTIVITIES = (
    ("ophtalmologie", ["ophtalmologie", "OPHTALMOLOGIE", " Ophtalmologue "]),
    ("dermatologie", ["dermatologie", "Dermatologue", "DERMATOLOGIE"]),
    ("ORL", ["ORL", "oto-rhino-laryngologie", "O.R.L."]),
    ("radiologie", ["radiologie", "Radiologie ", "RADIOLOGIE"]),
)
_NO_ACTIVITY = ("", "NA", " ")
_BAD_CODES = ("4523", "4523X", "ABCDE", "99100", "99 109", "45999", "", " ", "2A999", "NA", "01999")
_MASKED = ("<11", "ns", " <11 ", "s")


class World(NamedTuple):
    """Where patients live: a layer of communes of 2024, and the codes of 2018 that they had."""

    communes: gpd.GeoDataFrame
    cog_table: CogTable
    codes: tuple[str, ...]  # of 2018, of the layer's departments and of others
    departments: tuple[str, ...]

    @property
    def options(self) -> dict[str, object]:
        """How its events are read."""
        return {"communes": self.communes, "cog_table": self.cog_table, "cog": 2018}


def invented() -> World:
    """Make a small world that needs no file."""
    listed = [*_LAYER, *_ELSEWHERE]
    names = pd.DataFrame({"TYPECOM": "COM", "COM": listed, "LIBELLE": listed})
    columns = ["DATE_EFF", "COM_AV", "COM_AP"]
    events = pd.DataFrame(_EVENTS, columns=columns).assign(TYPECOM_AV="COM", TYPECOM_AP="COM")
    table = cog_table(names, events, year=2024)
    arrondissements = ("75101", "75113", "69385", "13208")
    old = sorted(table.in_force(2018))
    return World(_layer(pd.Series(_LAYER)), table, (*old, *arrondissements), _DEPARTMENTS)


def french(table: CogTable, zonings: Path) -> World:
    """Make a world of some departments of France, of INSEE's own files."""
    departments = ("01", "18", "28", "2A", "2B", "36", "37", "41", "45", "60")
    frame = pd.read_csv(zonings, dtype=str, keep_default_na=False)
    inside = frame["DEP"].isin(departments) | frame["CODGEO"].isin(["75056", "69123", "13055"])
    people = frame[inside].set_index("CODGEO")["POP"].astype(float).astype(int)
    old = [code for code in sorted(table.in_force(2018)) if code[:2] in departments]
    others = ("75101", "75113", "69385", "13208", "77288", "97105", "49007")
    return World(_layer(people), table, (*old, *others), departments)


def _layer(people: pd.Series) -> gpd.GeoDataFrame:
    """Lay communes out on a line: events do not look at where they are."""
    points = shapely.points(600_000.0 + 1000 * np.arange(len(people)), 6_700_000.0)
    layer = gpd.GeoDataFrame(
        {"name": people.index, "population": people.to_numpy()},
        geometry=points,
        index=pd.Index(people.index, name="code"),
        crs="EPSG:2154",
    )
    layer.attrs.update(cog=2024, file="communes.geojson")
    return layer


# --- Events ----------------------------------------------------------------------------------


def care(
    world: World, *, rows: int, seed: int, spoiled: bool = True, place: str = "practitioner"
) -> pd.DataFrame:
    """Make a table of care events, all cells text.

    Parameters
    ----------
    world
        Where patients live.
    rows
        About how many; cancelled acts come on top.
    seed
        Of everything.
    spoiled
        With what must be set aside: bad codes, missing cells. Without it nothing is refused.
    place
        What a row names: a practitioner, or a destination.
    """
    draw = np.random.default_rng(seed)
    doctors = _doctors(world, draw, max(40, rows // 500))
    patients = max(4, rows // 6)
    home = draw.integers(len(world.codes), size=patients)
    # Most practitioners have few patients, so that communes are tied for them.
    wide = draw.random(rows) < 0.8
    many = max(2, len(doctors) // 20)
    doctor = np.where(wide, draw.integers(many, size=rows), draw.integers(len(doctors), size=rows))
    patient = draw.integers(patients, size=rows)
    frame = pd.DataFrame({"patient": _spelt(draw, _numbers(patients), patient)})
    lived = np.where(
        draw.random(rows) < 0.02, draw.integers(len(world.codes), size=rows), home[patient]
    )
    frame["residence"] = _codes(world, draw, world.codes, lived)
    if place == "practitioner":
        frame["practitioner"] = _spelt(draw, [f"PS{each:05d}" for each in doctors.index], doctor)
        frame["department"] = _departments(doctors, draw, doctor)
    else:
        frame["destination"] = _codes(
            world, draw, world.codes, doctors["commune"].to_numpy()[doctor]
        )
    frame["activity"] = _activities(doctors, draw, doctor)
    frame["date"] = _dates(draw, rows)
    frame["acts"] = _taken(draw, ["1", "2", "1.0", "0,5", "", "3"], rows, [70, 12, 4, 4, 5, 5])
    # Round amounts, so that they are tied too.
    euros = ["25", "25.00", "50", "12,5", "30.05", "-25", "", "1 250,75"]
    frame["amount"] = _taken(draw, euros, rows, [40, 20, 15, 10, 5, 4, 4, 2])
    frame["patients"] = ""
    added = np.flatnonzero(draw.random(rows) < 0.03)
    cells = ["<11", "ns", " <11 ", "-", "0", "7", " 12 ", "1 200"]
    frame.loc[added, "patients"] = _taken(draw, cells, len(added), [6, 4, 2, 2, 2, 9, 4, 1])
    frame.loc[added, "patient"] = ""
    if spoiled:
        _spoil(frame, draw, place)
    frame = pd.concat([frame, _cancelled(frame, draw)], ignore_index=True)
    return shuffled(frame, seed)


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Put rows in another order."""
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


def _numbers(size: int) -> list[str]:
    return [str(1000 + each) for each in range(size)]


def _taken(
    draw: np.random.Generator, values: list[str], size: int, weights: list[int]
) -> np.ndarray:
    chances = np.array(weights) / sum(weights)
    return np.array(values, dtype=object)[draw.choice(len(values), size=size, p=chances)]


def _spelt(draw: np.random.Generator, names: list[str], which: np.ndarray) -> np.ndarray:
    """Write names with blanks around, now and then: of each kind that files hold."""
    spellings = np.array(
        [
            names,
            [f" {each}" for each in names],
            [f"{each}\t" for each in names],
            [f"  {each} " for each in names],
        ],
        dtype=object,
    )
    kind = draw.choice(4, size=len(which), p=[0.96, 0.02, 0.01, 0.01])
    return spellings[kind, which]


def _doctors(world: World, draw: np.random.Generator, size: int) -> pd.DataFrame:
    """Draw practitioners: a commune, an activity, a department that may be missing or another."""
    commune = draw.integers(len(world.codes), size=size)
    own = np.array([code[:2] for code in world.codes], dtype=object)[commune]
    elsewhere = _taken(
        draw, ["95", "971", *world.departments], size, [1] * (2 + len(world.departments))
    )
    known = draw.random(size)
    department = np.where(known < 0.6, own, np.where(known < 0.8, elsewhere, ""))
    return pd.DataFrame(
        {
            "commune": commune,
            "activity": draw.integers(len(_ACTIVITIES), size=size),
            "department": department,
            "second": np.where(draw.random(size) < 0.1, elsewhere, department),
        }
    )


def _departments(doctors: pd.DataFrame, draw: np.random.Generator, doctor: np.ndarray) -> list[str]:
    own, second = (doctors[name].to_numpy()[doctor] for name in ("department", "second"))
    chance = draw.random(len(doctor))
    written = np.where(chance < 0.7, own, np.where(chance < 0.85, second, ""))
    odd = draw.random(len(doctor)) < 0.02
    return [
        f"{each.lstrip('0')}.0" if some and each.isdigit() and len(each) == 2 else each
        for each, some in zip(written, odd, strict=True)
    ]


def _codes(
    world: World, draw: np.random.Generator, codes: Iterable[str], which: np.ndarray
) -> np.ndarray:
    """Write codes as spreadsheets leave them; of communes that merged, also the new one."""
    found = world.cog_table.successors(2018, 2024)
    listed = list(codes)
    after = [found.get(each, frozenset([each])) for each in listed]
    now = [
        next(iter(ends)) if len(ends) == 1 else each
        for each, ends in zip(listed, after, strict=True)
    ]
    spellings = np.array(
        [
            listed,
            now,
            [f" {each}" for each in listed],
            [each.lower() for each in listed],
            [each.lstrip("0") for each in listed],
            [f"{each.lstrip('0')}.0" if each.isdigit() else each for each in listed],
            [f"{each}0101" for each in listed],
        ],
        dtype=object,
    )
    kind = draw.choice(7, size=len(which), p=[0.8, 0.1, 0.02, 0.03, 0.03, 0.01, 0.01])
    return spellings[kind, which]


def _activities(doctors: pd.DataFrame, draw: np.random.Generator, doctor: np.ndarray) -> np.ndarray:
    spellings = np.array([labels for _, labels in _ACTIVITIES], dtype=object)
    activity = doctors["activity"].to_numpy()[doctor]
    odd = draw.random(len(doctor)) < 0.05
    activity = np.where(odd, draw.integers(len(_ACTIVITIES), size=len(doctor)), activity)
    return spellings[activity, draw.choice(3, size=len(doctor), p=[0.8, 0.1, 0.1])]


def _dates(draw: np.random.Generator, rows: int) -> np.ndarray:
    days = pd.date_range("2021-01-01", "2023-12-31")
    spellings = np.array(
        [
            list(days.strftime(each))
            for each in (
                "%Y-%m-%d",
                "%d/%m/%Y",
                "%Y%m%d",
                "%d-%m-%Y",
                "%d.%m.%Y",
                "%Y-%m-%d 08:30:00",
            )
        ],
        dtype=object,
    )
    kind = draw.choice(6, size=rows, p=[0.7, 0.1, 0.1, 0.03, 0.03, 0.04])
    return spellings[kind, draw.integers(len(days), size=rows)]


def _spoil(frame: pd.DataFrame, draw: np.random.Generator, place: str) -> None:
    """Put in what cannot be kept."""
    rows = len(frame)
    for column, values, share in (
        ("residence", _BAD_CODES, 0.02),
        (place, _BAD_CODES if place == "destination" else ("", "  "), 0.01),
        ("activity", _NO_ACTIVITY, 0.01),
        ("patient", ("", "  "), 0.01),
        ("date", ("", " "), 0.01),
    ):
        marked = np.flatnonzero(draw.random(rows) < share)
        frame.loc[marked, column] = _taken(draw, list(values), len(marked), [1] * len(values))


def _cancelled(frame: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """Take some acts back, all of them or one of two; the row that does it is another day's."""
    events = frame[(frame["patient"].str.strip() != "") & frame["acts"].isin(["1", "2"])]
    back = events[draw.random(len(events)) < 0.02].copy()
    back["acts"] = "-" + back["acts"]
    back["amount"] = ["-" + each if each[:1].isdigit() else each for each in back["amount"]]
    return back


# --- Files -----------------------------------------------------------------------------------


def write_parquet(frame: pd.DataFrame, path: Path, *, typed: bool = False) -> Path:
    """Write one file; typed, numbers and dates are what they are instead of text."""
    pq.write_table(_arrow(frame, typed=typed), path)
    return path


def write_folder(frame: pd.DataFrame, folder: Path, *, parts: int = 3, typed: bool = False) -> Path:
    """Write a folder of files."""
    folder.mkdir(parents=True)
    for number in range(parts):
        rows = frame.iloc[number::parts]
        write_parquet(rows, folder / f"part-{number:05d}.parquet", typed=typed)
    return folder


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write delimited text, as the extracts are."""
    frame.to_csv(path, sep=";", index=False, encoding="utf-8")
    return path


def _arrow(frame: pd.DataFrame, *, typed: bool) -> pa.Table:
    """Lay text out in columns; typed, of integers, dates and decimals. An empty cell is null."""
    columns = {}
    for name in frame.columns:
        empty = frame[name].isna() | (frame[name].str.strip() == "")
        column = pa.array(frame[name].astype(object).to_numpy(), pa.string(), mask=empty.to_numpy())
        kind = _TYPES.get(name) if typed else None
        columns[name] = column if kind is None else column.cast(kind)
    return pa.table(columns)


_TYPES = {
    "patient": pa.int64(),
    "date": pa.date32(),
    "acts": pa.int64(),
    "amount": pa.decimal128(9, 2),
}


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers and dates of a table so that they can be typed."""
    digits = frame["patient"].str.strip()
    day = frame["date"].str.strip().str.slice(0, 10)
    iso = (
        pd.concat(
            [
                pd.to_datetime(day.where(day.str.fullmatch(pattern)), format=shape, errors="coerce")
                for pattern, shape in (
                    (r"\d{4}-\d\d-\d\d", "%Y-%m-%d"),
                    (r"\d\d/\d\d/\d{4}", "%d/%m/%Y"),
                    (r"\d{8}", "%Y%m%d"),
                    (r"\d\d-\d\d-\d{4}", "%d-%m-%Y"),
                    (r"\d\d\.\d\d\.\d{4}", "%d.%m.%Y"),
                )
            ],
            axis=1,
        )
        .bfill(axis=1)
        .iloc[:, 0]
    )
    acts = frame["acts"].str.replace(",", ".").str.replace(r"\.0$|0\.5", "", regex=True)
    amount = frame["amount"].str.replace(",", ".").str.replace(" ", "")
    return frame.assign(
        patient=digits, date=iso.dt.strftime("%Y-%m-%d").fillna(""), acts=acts, amount=amount
    )
