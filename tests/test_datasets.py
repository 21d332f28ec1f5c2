"""The fictional region: the copy in data/ is what the seed makes, and holds what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from territories import datasets
from territories.datasets import fictional_region, write_region

DATA = Path(__file__).parents[1] / "data"
FILES = (
    "communes.geojson",
    "specialists.csv",
    "hospital.csv",
    "sites.csv",
    "pmsi_codes.csv",
    "bridges.csv",
    "groupings.csv",
    "practitioners.csv",
    "chains.csv",
    "truth_practice.csv",
    "truth_territories.csv",
)
TEXT = {
    "commune_residence": str,
    "departement_ps": str,
    "code_geo_pmsi": str,
    "finess": str,
    "commune": str,
    "commune_a": str,
    "commune_b": str,
    "code_commune_insee": str,
    "code_postal": str,
    "left": str,
    "right": str,
    "code": str,
    "territory": str,
}


@pytest.fixture(scope="module", params=[datasets.SEED, 7])
def region(request):
    """Make the region of the files, and another: the promises hold for every seed."""
    return fictional_region(seed=request.param)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("region") / "made" / "on the way"
    write_region(folder)
    return folder


def commune(region, code):
    return region.communes.set_index("code").loc[code]


def touching(region):
    """Return the pairs of communes that touch, and the length they share (degrees)."""
    shapes = region.communes.geometry.to_numpy()
    codes = region.communes["code"].to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="touches")
    kept = left < right
    left, right = left[kept], right[kept]
    shared = shapely.length(shapely.intersection(shapes[left], shapes[right]))
    return pd.DataFrame({"left": codes[left], "right": codes[right], "shared": shared})


def rook(region):
    pairs = touching(region)
    graph = nx.Graph()
    graph.add_nodes_from(region.communes["code"])
    graph.add_edges_from(pairs.loc[pairs["shared"] > 0, ["left", "right"]].itertuples(index=False))
    return graph


# The files


@pytest.mark.parametrize("file", FILES)
def test_copy_in_data_is_what_the_seed_makes(written, file):
    assert (DATA / file).read_bytes() == (written / file).read_bytes()


def test_nothing_else_is_in_data(written):
    assert {path.name for path in written.iterdir()} == set(FILES)
    assert {path.name for path in DATA.iterdir()} == {*FILES, "README.md"}


def test_same_seed_same_bytes_and_another_seed_another_region(tmp_path, written):
    again, other = write_region(tmp_path / "again"), write_region(tmp_path / "other", seed=7)
    assert again.keys() == {Path(file).stem for file in FILES}
    for path in again.values():
        assert path.read_bytes() == (written / path.name).read_bytes()
    for name in ("communes", "specialists", "hospital"):
        assert other[name].read_bytes() != again[name].read_bytes()


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    fictional_region()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_files_are_small():
    sizes = {file: (DATA / file).stat().st_size for file in FILES}
    assert sum(sizes.values()) < 750_000
    assert max(sizes, key=sizes.get) == "specialists.csv"


@pytest.mark.parametrize("file", FILES[1:])
def test_tables_have_the_dialect_of_the_french_extracts(file):
    content = (DATA / file).read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    header, *rows = content.decode("cp1252").splitlines()
    assert {row.count(";") for row in rows} == {header.count(";")}


@pytest.mark.parametrize("file", FILES[1:])
def test_files_read_back_as_the_tables(file):
    table = getattr(fictional_region(), Path(file).stem)
    back = pd.read_csv(DATA / file, sep=";", decimal=",", encoding="cp1252", dtype=TEXT)
    pd.testing.assert_frame_equal(back, table, check_dtype=False)


def test_geojson_is_rfc_7946_with_a_feature_a_line():
    text = (DATA / "communes.geojson").read_text(encoding="utf-8")
    collection = json.loads(text)
    assert "crs" not in collection
    lines = [line for line in text.splitlines() if line.startswith('{"type":"Feature",')]
    assert len(lines) == len(collection["features"]) == 300
    for feature in collection["features"]:
        assert list(feature["properties"]) == ["code", "nom", "dep", "population"]
        shape = shapely.geometry.shape(feature["geometry"])
        coordinates = shapely.get_coordinates(shape)
        assert np.array_equal(coordinates, np.round(coordinates, 5))
        for part in shapely.get_parts(shape):
            assert shapely.is_ccw(part.exterior)
            assert not any(shapely.is_ccw(hole) for hole in part.interiors)


def test_specialists_have_decimal_commas_and_accents():
    text = (DATA / "specialists.csv").read_text(encoding="cp1252")
    header, *rows = text.splitlines()
    assert header == "commune_residence;specialite;ps;departement_ps;nb_patients;montant"
    assert all(row[-3] == "," for row in rows)
    assert "gastro-entérologie" in text


# The land


def test_communes_are_a_valid_coverage_out_at_sea(region):
    shapes = region.communes.geometry
    assert shapes.is_valid.all()
    assert shapely.coverage_is_valid(shapes.to_numpy())
    west, south, east, north = region.communes.total_bounds
    assert -5.3 < west < east < -3.6
    assert 45.6 < south < north < 46.6


def test_borders_have_the_detail_of_a_simplified_layer(region):
    vertices = shapely.get_num_coordinates(region.communes.geometry.to_numpy())
    assert 15 <= np.median(vertices) <= 40


def test_communes_have_codes_and_names(region):
    communes = region.communes
    assert list(communes.columns) == ["code", "nom", "dep", "population", "geometry"]
    assert communes.crs == "EPSG:4326"
    assert communes["code"].str.fullmatch(r"(00|96)\d{3}").all()
    assert communes["code"].is_unique
    assert communes["code"].is_monotonic_increasing
    assert communes["dep"].value_counts().to_dict() == {"00": 168, "96": 132}
    assert (communes["nom"].str.strip() == communes["nom"]).all()
    assert (communes["nom"].str.len() > 3).all()
    assert communes["nom"].duplicated().sum() == 2
    assert communes["nom"].str.contains("œ").any()


def test_two_big_towns_and_ten_towns_among_villages(region):
    population = region.communes["population"]
    assert population.nlargest(2).tolist() == [110_000, 75_000]
    assert population.nlargest(12).min() >= 6_000
    assert 520_000 < population.sum() < 620_000
    assert 300 < population.median() < 900


def test_big_towns_have_suburbs(region):
    graph, population = rook(region), region.communes.set_index("code")["population"]
    for town in population.nlargest(2).index:
        suburbs = population[list(graph[town])]
        assert 4 <= suburbs.between(4_000, 12_000).sum() <= 6


def test_the_island_has_no_neighbour_but_a_bridge(region):
    graph = rook(region)
    assert list(graph[datasets.ISLAND]) == []
    assert sorted(map(len, nx.connected_components(graph))) == [1, 299]
    assert region.bridges["left"].tolist() == [datasets.ISLAND]
    assert region.bridges["right"].isin(region.communes["code"]).all()


def test_the_exclave_lies_inside_another_commune(region):
    parts = shapely.get_parts(commune(region, datasets.EXCLAVE).geometry)
    assert len(parts) == 2
    assert parts[0].area > parts[1].area
    holes = [
        shapely.Polygon(hole)
        for shape in region.communes.geometry
        for part in shapely.get_parts(shape)
        for hole in part.interiors
    ]
    assert any(hole.equals(parts[1]) for hole in holes)
    assert (shapely.get_num_geometries(region.communes.geometry.to_numpy()) > 1).sum() == 1


def test_the_enclave_has_one_neighbour(region):
    assert len(rook(region)[datasets.ENCLAVE]) == 1


def test_some_communes_touch_at_a_point_only(region):
    pairs = touching(region)
    assert (pairs["shared"] == 0).sum() >= 3


def test_departments_are_in_one_piece_but_for_the_island(region):
    graph = rook(region)
    graph.remove_node(datasets.ISLAND)
    for _, codes in region.communes.groupby("dep")["code"]:
        assert nx.is_connected(graph.subgraph(codes))


def test_planted_territories_are_in_one_piece_and_large_enough(region):
    graph = rook(region)
    graph.add_edges_from(region.bridges.itertuples(index=False))
    population = region.communes.set_index("code")["population"]
    truth = region.truth_territories
    assert truth["code"].tolist() == region.communes["code"].tolist()
    groups = truth.groupby("territory")["code"]
    assert groups.ngroups == 12
    for pole, codes in groups:
        assert pole in set(codes)
        assert nx.is_connected(graph.subgraph(codes))
        assert population[codes].sum() >= 20_000


# The flows


def test_practitioners_have_a_place_and_an_activity(region):
    flows, truth = region.specialists, region.truth_practice
    assert 90 <= len(truth) <= 120
    assert truth["ps"].is_unique
    assert set(flows["ps"]) == set(truth["ps"])
    assert flows["specialite"].nunique() == 5
    assert len(flows[["ps", "specialite"]].drop_duplicates()) == len(truth)
    assert not flows.duplicated(["commune_residence", "ps"]).any()
    assert (flows["nb_patients"] > 0).all()
    assert (flows["montant"] > 0).all()


def test_few_activities_are_everywhere(region):
    truth = region.truth_practice.set_index("ps")["commune"]
    poles = set(region.truth_territories["territory"])
    places = region.specialists.assign(place=region.specialists["ps"].map(truth))
    count = places[places["place"].isin(poles)].groupby("specialite")["place"].nunique()
    assert (count[["ophtalmologie", "radiodiagnostic"]] >= 10).all()
    assert count[["dermatologie", "gastro-entérologie"]].between(4, 6).all()


def test_residents_and_practitioners_come_from_outside_too(region):
    flows, truth = region.specialists, region.truth_practice
    residence = flows["commune_residence"]
    assert residence.str.fullmatch(r"(00|96|20)\d{3}").all()
    assert residence[residence.str.startswith("20")].nunique() == 40
    assert {"20", "98"} <= set(truth["commune"].str[:2])
    known = flows.dropna(subset="departement_ps").drop_duplicates("ps").set_index("ps")
    places = truth.set_index("ps")["commune"].str[:2]
    assert (known["departement_ps"] == places[known.index]).all()
    assert 1 <= len(truth) - len(known) <= 6
    assert (places[places.index.difference(known.index)] != "98").all()


def test_the_tie_is_exact(region):
    code, activity = datasets.TIE
    flows = region.specialists
    rows = flows[(flows["commune_residence"] == code) & (flows["specialite"] == activity)]
    poles = rows["ps"].map(region.truth_practice.set_index("ps")["commune"])
    assert len(rows) == 2
    assert rows["nb_patients"].iloc[0] == rows["nb_patients"].iloc[1]
    assert rows["nb_patients"].min() >= 11
    assert poles.nunique() == 2
    assert poles.isin(region.truth_territories["territory"]).all()


def test_the_undetermined_practitioner_has_two_equal_first_communes(region):
    flows = region.specialists
    ranked = flows.sort_values(["nb_patients", "montant"], ascending=False, kind="stable")
    measures = {ps: rows[["nb_patients", "montant"]].head(2) for ps, rows in ranked.groupby("ps")}
    tied = {ps for ps, first in measures.items() if len(first) > 1 and first.nunique().max() == 1}
    assert tied == {datasets.UNDETERMINED}


def test_only_the_hamlet_has_no_flow(region):
    assert commune(region, datasets.HAMLET)["population"] == 60
    without = set(region.communes["code"]) - set(region.specialists["commune_residence"])
    assert without == {datasets.HAMLET}


def test_most_practitioners_see_most_patients_where_they_practise(region):
    flows = region.specialists[region.specialists["ps"] != datasets.UNDETERMINED]
    truth = region.truth_practice.set_index("ps")["commune"]
    first = flows.loc[flows.groupby("ps")["nb_patients"].idxmax()].set_index("ps")
    located = truth[first.index][truth[first.index].str[:2] != "98"]
    right = first.loc[located.index, "commune_residence"] == located
    assert 0.85 <= right.mean() < 1


# The hospital


def test_parts_of_population_add_up(region):
    parts = region.pmsi_codes.groupby("code_commune_insee")["population"].sum().round(1)
    population = region.communes.set_index("code")["population"]
    assert (parts == population[parts.index]).all()
    assert set(parts.index) == set(population.index)


def test_some_communes_have_two_pmsi_codes(region):
    codes = region.pmsi_codes.groupby("code_commune_insee")["code_geo_pmsi"].nunique()
    assert (codes == 2).sum() == 4
    assert codes.max() == 2


def test_a_commune_stands_twice_under_the_aggregate(region):
    table = region.pmsi_codes
    twice = table[table.duplicated(["code_commune_insee", "code_geo_pmsi"], keep=False)]
    assert len(twice) == len(set(twice["code_postal"])) == 2
    assert len(set(twice["code_commune_insee"])) == 1
    assert set(twice["code_geo_pmsi"]) == {datasets.AGGREGATE}
    postal = table.groupby("code_postal")["population"].sum()
    small = postal.index[postal < 1_000]
    assert set(table.loc[table["code_postal"].isin(small), "code_geo_pmsi"]) == {datasets.AGGREGATE}


def test_most_pmsi_codes_group_two_to_six_communes(region):
    members = region.pmsi_codes.groupby("code_geo_pmsi")["code_commune_insee"].nunique()
    assert members.between(2, 6).mean() > 0.5


def test_stays_have_known_codes_and_sites(region):
    stays, sites = region.hospital, region.sites
    assert set(stays["code_geo_pmsi"]) <= set(region.pmsi_codes["code_geo_pmsi"])
    assert set(stays["finess"]) == set(sites["finess"])
    assert set(stays["ga"]) == {"médecine", "chirurgie", "obstétrique"}
    assert (stays["nb_sejours"] > 0).all()
    assert not stays.duplicated(["code_geo_pmsi", "finess", "ga"]).any()
    inside = sites["commune"].isin(region.communes["code"])
    assert inside.sum() == 8
    assert sites.loc[~inside, "commune"].str.startswith("20").all()
    assert sites.loc[inside, "commune"].value_counts().max() == 2
