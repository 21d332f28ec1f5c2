"""Made-up countries of communes for measures of speed and scale, and the real layers beside them.

A country is a plane of communes with a few large towns and their suburbs. The people of each
commune see specialists of several kinds in the towns that have them, the larger and the nearer the
more: the flows are counts of patients, drawn at random (Poisson). Everything follows from a seed.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree
from scipy.special import ndtri

import territories as tt
from territories.network import Network

Floats = NDArray[np.float64]

AREA_KM2 = 22.5  # of a commune, the mean
LARGEST = 150_000  # inhabitants of the largest commune
NEAR_KM = 1.0  # distance of a place to itself, and added to all others
BRIDGES = (("E06000045", "E06000046"), ("E06000052", "E06000053"))  # Wight, Scilly


class Specialty(NamedTuple):
    """A kind of care: communes for each pole that has it, and patients for each inhabitant."""

    communes_per_pole: float
    rate: float


@dataclass(frozen=True)
class Habits:
    """How people choose.

    Attributes
    ----------
    specialties
        From those that many towns have to those that few have.
    distance, mass
        The attraction of a pole is its mass to the power of `mass`, divided by the distance to the
        power of `distance`.
    choice
        Poles that a commune considers for a specialty, the nearest.
    """

    specialties: tuple[Specialty, ...]
    distance: float
    choice: int
    mass: float = 0.9


REGION = Habits(
    tuple(Specialty(communes, 0.09) for communes in (25, 40, 70, 120, 200, 300)),
    distance=1.85,
    choice=12,
)
# The hospitals of large cities make regions of a country, as all programs find them.
FRANCE = Habits(
    (*(Specialty(communes, 0.09) for communes in (25, 40, 70, 120, 200)), Specialty(900, 0.15)),
    distance=2.35,
    choice=15,
)

# Fewer patients and more places to go: chance scatters communes over the communities of others.
SPARSE = Habits(
    (
        Specialty(25, 0.033),
        Specialty(35, 0.022),
        Specialty(50, 0.0165),
        Specialty(70, 0.0165),
        Specialty(100, 0.011),
        Specialty(200, 0.011),
    ),
    distance=1.6,
    choice=64,
)


class Plane(NamedTuple):
    """Communes as points (km), the pairs that share a border, and their inhabitants."""

    points: Floats
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    population: NDArray[np.int64]


def region(seed: int = 0, habits: Habits = REGION) -> Network:
    """Make a region of 1 757 communes and 2.57 million inhabitants.

    About 44 000 flows between distinct communes; at resolution 1, the modularity that Louvain finds
    is about .51, with `SPARSE` habits too.
    """
    random = np.random.default_rng((seed, 1757))
    plane = _plane(1757, people=2_570_000, random=random)
    return _network(plane, habits, random)


def france(seed: int = 0) -> Network:
    """Make a country of 34 935 communes and 65 million inhabitants.

    About 1.2 million flows between distinct communes; at resolution 1, Louvain and Leiden find a
    modularity of .78 to .79.
    """
    random = np.random.default_rng((seed, 34_935))
    plane = _plane(34_935, people=65_000_000, random=random)
    return _network(plane, FRANCE, random)


def labour(seed: int = 0) -> Network:
    """Make a region of 377 communes that all have work, as a census of commuters finds them."""
    random = np.random.default_rng((seed, 377))
    plane = _plane(377, people=550_000, random=random)
    work = tuple(Specialty(*each) for each in ((1, 0.2), (2, 0.1), (8, 0.1), (40, 0.05)))
    return _network(plane, replace(REGION, specialties=work), random)


def real_france(folder: Path, seed: int = 0) -> Network:
    """Read the real communes of mainland France (COG 2018), with made-up flows between them."""
    layer = gpd.read_file(folder / "communes_france_metro_2018_simplif600m.geojson")
    layer = layer.set_index("code").sort_index().to_crs("EPSG:2154")
    zones = pd.read_csv(
        folder / "communes_zonages_2018.csv", usecols=["CODGEO", "POP"], dtype={"CODGEO": "str"}
    )
    people = zones.set_index("CODGEO")["POP"].reindex(layer.index).fillna(0)
    pairs = tt.contiguity(layer)
    inside = layer.representative_point()
    plane = Plane(
        points=np.column_stack([inside.x, inside.y]) / 1000,
        left=layer.index.get_indexer(pairs["left"]),
        right=layer.index.get_indexer(pairs["right"]),
        population=people.round().to_numpy().astype(np.int64),
    )
    return _network(plane, FRANCE, np.random.default_rng((seed, len(layer))))


def cvl(folder: Path) -> Network:
    """Read the real communes of a region with the patients simulated on them."""
    communes = tt.read_communes(folder / "communes_cvl_2024.geojson").sort_index()
    flows = tt.read_flows(folder / "specialists.csv", communes=communes).located().grouped()
    graph = tt.attraction_graph(flows, communes)
    arcs = pd.DataFrame(graph.edges(data="weight"), columns=["source", "target", "weight"])
    return _between(arcs, tt.contiguity(communes), communes["population"])


def cvl_planted(folder: Path) -> NDArray[np.int64]:
    """Read the territories that the simulation of `cvl` was made with, in the order of codes."""
    codes = tt.read_communes(folder / "communes_cvl_2024.geojson").sort_index().index
    truth = pd.read_csv(folder / "truth_territories.csv", dtype="str").set_index("code")
    labels, _ = pd.factorize(truth["territory"].reindex(codes))
    return labels


def nhs(folder: Path) -> Network:
    """Read the districts of England with the real admissions of 2020–21; no inhabitants."""
    districts = gpd.read_file(folder / "districts_epsg27700.geojson")
    districts = districts.set_crs("EPSG:27700", allow_override=True).set_index("geo_code")
    districts = districts.set_geometry(districts.make_valid()).sort_index()
    changes = pd.read_csv(folder / "district_changes.csv", dtype="str").set_index("old")["new"]
    places = pd.read_csv(folder / "site_district.csv", dtype="str").set_index("site")["district"]
    flows = pd.read_csv(folder / "flows_link.csv")
    arcs = pd.DataFrame(
        {
            "source": flows["residence"].replace(changes.to_dict()),
            "target": flows["site"].map(places),
            "weight": flows["patients"],
        }
    )
    return _between(
        arcs, tt.contiguity(districts, bridges=BRIDGES), pd.Series(0, index=districts.index)
    )


def _between(arcs: pd.DataFrame, pairs: pd.DataFrame, population: pd.Series) -> Network:
    """Put flows between places, and the borders of those of the layer, in arrays."""
    layer = population.index
    source, target = layer.get_indexer(arcs["source"]), layer.get_indexer(arcs["target"])
    weight = arcs["weight"].to_numpy(dtype=np.float64)
    both = (source >= 0) & (target >= 0)
    out, into = (source >= 0) & (target < 0), (source < 0) & (target >= 0)
    return Network.of(
        source[both],
        target[both],
        weight[both],
        left=layer.get_indexer(pairs["left"]),
        right=layer.get_indexer(pairs["right"]),
        population=population.fillna(0).to_numpy().astype(np.int64),
        sent_outside=np.bincount(source[out], weight[out], len(layer)),
        received_outside=np.bincount(target[into], weight[into], len(layer)),
    )


def _plane(communes: int, *, people: int, random: np.random.Generator) -> Plane:
    side = np.sqrt(communes * AREA_KM2)
    # A grid moved at random: communes are of like size, as they are, and no two in one place.
    across = int(np.ceil(np.sqrt(communes)))
    grid = np.column_stack(np.divmod(np.arange(across * across), across)).astype(np.float64)
    grid += random.uniform(-0.45, 0.45, grid.shape)
    kept = np.sort(random.permutation(len(grid))[:communes])
    points = grid[kept] * (side / across)
    left, right = _borders(points)
    return Plane(points, left, right, _people(points, people, random))


def _borders(points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Share a border where the Voronoi cells do, but for the long ones at the hull."""
    corners = Delaunay(points).simplices
    pairs = np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1)
    pairs = np.unique(pairs, axis=0)
    length = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    near = pairs[length <= 2.5 * np.median(length)]
    nodes = len(points)
    joined = coo_array((np.ones(len(near)), near.T), shape=(nodes, nodes))
    if connected_components(joined, directed=False)[0] > 1:
        near = pairs
    return near[:, 0], near[:, 1]


def _people(points: Floats, people: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Give communes their inhabitants: half have less than 450, and towns have suburbs."""
    nodes = len(points)
    towns = random.choice(nodes, max(nodes // 150, 1), replace=False)
    away, _ = cKDTree(points[towns]).query(points)
    appeal = random.normal(size=nodes) + 1.5 * np.exp(-away / 8)
    appeal[towns] += random.exponential(2.0, len(towns))
    rank = np.empty(nodes)
    rank[np.argsort(appeal)] = (np.arange(nodes) + 0.5) / nodes
    spread = np.sqrt(2 * np.log(people / nodes / 450))
    for _ in range(8):  # what the largest may not have goes to the spread
        size = np.clip(450 * np.exp(spread * ndtri(rank)), 20, LARGEST)
        spread *= 1 + 0.3 * (people / size.sum() - 1)
    return np.round(size).astype(np.int64)


def _network(plane: Plane, habits: Habits, random: np.random.Generator) -> Network:
    drawn = [_patients(plane, habits, specialty, random) for specialty in habits.specialties]
    source, target, patients = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return Network.of(
        source,
        target,
        patients,
        left=plane.left,
        right=plane.right,
        population=plane.population,
    )


def _patients(
    plane: Plane, habits: Habits, specialty: Specialty, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Draw the patients of one specialty: from commune, to commune, how many."""
    nodes = len(plane.points)
    size = plane.population * random.lognormal(0, 0.5, nodes)
    poles = np.sort(np.argsort(-size)[: max(int(nodes / specialty.communes_per_pole), 2)])
    mass = size[poles] ** habits.mass * random.lognormal(0, 0.3, len(poles))
    near = min(habits.choice, len(poles))
    away, pole = cKDTree(plane.points[poles]).query(plane.points, k=near)
    pull = mass[pole] / (away + NEAR_KM) ** habits.distance
    share = pull / pull.sum(axis=1, keepdims=True)
    patients = random.poisson(share * (plane.population * specialty.rate)[:, None])
    commune, place = np.nonzero(patients)
    return commune, poles[pole[commune, place]], patients[commune, place].astype(np.float64)
