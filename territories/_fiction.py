"""The invented land of `territories.datasets`: a plan drawn by hand, and borders made from a seed.

All happens in a flat plane of kilometres (x east, y north). Only uniform numbers are drawn: NumPy
keeps the raw stream of a generator from one version to the next, not that of its other laws
(NEP 19). A commune is one or more cells of a Voronoi diagram; each border is made once, for the two
cells it parts, so that neighbours have exactly the same vertices.
"""

from __future__ import annotations

import heapq
import itertools
import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

if TYPE_CHECKING:
    from collections.abc import Iterator

Points: TypeAlias = NDArray[np.float64]  # one row a point
Line: TypeAlias = list[tuple[float, float]]
Corner: TypeAlias = tuple[int, ...]  # the three cells that meet there, in order
Sides: TypeAlias = dict[tuple[int, int], Corner]
Borders: TypeAlias = dict[tuple[int, int], Line]


@dataclass(frozen=True)
class Place:
    """A commune of the plan, where it stands whatever the seed.

    ``practices`` counts its practitioners in each of `ACTIVITIES`; without ``population``, one is
    drawn.
    """

    name: str
    department: str
    x: float
    y: float
    population: int = 0
    practices: tuple[int, ...] = (0, 0, 0, 0, 0)


ACTIVITIES: Final = (
    "ophtalmologie",
    "dermatologie",
    "ORL",
    "radiodiagnostic",
    "gastro-entérologie",
)
# No department has the first two codes; 20 was Corsica's until 1976, 98 stands for overseas.
NORTH, SOUTH, EAST, FAR = "00", "96", "20", "98"

# Twelve poles, each the head of a planted territory. Small ones lack some activities on purpose.
POLES: Final = (
    Place("Orvignac", NORTH, 11, 14, 110_000, (6, 3, 3, 6, 2)),
    Place("Vertonnac", NORTH, 33, 31, 21_000, (2, 1, 2, 2, 2)),
    Place("Castelvèze", NORTH, -28, 30, 16_000, (2, 1, 1, 2, 0)),
    Place("Villedoure", NORTH, -18, 8, 14_000, (1, 0, 1, 1, 0)),
    Place("Port-Aubrelle", NORTH, -44, 4, 16_400, (1, 0, 1, 1, 0)),
    Place("Lormeuil", NORTH, 39, 8, 12_400, (0, 0, 1, 1, 0)),
    Place("Marsauge", NORTH, 2, 35, 13_500, (1, 0, 0, 1, 0)),
    Place("Montcauvel", SOUTH, -5, -17, 75_000, (4, 3, 2, 3, 1)),
    Place("Rochebrelle", SOUTH, 38, -29, 26_000, (2, 1, 1, 2, 2)),
    Place("Port-Gravelle", SOUTH, -35, -25, 18_000, (2, 1, 1, 2, 1)),
    Place("Saint-Ysarn", SOUTH, 22, -9, 15_000, (1, 0, 2, 1, 0)),
    Place("Fontaugère", SOUTH, 14, -31, 13_600, (1, 0, 0, 1, 0)),
)
# Communes that touch a big town; the practices of some belong, for patients, to the town.
SUBURBS: Final = (
    Place("Brévaux", NORTH, 15, 15.5, 11_500, (1, 0, 0, 1, 0)),
    Place("Hautecombelle", NORTH, 11.5, 18.2, 9_200, (0, 1, 0, 0, 0)),
    Place("Clairvèze", NORTH, 7.2, 16.2, 6_300),
    Place("Saint-Orvin", NORTH, 7.8, 11.2, 7_800, (0, 0, 0, 1, 0)),
    Place("Beaulorme", NORTH, 13.2, 10.3, 4_600),
    Place("Chantorve", SOUTH, -1.2, -16, 9_900, (1, 0, 0, 0, 0)),
    Place("Valdoure", SOUTH, -6, -12.9, 6_900, (0, 0, 0, 1, 0)),
    Place("Cormevielle", SOUTH, -8.8, -18.2, 5_400, (0, 0, 1, 0, 0)),
    Place("Le Guérouet", SOUTH, -4.2, -21, 4_200),
)
ISLAND: Final = Place("L'Île-aux-Gravelots", SOUTH, -51, -18, 1_650)
ENCLAVE: Final = Place("Bois-d'Orvel", NORTH, 24, 25, 410)
ENCLAVE_HOST: Final = Place("Nœuvrelles", NORTH, 26.4, 25.2, 1_980)
EXCLAVE: Final = Place("Tréfauge", SOUTH, 19, -22, 730)
EXCLAVE_HOST: Final = Place("Mornefeuille", SOUTH, 28.3, -20.7, 1_240)
HAMLET: Final = Place("La Combe-Morte", NORTH, -20, 21, 60)
TIED: Final = Place("Entre-Deux-Vèles", SOUTH, 9, -12.5, 880)
ODDITIES: Final = (ISLAND, ENCLAVE, ENCLAVE_HOST, EXCLAVE, EXCLAVE_HOST, HAMLET, TIED)
PLAN: Final = (*POLES, *SUBURBS, *ODDITIES)

# The second cells of the communes that have several.
MORE_CELLS: Final = {
    ISLAND.name: ((-53.2, -15.4), (-49.4, -20.9)),
    ENCLAVE_HOST.name: ((25.1, 27.1), (22.7, 27), (21.7, 24.8), (23.1, 22.9), (25.4, 23.2)),
    EXCLAVE.name: ((26, -21),),
    EXCLAVE_HOST.name: ((26.9, -18.8), (24.4, -19.1), (23.8, -21.7), (25.8, -23.3)),
}
ISLAND_WATERS: Final = (
    (-57.3, -14.5),
    (-55.5, -18.8),
    (-53.4, -22.5),
    (-49.8, -25.4),
    (-45.6, -23.4),
    (-45.5, -18.9),
    (-48, -14.6),
    (-50.6, -11.2),
    (-55.2, -10.7),
)
HOMONYMS: Final = ("Bourg-Lubrin", "Salvouse")  # a commune of each name in each department
COMMUNES: Final = {NORTH: 168, SOUTH: 132}
OUTSIDE_TOWN: Final = (58.0, 3.0)  # the first of the communes beyond the eastern border

OUTLINE: Final = shapely.from_wkt(
    "POLYGON ((46 -38, 47 -25, 51 -14, 45 -4, 49 8, 43 18, 47 29, 43 41, 30 44, 19 41, 8 44, -3 40,"
    " -11 34, -21 40, -34 38, -41 29, -34 21, -38 14, -49 11, -56 3, -48 -3, -36 -4, -25 -9,"
    " -33 -15, -41 -22, -36 -31, -23 -34, -13 -29, -5 -36, 8 -41, 19 -37, 31 -42, 46 -38))"
)
FRAME: Final = (np.array([-74.0, -60.0]), np.array([148.0, 120.0]))  # low corner, size
NOWHERE = ""  # the department of what is out of the outline
OUTSIDE_CELLS = 470
OUTSIDE_COMMUNES = 40
EASTERN_STRIP: Final = shapely.box(40, -38, 74, 38)
ORIGIN: Final = (-4.4, 46.1)  # in the Bay of Biscay, where there is no land
KM_PER_DEGREE: Final = (77.19, 111.2)
SEGMENT = 1.3  # km: a border is broken until its pieces are about this long
ROUGHNESS = 0.45  # how far a midpoint goes, in halves of its piece
SHORTEST = 0.12  # km: a shorter border between four communes becomes a point
SEA = -1  # the owner of the cells that no commune has
FOUR = 4
GAP = 2.9  # km between the seeds of two cells

VILLAGES: Final = (70, 3000)  # least and greatest
VILLAGE, SPREAD = 380, 0.85  # median population, and standard deviation of its logarithm
BIG = 50_000
STRIDE = 97  # prime to the numbers of names, so that none comes twice
PORT: Final = "Port-Gravelle"  # where the ferry of the island lands

ROOTS: Final = (
    "Aubr Bréz Carv Dourl Estr Fauv Gorv Jauz Lan Marv Noirv Orch Pluv Quév Rouvr Tréb Urv Vauz "
    "Thém Salv Bross Morv Charm Escl Grém Alb"
)
ENDINGS: Final = (
    "aize arzac aude euche euil ignan illac ouvres erac oire ières ossan ambre elande ecombe "
    "ancourt evelle"
)
SAINTS: Final = (
    "Saint-Aubrin Saint-Corvin Sainte-Ysoline Saint-Evrault Saint-Orvan Sainte-Mélisse "
    "Saint-Gaubert Chapelle-Ysarn Saint-Lubrin Sainte-Vivence Bourg-Fulrade Sainte-Audrine "
    "Saint-Gétulien Mas-Tancrède Saint-Thierrin"
)
SETTINGS: Final = " -sur-Vèle -des-Landes -la-Forêt -en-Orbelle -les-Ormes -sous-Dourve -d'Aubrelle"


@dataclass(frozen=True, repr=False)
class Land:
    """What the seed made of the plan.

    ``communes`` has ``code``, ``nom``, ``dep``, ``population`` and the geometry, in order of codes;
    ``people`` is indexed by code, those beyond the border included (``x``, ``y`` in km,
    ``population``, ``dep``, ``territory``); ``code_of`` gives the codes of the places planned.
    """

    communes: gpd.GeoDataFrame
    people: pd.DataFrame
    code_of: dict[str, str]


def plain(name: str) -> str:
    """Write a name as the post does: capitals without accents, hyphens or apostrophes.

    Examples
    --------
    >>> plain("Nœuvrelles-sur-l'Île")
    'NOEUVRELLES SUR L ILE'
    """
    letters = unicodedata.normalize("NFD", name.upper().replace("Œ", "OE"))
    return "".join(
        letter if letter.isalpha() else " "
        for letter in letters
        if not unicodedata.combining(letter)
    )


def register() -> pd.DataFrame:
    """Return the code, name and department of every commune; the seed changes none of them.

    As in the COG, codes follow the alphabetical order of the names of a department.
    """
    villages = _village_names()
    rows = []
    for department, count in COMMUNES.items():
        names = [place.name for place in PLAN if place.department == department]
        names += HOMONYMS
        names += itertools.islice(villages, count - len(names))
        names.sort(key=lambda name: re.sub("^(LE|LA|LES|L) ", "", plain(name)))
        rows += [
            (f"{department}{rank:03d}", name, department) for rank, name in enumerate(names, 1)
        ]
    return pd.DataFrame(rows, columns=["code", "nom", "dep"])


def _village_names() -> Iterator[str]:
    """Compose names that no real commune has: a root and an ending, or a saint; some a setting."""
    simple = [root + ending for root in ROOTS.split() for ending in ENDINGS.split()]
    saints, settings = SAINTS.split(), SETTINGS.split(" ")
    for number in range(len(simple)):
        name = simple[number * STRIDE % len(simple)]
        turn, kind = divmod(number, 6)
        setting = settings[turn * 3 % len(settings)]
        if kind == 0:
            yield saints[turn % len(saints)] + setting
        elif name.endswith("ières"):
            yield f"Les {name}"
        else:
            yield name + setting * (kind == 1)


def invented_land(rng: np.random.Generator) -> Land:
    """Make the land: cells, borders, populations and planted territories."""
    communes = register()
    row_of = dict(zip(communes["nom"], communes.index, strict=True))
    codes = communes["code"].tolist()
    seeds, owner = _seeds(rng, communes, row_of)
    sides = _sides(seeds)
    borders = _borders(rng, seeds, owner, sides)
    shapes = _shapes(len(communes), owner, sides, borders)
    centres = seeds[[owner.index(row) for row in communes.index]]
    communes["population"] = _populations(rng, communes["nom"], centres)
    inside = communes.set_index("code")[["dep", "population"]]
    inside["x"], inside["y"] = centres.T
    pairs = _neighbours(owner, borders) | {(row_of[ISLAND.name], row_of[PORT])}
    poles = [row_of[pole.name] for pole in POLES]
    inside["territory"] = [codes[pole] for pole in _territories(centres, pairs, poles)]
    outside = _outside(rng, seeds[np.array(owner) == SEA])
    return Land(
        communes=gpd.GeoDataFrame(communes, geometry=shapes, crs="EPSG:4326"),
        people=pd.concat([inside, outside]),
        code_of={place.name: codes[row_of[place.name]] for place in PLAN},
    )


def _seeds(
    rng: np.random.Generator, communes: pd.DataFrame, row_of: dict[str, int]
) -> tuple[Points, list[int]]:
    """Place the seed of every cell; its owner is a row of the register, or `SEA`."""
    points: Line = [(place.x, place.y) for place in PLAN]
    owner = [row_of[place.name] for place in PLAN]
    for name, cells in MORE_CELLS.items():
        points += cells
        owner += [row_of[name]] * len(cells)
    points += [*ISLAND_WATERS, OUTSIDE_TOWN]
    owner += [SEA] * (len(ISLAND_WATERS) + 1)
    for department in COMMUNES:
        villages = set(communes.index[communes["dep"] == department]) - set(owner)
        points += _scatter(rng, len(villages), department, points)
        owner += sorted(villages)
    points += _scatter(rng, OUTSIDE_CELLS, NOWHERE, points)
    owner += [SEA] * OUTSIDE_CELLS
    return np.array(points), owner


def _department(xy: Points) -> NDArray[np.str_]:
    """Return the department of each point, `NOWHERE` out of the outline."""
    department = np.where(xy[:, 1] > 0.2 * xy[:, 0] - 2, NORTH, SOUTH)
    return np.where(np.asarray(shapely.contains_xy(OUTLINE, xy)), department, NOWHERE)


def _scatter(rng: np.random.Generator, count: int, department: str, taken: Line) -> Line:
    """Add points one by one at random in a department, none within `GAP` of another."""
    corner, size = FRAME
    points = list(taken)
    while len(points) < len(taken) + count:
        tries = np.round(corner + size * rng.random((48, 2)), 3)
        tries = tries[_department(tries) == department]
        gaps = ((tries[:, None, :] - np.array(points)) ** 2).sum(axis=2).min(axis=1)
        points += map(tuple, tries[gaps > GAP**2][:1].tolist())
    return points[len(taken) :]


def _sides(seeds: Points) -> Sides:
    """Give, for each directed edge of the Delaunay triangulation, the triangle on its left.

    Going round cell ``a`` against the clock, its border with ``b`` runs from ``sides[b, a]`` to
    ``sides[a, b]``.
    """
    number = {tuple(seed): rank for rank, seed in enumerate(seeds.tolist())}
    sides: Sides = {}
    for triangle in shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(seeds))):
        ring = shapely.get_coordinates(triangle)[:3]
        one, two, three = (number[tuple(vertex)] for vertex in ring.tolist())
        if _signed_area(ring.tolist()) < 0:
            two, three = three, two
        for edge in ((one, two), (two, three), (three, one)):
            sides[edge] = tuple(sorted((one, two, three)))
    return sides


def _signed_area(ring: Line) -> float:
    """Return the area inside a ring, negative if it turns clockwise."""
    following = [*ring[1:], ring[0]]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, following, strict=True)) / 2


def _corners(seeds: Points, owner: list[int], sides: Sides) -> dict[Corner, complex]:
    """Place the corners of the cells, as complex numbers: the centres of the triangles' circles.

    Where four communes nearly meet they are made to meet, so that some touch at a point only.
    """
    corners = {corner: _circumcentre(seeds[list(corner)]) for corner in set(sides.values())}
    moved: set[Corner] = set()
    for edge, corner in sorted(sides.items()):
        facing = sides.get(edge[::-1], corner)
        communes = {owner[cell] for cell in (*corner, *facing)}
        near = abs(corners[corner] - corners[facing]) < SHORTEST
        if near and len(communes) == FOUR and not moved & {corner, facing}:
            corners[facing] = corners[corner]
            moved |= {corner, facing}
    return corners


def _circumcentre(triangle: Points) -> complex:
    """Return the point at equal distance from three."""
    first, second, third = (complex(*vertex) for vertex in triangle.tolist())
    ratio = (third - first) / (second - first)
    return first + (second - first) * (ratio - abs(ratio) ** 2) / (2j * ratio.imag)


def _borders(rng: np.random.Generator, seeds: Points, owner: list[int], sides: Sides) -> Borders:
    """Draw each border of a commune once, in degrees; the other side has it reversed."""
    corners = _corners(seeds, owner, sides)
    borders: Borders = {}
    for one, other in sorted(sides):
        if one > other or owner[one] == owner[other] or (other, one) not in sides:
            continue
        start, end = corners[sides[other, one]], corners[sides[one, other]]
        line = [start] if start == end else _broken(rng, start, end, complex(*seeds[one]))
        borders[one, other] = _degrees(line)
        borders[other, one] = borders[one, other][::-1]
    return borders


def _broken(rng: np.random.Generator, start: complex, end: complex, seed: complex) -> list[complex]:
    """Break a straight border by moving its midpoint aside, then those of the halves, and so on.

    The line stays in the two triangles from the seeds of its two cells, so it crosses no other.
    """
    step = end - start
    shape = np.array([0, 1], dtype=np.complex128)
    for _ in range(math.ceil(math.log2(max(abs(step) / SEGMENT, 1)))):
        halves = np.diff(shape) / 2
        middles = shape[:-1] + halves + 1j * halves * ROUGHNESS * (2 * rng.random(len(halves)) - 1)
        shape = np.insert(shape, range(1, len(shape)), middles)
    apex = (seed - start) / step
    rise, fall = (
        abs(apex.imag) / run if run > 0 else math.inf for run in (apex.real, 1 - apex.real)
    )
    room = 0.8 * np.minimum(shape.real[1:-1] * rise, (1 - shape.real[1:-1]) * fall)
    shape.imag[1:-1] = np.clip(shape.imag[1:-1], -room, room)
    return [start, *(start + step * shape[1:-1]).tolist(), end]


def _degrees(line: list[complex]) -> Line:
    """Go from kilometres to degrees at 5 decimals (a metre), without repeating a point."""
    longitudes = (round(ORIGIN[0] + point.real / KM_PER_DEGREE[0], 5) for point in line)
    latitudes = (round(ORIGIN[1] + point.imag / KM_PER_DEGREE[1], 5) for point in line)
    return [point for point, _ in itertools.groupby(zip(longitudes, latitudes, strict=True))]


def _neighbours(owner: list[int], borders: Borders) -> set[tuple[int, int]]:
    """Return the pairs of communes with more than a point in common."""
    pairs = {(owner[one], owner[other]) for (one, other), line in borders.items() if len(line) > 1}
    return {(one, other) for one, other in pairs if SEA < one < other}


def _shapes(count: int, owner: list[int], sides: Sides, borders: Borders) -> list[Polygon]:
    """Chain the borders of each commune into rings: outer ones turn against the clock."""
    pieces: list[dict[Corner, tuple[Corner, Line]]] = [{} for _ in range(count)]
    for (one, other), line in borders.items():
        if owner[one] != SEA:
            pieces[owner[one]][sides[other, one]] = (sides[one, other], line)
    return [_polygon(list(_rings(each))) for each in pieces]


def _rings(pieces: dict[Corner, tuple[Corner, Line]]) -> Iterator[Line]:
    """Follow the borders from corner to corner; each ring begins at its westernmost vertex."""
    while pieces:
        corner = start = min(pieces)
        ring: Line = []
        while not ring or corner != start:
            corner, line = pieces.pop(corner)
            ring += line[:-1]
        first = ring.index(min(ring))
        yield ring[first:] + ring[:first]


def _polygon(rings: list[Line]) -> Polygon | MultiPolygon:
    """Put the holes in the outer rings that contain them; the greatest part comes first."""
    shells = sorted((ring for ring in rings if _signed_area(ring) > 0), key=_signed_area)
    holes = [ring for ring in rings if _signed_area(ring) < 0]
    parts = [
        Polygon(shell, [hole for hole in holes if Polygon(shell).contains(Polygon(hole))])
        for shell in reversed(shells)
    ]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _lognormal(rng: np.random.Generator, count: int) -> Points:
    """Draw village populations by inversion of the normal law."""
    law = NormalDist(math.log(VILLAGE), SPREAD)
    return np.array([math.exp(law.inv_cdf(0.001 + 0.998 * u)) for u in rng.random(count).tolist()])


def _populations(rng: np.random.Generator, names: pd.Series[str], centres: Points) -> list[int]:
    """Draw populations, greater near the big towns; the plan's own stand."""
    drawn = _lognormal(rng, len(names))
    for town in (pole for pole in POLES if pole.population > BIG):
        gaps = centres - (town.x, town.y)
        drawn *= 1 + 1.4 * np.exp(-np.hypot(gaps[:, 0], gaps[:, 1]) / 9)
    planned = {place.name: place.population for place in PLAN}
    return [
        planned[name] if name in planned else round(min(max(population, VILLAGES[0]), VILLAGES[1]))
        for name, population in zip(names, drawn.tolist(), strict=True)
    ]


def _outside(rng: np.random.Generator, seeds: Points) -> pd.DataFrame:
    """Make communes of the strip beyond the eastern border; the first is a town."""
    strip = seeds[shapely.contains_xy(EASTERN_STRIP, seeds)].tolist()
    strip = sorted(strip, key=lambda seed: (tuple(seed) != OUTSIDE_TOWN, seed))[:OUTSIDE_COMMUNES]
    population = np.round(np.clip(_lognormal(rng, len(strip)), *VILLAGES)).astype(int)
    population[0] = 38_000
    return pd.DataFrame(
        {
            "dep": EAST,
            "population": population,
            "x": [seed[0] for seed in strip],
            "y": [seed[1] for seed in strip],
            "territory": EAST,
        },
        index=[f"{EAST}{rank:03d}" for rank in range(1, len(strip) + 1)],
    )


def _territories(centres: Points, pairs: set[tuple[int, int]], poles: list[int]) -> list[int]:
    """Let each pole take the communes it reaches first, across borders: each is in one piece."""
    ways: dict[int, list[int]] = defaultdict(list)
    for one, other in sorted(pairs):
        ways[one].append(other)
        ways[other].append(one)
    arrivals = [(0.0, pole, pole) for pole in poles]
    territory: dict[int, int] = {}
    while arrivals:
        time, commune, pole = heapq.heappop(arrivals)
        if commune not in territory:
            territory[commune] = pole
            for beyond in ways[commune]:
                step = math.dist(centres[commune], centres[beyond])
                heapq.heappush(arrivals, (time + step, beyond, pole))
    return [territory[commune] for commune in range(len(centres))]
