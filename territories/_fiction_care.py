"""What else the invented region holds: groupings of communes, who practises where, shared patients.

Drawn from a stream of its own, so that the region's other tables do not change with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from territories import _fiction

    Drawn = Callable[[np.random.Generator, NDArray[np.float64]], NDArray[np.int64]]
    Floats = NDArray[np.float64]

SEATS: Final = 18  # of groupings of communes
SEATS_GAP = 9.0  # km at least between two
BEYOND = 3  # communes beyond the border that belong to a grouping of the region
YOUNGEST, OLDEST = 41.0, 61.0  # mean ages of the professionals of a place
RARE = 3.0  # expected shared patients: below, none


class Profession(NamedTuple):
    """Inhabitants for each professional, the least that a place needs for one, and reach (km)."""

    name: str
    inhabitants: int
    least: int
    reach: float


DOCTOR: Final = Profession("médecin généraliste", 1_150, 900, 3.0)
NURSE: Final = Profession("infirmier", 620, 500, 3.0)
PHARMACY: Final = Profession("pharmacie", 2_600, 1_400, 3.5)
NEAR: Final = (DOCTOR, NURSE, PHARMACY)
SHARED_RATE: Final = {"infirmier": 0.14, "pharmacie": 0.55}  # of the doctor's patients


def groupings(land: _fiction.Land) -> pd.DataFrame:
    """Group communes around their seats, as an administration would: never across departments.

    Some communes beyond the border belong to the grouping that is nearest to them.
    """
    inside = land.communes.set_index("code")
    people = land.people.loc[inside.index]
    place = land.people["x"] + 1j * land.people["y"]
    seats = _seats(people)
    outside = land.people.index[~land.people.index.isin(inside.index)][:BEYOND].tolist()
    nearest = [_nearest(code, seats, place) for code in people.index]
    crossing = min(seats, key=lambda seat: abs(place[outside[0]] - place[seat]))
    codes = [*people.index, *outside]
    of = [*nearest, *[crossing] * len(outside)]
    number = {seat: f"EPF{rank:02d}" for rank, seat in enumerate(sorted(seats), 1)}
    return pd.DataFrame(
        {
            "code": codes,
            "epci": [number[seat] for seat in of],
            "nom_epci": [f"Communauté de {inside.loc[seat, 'nom']}" for seat in of],
            "population": land.people.loc[codes, "population"].tolist(),
        }
    )


def _nearest(code: str, seats: list[str], place: pd.Series) -> str:
    """Return the nearest seat of a commune's own department."""
    same = (seat for seat in seats if seat[:2] == code[:2])
    return min(same, key=lambda seat: abs(place[code] - place[seat]))


def _seats(people: pd.DataFrame) -> list[str]:
    """Choose the most populated communes, far enough from one another."""
    seats: list[str] = []
    place = people["x"] + 1j * people["y"]
    for code in people.sort_values("population", ascending=False, kind="stable").index:
        if len(seats) < SEATS and all(abs(place[code] - place[seat]) > SEATS_GAP for seat in seats):
            seats.append(str(code))
    return seats


def practitioners(
    rng: np.random.Generator, land: _fiction.Land, specialists: pd.DataFrame
) -> pd.DataFrame:
    """Count the professionals of each commune: near ones by its population, specialists as placed.

    Parameters
    ----------
    rng
        Where ages come from.
    land
        The communes.
    specialists
        Columns `activity` and `commune`, one row each.
    """
    codes = land.communes["code"]
    people = land.people.loc[codes, "population"].to_numpy()
    rows = []
    for profession in NEAR:
        number = np.where(people >= profession.least, people / profession.inhabitants, 0)
        rows.append(
            pd.DataFrame(
                {
                    "commune": codes,
                    "profession": profession.name,
                    "effectif": np.maximum(np.round(number), people >= profession.least),
                }
            )
        )
    placed = specialists[specialists["commune"].isin(codes)]
    counted = placed.groupby(["commune", "activity"]).size().rename("effectif").reset_index()
    rows.append(counted.rename(columns={"activity": "profession"}))
    table = pd.concat(rows)
    table = table[table["effectif"] > 0].sort_values(["commune", "profession"], ignore_index=True)
    old = rng.random(len(table))
    return table.assign(
        effectif=table["effectif"].astype("int64"),
        age_moyen=np.round(YOUNGEST + (OLDEST - YOUNGEST) * old, 1),
        part_60_plus=np.round(0.05 + 0.6 * old * rng.random(len(table)), 2),
    )


def chains(
    rng: np.random.Generator, land: _fiction.Land, supply: pd.DataFrame, poisson: Drawn
) -> pd.DataFrame:
    """Draw the patients of the doctors of one commune who see nurses, or a pharmacy, of another.

    Parameters
    ----------
    rng
        Where numbers come from.
    land
        The communes.
    supply
        Result of `practitioners`.
    poisson
        Draws counts of the means given.
    """
    people = land.people.loc[land.communes["code"]]
    doctors, from_home = _shares(people, supply, DOCTOR)
    tables = []
    for profession in (NURSE, PHARMACY):
        places, towards = _shares(people, supply, profession)
        patients = people["population"].to_numpy()[:, None] * SHARED_RATE[profession.name]
        expected = (from_home * patients).T @ towards
        shared = poisson(rng, np.where(expected < RARE, 0, expected))
        row, column = np.nonzero(shared)
        tables.append(
            pd.DataFrame(
                {
                    "commune_a": doctors[row],
                    "profession_a": DOCTOR.name,
                    "commune_b": places[column],
                    "profession_b": profession.name,
                    "patients": shared[row, column],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _shares(
    people: pd.DataFrame, supply: pd.DataFrame, profession: Profession
) -> tuple[NDArray[np.object_], Floats]:
    """Return the places of a profession, and the part of each commune's people who go to each."""
    there = supply[supply["profession"] == profession.name].set_index("commune")["effectif"]
    places = people.loc[there.index]
    here = people[["x", "y"]].to_numpy()
    gaps = np.hypot(*np.moveaxis(here[:, None, :] - places[["x", "y"]].to_numpy(), 2, 0))
    own = people["territory"].to_numpy()[:, None] == places["territory"].to_numpy()
    pull = there.to_numpy() * np.exp(-gaps / profession.reach) * np.where(own, 2.0, 1.0)
    return there.index.to_numpy(dtype=object), pull / pull.sum(axis=1, keepdims=True)
