"""A fictional region, made from a seed: the tables the library reads, without a real patient.

Aubrelle lies in the Bay of Biscay, where there is no land. Its 300 communes, their names and
borders, the practitioners and every patient are invented; twelve territories are planted in it.
The same seed makes the same bytes on every platform. What to look for in it:

- `ISLAND`, joined to its port by the table of bridges; `EXCLAVE`, in two pieces; `ENCLAVE`, all
  inside another commune;
- `TIE`, a commune and an activity whose patients are exactly shared by two poles;
- `UNDETERMINED`, a practitioner whose first two communes are equal in patients and in amount;
- `HAMLET`, a commune without any specialist flow, and `AGGREGATE`, the PMSI code that it is in,
  where one commune stands twice;
- residents and practitioners of a neighbouring department, ``20``, that is not in the layer, and
  practitioners of a far one, ``98``, without any resident in the table.

Examples
--------
>>> region = fictional_region()
>>> len(region.communes), len(region.truth_territories["territory"].unique())
(300, 12)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import shapely

from territories import _fiction, _fiction_care
from territories._fiction import ACTIVITIES, EAST, FAR, PLAN, SUBURBS
from territories._writing import whole_folder

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from territories._fiction import Land

NAME: Final = "Aubrelle (région fictive)"
SEED: Final = 2024
ISLAND: Final = "96053"
EXCLAVE: Final = "96124"
ENCLAVE: Final = "00010"
HAMLET: Final = "00042"
TIE: Final = ("96031", "ORL")
UNDETERMINED: Final = "PSF0031"
AGGREGATE: Final = "00C01"


class Care(NamedTuple):
    """An activity: patients a year per inhabitant, euros a patient, and how far it attracts.

    Attraction falls to 37 % over ``reach`` (km).
    """

    rate: float
    price: int
    reach: float


CARE: Final = {
    "ophtalmologie": Care(0.24, 45, 7.5),
    "dermatologie": Care(0.1, 42, 9.5),
    "ORL": Care(0.08, 52, 8.5),
    "radiodiagnostic": Care(0.34, 75, 6.5),
    "gastro-entérologie": Care(0.06, 105, 10.0),
}
STAYS: Final = {
    "médecine": Care(0.1, 0, 16.0),
    "chirurgie": Care(0.08, 0, 20.0),
    "obstétrique": Care(0.013, 0, 14.0),
}
OWN_TERRITORY = 3.0  # a pole attracts its own territory that much more
SUBURB = 0.1  # a practice in a suburb attracts that much of one in town...
SUBURB_OWN = 7.0  # ...and its own residents that much more
RARE = 1.4  # expected patients: below, none come
FAR_SHARE = 0.006  # of the patients of an activity, for each far practitioner
OUTSIDE_PRACTICES: Final = (1, 1, 1, 1, 1)
FAR_PRACTICES: Final = (1, 1, 1, 0, 1)
TIED_POLES: Final = ("Montcauvel", "Saint-Ysarn")
BLANK_EVERY = 20  # one practitioner in so many has no department
NEARLY_NORMAL = 60  # from this mean on, a Poisson count is drawn from the normal law
OFFICE_GAP = 4.0  # km at least between two post offices
OFFICE_INHABITANTS = 1000
TWO_OFFICES: Final = (_fiction.ENCLAVE_HOST.name, _fiction.EXCLAVE_HOST.name)
SECOND_PART = 0.2  # of a commune with two postal codes, the share of the second
HAMLET_POSTAL: Final = "00990"  # under 1 000 inhabitants, so it has no PMSI code of its own
DECIMALS: Final = {  # in the file of each table
    "specialists": 2,
    "hospital": 0,
    "sites": 0,
    "pmsi_codes": 1,
    "bridges": 0,
    "groupings": 0,
    "practitioners": 2,
    "chains": 0,
    "truth_practice": 0,
    "truth_territories": 0,
}
ALL_STAYS: Final = ("médecine", "chirurgie", "obstétrique")
SITES: Final = (  # number, name, commune, size, activities
    ("000000011", "CH Orvignac", "Orvignac", 10.0, ALL_STAYS),
    ("001000029", "Clinique de la Vèle", "Orvignac", 5.0, ALL_STAYS[:2]),
    ("960000037", "CH Montcauvel", "Montcauvel", 7.0, ALL_STAYS),
    ("960000045", "CH Rochebrelle", "Rochebrelle", 3.5, ALL_STAYS),
    ("000000052", "CH Vertonnac", "Vertonnac", 3.0, ALL_STAYS),
    ("960000060", "CH Port-Gravelle", "Port-Gravelle", 2.5, ALL_STAYS),
    ("000000078", "CH Castelvèze", "Castelvèze", 2.0, ALL_STAYS[:2]),
    ("000000086", "Hôpital de proximité de Port-Aubrelle", "Port-Aubrelle", 1.2, ALL_STAYS[:1]),
    ("200000094", "CH hors région", f"{EAST}001", 5.0, ALL_STAYS),
    ("201000102", "Clinique hors région", f"{EAST}002", 1.5, ALL_STAYS[1:2]),
)


@dataclass(frozen=True, repr=False)
class Region:
    """The tables of the fictional region, as they stand in the files.

    Attributes
    ----------
    communes
        ``code``, ``nom``, ``dep``, ``population`` and the geometry, in degrees (WGS84).
    specialists
        ``commune_residence``, ``specialite``, ``ps``, ``departement_ps`` (some are missing),
        ``nb_patients``, ``montant`` (euros).
    hospital
        ``code_geo_pmsi``, ``finess``, ``ga``, ``nb_sejours``.
    sites
        ``finess``, ``raison_sociale``, ``commune``.
    pmsi_codes
        ``code_commune_insee``, ``nom_commune``, ``code_postal``, ``population`` (the commune's
        share in that postal code), ``code_geo_pmsi``.
    bridges
        ``left`` and ``right``: communes joined though they have no border.
    groupings
        ``code``, ``epci``, ``nom_epci``, ``population``: intercommunal groupings, some communes of
        the neighbouring department among them.
    practitioners
        ``commune``, ``profession``, ``effectif``, ``age_moyen``, ``part_60_plus``.
    chains
        ``commune_a``, ``profession_a``, ``commune_b``, ``profession_b``, ``patients``: patients of
        the doctors of the first who see nurses, or a pharmacy, of the second.
    truth_practice
        ``ps`` and the ``commune`` where each one was made to practise.
    truth_territories
        ``code`` and the planted ``territory``, named after its pole's code.
    """

    communes: gpd.GeoDataFrame
    specialists: pd.DataFrame
    hospital: pd.DataFrame
    sites: pd.DataFrame
    pmsi_codes: pd.DataFrame
    bridges: pd.DataFrame
    groupings: pd.DataFrame
    practitioners: pd.DataFrame
    chains: pd.DataFrame
    truth_practice: pd.DataFrame
    truth_territories: pd.DataFrame


def fictional_region(*, seed: int = SEED) -> Region:
    """Make the fictional region.

    Parameters
    ----------
    seed
        Moves borders, villages and patients; the codes and names of communes, sites and
        practitioners stay, so the constants of this module hold for every seed.

    Returns
    -------
    Region
        Always the same for a seed.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    land = _fiction.invented_land(rng)
    practitioners = _practitioners(land)
    pmsi_codes = _pmsi_codes(land)
    sites = pd.DataFrame(
        [(finess, name, land.code_of.get(place, place)) for finess, name, place, *_ in SITES],
        columns=["finess", "raison_sociale", "commune"],
    )
    people = land.people
    inside = people[people["territory"] != EAST]
    other = np.random.Generator(np.random.PCG64(seed + 1))
    supply = _fiction_care.practitioners(other, land, practitioners)
    return Region(
        communes=land.communes,
        specialists=_specialists(rng, land, practitioners),
        hospital=_hospital(rng, people, sites, pmsi_codes),
        sites=sites,
        pmsi_codes=pmsi_codes,
        bridges=pd.DataFrame({"left": [ISLAND], "right": [land.code_of[_fiction.PORT]]}),
        groupings=_fiction_care.groupings(land),
        practitioners=supply,
        chains=_fiction_care.chains(other, land, supply, _poisson),
        truth_practice=practitioners[["ps", "commune"]].copy(),
        truth_territories=inside["territory"].rename_axis("code").reset_index(),
    )


def write_region(folder: str | Path, *, seed: int = SEED) -> dict[str, Path]:
    """Write the files of the fictional region, in the formats of the French extracts.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    seed
        As in `fictional_region`.

    Returns
    -------
    dict
        The path of each file, by the name of its table.
    """
    region = fictional_region(seed=seed)
    contents = {"communes.geojson": _geojson(region.communes).encode()}
    for name, decimals in DECIMALS.items():
        table: pd.DataFrame = getattr(region, name)
        text = table.to_csv(
            sep=";", decimal=",", float_format=f"%.{decimals}f", index=False, lineterminator="\n"
        )
        contents[f"{name}.csv"] = text.encode("cp1252")
    with whole_folder(folder, tuple(contents), overwrite=True) as draft:
        for file, content in contents.items():
            (draft / file).write_bytes(content)
    return {Path(file).stem: Path(folder) / file for file in contents}


def _geojson(communes: gpd.GeoDataFrame) -> str:
    """Write RFC 7946, one feature a line, so that a difference shows the commune."""
    features = [
        {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}
        for properties, shape in zip(
            communes.drop(columns="geometry").to_dict("records"), communes.geometry, strict=True
        )
    ]
    lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in features)
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"


def _practitioners(land: Land) -> pd.DataFrame:
    """List the practitioners of the plan: activity, commune, department, and if in a suburb."""
    practices = [
        *((place.practices, land.code_of[place.name], place.department) for place in PLAN),
        (OUTSIDE_PRACTICES, f"{EAST}001", EAST),
        (FAR_PRACTICES, f"{FAR}001", FAR),
    ]
    rows = [
        (activity, commune, department)
        for counts, commune, department in practices
        for activity, count in zip(ACTIVITIES, counts, strict=True)
        for _ in range(count)
    ]
    table = pd.DataFrame(rows, columns=["activity", "commune", "department"])
    suburbs = {land.code_of[place.name] for place in SUBURBS}
    return table.assign(
        ps=[f"PSF{number:04d}" for number in range(1, len(table) + 1)],
        in_suburb=table["commune"].isin(suburbs),
    )


def _specialists(rng: np.random.Generator, land: Land, practitioners: pd.DataFrame) -> pd.DataFrame:
    """Draw the patients of every residence and practitioner, then plant the special cases."""
    people = land.people
    patients = _poisson(rng, _expected_patients(rng, people, practitioners))
    prices = np.array([CARE[activity].price for activity in practitioners["activity"]])
    cents = prices * (92 + 16 * rng.random(patients.shape))
    _plant_cases(patients, cents, land, practitioners)
    column, row = np.nonzero(patients.T)
    chosen = practitioners.iloc[column].reset_index(drop=True)
    blank = column % BLANK_EVERY == BLANK_EVERY - 1
    return pd.DataFrame(
        {
            "commune_residence": people.index[row],
            "specialite": chosen["activity"],
            "ps": chosen["ps"],
            "departement_ps": chosen["department"].mask(blank),
            "nb_patients": patients[row, column],
            "montant": np.floor((patients * cents)[row, column]) / 100,
        }
    )


def _expected_patients(
    rng: np.random.Generator, people: pd.DataFrame, practitioners: pd.DataFrame
) -> NDArray[np.float64]:
    """Share the patients of each residence (row) between practitioners (column), by gravity."""
    places = people.reindex(practitioners["commune"])
    reach = np.array([CARE[activity].reach for activity in practitioners["activity"]])
    pull = _attraction(people, places, reach)
    pull *= 0.6 + 0.8 * rng.random(len(practitioners))
    suburb = practitioners["in_suburb"].to_numpy()
    at_home = people.index.to_numpy()[:, None] == practitioners["commune"].to_numpy()
    pull[:, suburb] *= np.where(at_home, SUBURB * SUBURB_OWN, SUBURB)[:, suburb]
    expected = np.zeros_like(pull)
    far = (practitioners["department"] == FAR).to_numpy()
    for activity, care in CARE.items():
        chosen = (practitioners["activity"] == activity).to_numpy()
        pull[:, chosen & far] = FAR_SHARE * pull[:, chosen & ~far].sum(axis=1, keepdims=True)
        share = pull[:, chosen] / pull[:, chosen].sum(axis=1, keepdims=True)
        expected[:, chosen] = care.rate * people["population"].to_numpy()[:, None] * share
    return np.where(expected < RARE, 0, expected)


def _attraction(
    people: pd.DataFrame, places: pd.DataFrame, reach: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how much each place (column) attracts each residence (row)."""
    here, there = people[["x", "y"]].to_numpy(), places[["x", "y"]].to_numpy()
    distance = np.hypot(*np.moveaxis(here[:, None, :] - there, 2, 0))
    own = people["territory"].to_numpy()[:, None] == places["territory"].to_numpy()
    return np.asarray(np.exp(-distance / reach) * np.where(own, OWN_TERRITORY, 1.0))


def _plant_cases(
    patients: NDArray[np.int64],
    cents: NDArray[np.float64],
    land: Land,
    practitioners: pd.DataFrame,
) -> None:
    """Write the hamlet, the tie and the undetermined practitioner into the drawn tables."""
    residences = land.people.index.tolist()
    patients[residences.index(HAMLET)] = 0

    commune, activity = TIE
    row = residences.index(commune)
    same = (practitioners["activity"] == activity).to_numpy()
    half = patients[row, same].sum() // 2
    patients[row, same] = 0
    for pole in TIED_POLES:
        at_pole = (practitioners["commune"] == land.code_of[pole]).to_numpy()
        patients[row, np.argmax(same & at_pole)] = half

    column = practitioners["ps"].tolist().index(UNDETERMINED)
    first, second = np.argsort(-patients[:, column], kind="stable")[:2]
    patients[first, column] = patients[second, column]
    cents[first, column] = cents[second, column]


def _poisson(rng: np.random.Generator, means: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw counts by inversion of one uniform number each (`_fiction` says why)."""
    uniform = rng.random(means.shape)
    large = means > NEARLY_NORMAL
    counts = np.zeros(means.shape, dtype=np.int64)
    term = np.exp(-np.where(large, 0, means))
    reached = term.copy()
    for count in range(1, 4 * NEARLY_NORMAL):
        counts[uniform > reached] = count
        term *= np.where(large, 0, means) / count
        reached += term
    normal = [NormalDist().inv_cdf(max(each, 1e-9)) for each in uniform[large].tolist()]
    counts[large] = np.round(means[large] + np.sqrt(means[large]) * normal)
    return counts


def _pmsi_codes(land: Land) -> pd.DataFrame:
    """Give each commune its postal codes, with parts of its population, and their PMSI codes.

    The big towns, `TWO_OFFICES` and the seat of the office that is nearest to the hamlet have two
    postal codes; both codes of the last go into one PMSI code, where it stands twice.
    """
    place = {code: complex(x, y) for code, x, y in land.people[["x", "y"]].itertuples()}
    offices = _post_offices(land, place)
    postal = {office: f"{office[:2]}{100 + 10 * rank}" for rank, office in enumerate(offices)}
    seat = _nearest(HAMLET, offices, place)[0]
    parts: list[tuple[str, str, str, float]] = []
    listed = land.communes[["code", "nom", "population"]]
    for code, name, population in listed.itertuples(index=False):
        first, second = _nearest(code, offices, place)
        if code == HAMLET:
            codes = [HAMLET_POSTAL]
        elif code == seat:
            codes = [postal[first], HAMLET_POSTAL]
        elif name in TWO_OFFICES:
            codes = [postal[first], postal[second]]
        elif population > _fiction.BIG:
            codes = [postal[first], f"{postal[first][:-1]}5"]
        else:
            codes = [postal[first]]
        shares = (1 - SECOND_PART, SECOND_PART) if len(codes) > 1 else (1,)
        parts += [
            (code, _fiction.plain(name), each, round(population * share, 1))
            for each, share in zip(codes, shares, strict=True)
        ]
    columns = ["code_commune_insee", "nom_commune", "code_postal", "population"]
    table = pd.DataFrame(parts, columns=columns)
    small = table["code_postal"].isin([HAMLET_POSTAL, postal[seat]])
    return table.assign(code_geo_pmsi=table["code_postal"].mask(small, AGGREGATE))


def _post_offices(land: Land, place: dict[str, complex]) -> list[str]:
    """Choose the most populated communes, far enough from one another."""
    offices: list[str] = []
    by_size = land.communes.sort_values("population", ascending=False, kind="stable")
    for code in by_size.loc[by_size["population"] >= OFFICE_INHABITANTS, "code"]:
        if all(abs(place[code] - place[office]) > OFFICE_GAP for office in offices):
            offices.append(code)
    return offices


def _nearest(code: str, offices: list[str], place: dict[str, complex]) -> list[str]:
    """Return the two offices of the department that are nearest to a commune."""
    same = [office for office in offices if office[:2] == code[:2]]
    return sorted(same, key=lambda office: abs(place[office] - place[code]))[:2]


def _hospital(
    rng: np.random.Generator, people: pd.DataFrame, sites: pd.DataFrame, codes: pd.DataFrame
) -> pd.DataFrame:
    """Draw the stays of every PMSI code at every site, by gravity from its communes."""
    residents, places = people.loc[codes["code_commune_insee"]], people.loc[sites["commune"]]
    areas = np.unique(codes["code_geo_pmsi"])
    belongs = (areas[:, None] == codes["code_geo_pmsi"].to_numpy()) * codes["population"].to_numpy()
    tables = []
    for activity, care in STAYS.items():
        sizes = np.array([size * (activity in activities) for *_, size, activities in SITES])
        pull = sizes * _attraction(residents, places, np.full(len(sites), care.reach))
        stays = _poisson(rng, care.rate * belongs @ (pull / pull.sum(axis=1, keepdims=True)))
        row, column = np.nonzero(stays)
        table = {"code_geo_pmsi": areas[row], "finess": sites["finess"].to_numpy()[column]}
        tables.append(pd.DataFrame(table).assign(ga=activity, nb_sejours=stays[row, column]))
    keys = ["code_geo_pmsi", "finess", "ga"]
    return pd.concat(tables).sort_values(keys, ignore_index=True)
