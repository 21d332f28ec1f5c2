"""The published methods through the same call: mended, or as published, and compared."""

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from grids import (
    HEAVY,
    borders,
    code,
    codes,
    drawn,
    letters,
    members,
    planted,
    random_flows,
    random_layer,
    shuffle,
    shuffled_rows,
)
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from synthetic import BRIDGES

import territories as tt
from territories._words import using
from territories.containment import self_containment
from territories.dartmouth import dartmouth
from territories.graph import attraction_network
from territories.hierarchy import intramax, ward
from territories.methods import METHODS, Leiden, Plurality, options_of
from territories.plurality import plurality

FREE = (None, None)
DRAWN = ("plurality", "dartmouth", "self_containment")
TREES = ("ward", "intramax")
SMALL = {"min_size": 20, "target_size": 100}


def own_options(method):
    return SMALL if method == "self_containment" else {}


def world(seed, *, sea=0.0, count=120):
    generator = np.random.default_rng(seed)
    rows, columns = [(4, 4), (5, 5), (3, 5), (4, 6)][generator.integers(4)]
    layer = random_layer(generator, rows, columns, sea=sea)
    return layer, random_flows(generator, layer, count=count)


def told(zoning):
    return {each.key.removeprefix("unmet.") for each in zoning.unmet}


@HEAVY
@given(
    st.integers(0, 10**6),
    st.sampled_from([*DRAWN, *TREES]),
    st.sampled_from([FREE, (8_000, None), (20_000, None)]),
    st.sampled_from([0.0, 0.2]),
)
def test_mended_territories_are_in_one_piece(seed, method, population, sea):
    """One piece each, all communes, the minimum kept or told, whatever the order of the rows."""
    layer, table = world(seed, sea=sea)
    graph = borders(layer)
    if layer["population"].sum() < (population[0] or 0):
        return
    number = nx.number_connected_components(graph) + 1 if method in TREES else None
    options = {"method": method, "population": population, "options": own_options(method)}
    try:
        zoning = tt.delineate(table, layer, territories=number, **options)
    except tt.ConstraintError as refusal:
        keys = {fault.key for fault in refusal.faults}
        assert keys <= {"error.number_not_reached", "error.number_minimum"} | {
            "error.number_over_communes"
        }
        assert number is not None
        return
    labels = zoning.labels
    assert labels.notna().all()
    assert number is None or labels.nunique() == number
    people = layer["population"].groupby(labels).sum()
    reasons = {each.values.get("code"): each.key for each in zoning.unmet}
    for name, group in labels.groupby(labels):
        assert nx.is_connected(graph.subgraph(group.index))
        if population[0] and people[name] < population[0]:
            assert reasons[name] in {"unmet.island", "unmet.number_wanted", "unmet.not_helped"}
    again = tt.delineate(shuffled_rows(table, 1), shuffle(layer, 2), territories=number, **options)
    pd.testing.assert_frame_equal(zoning.membership, again.membership)


@HEAVY
@given(st.integers(0, 10**6), st.sampled_from(TREES), st.integers(1, 9))
def test_trees_give_the_number(seed, method, number):
    """Without bounds, on one piece of land where all communes receive, any number can be had."""
    layer, table = world(seed, count=200)
    rows = pd.DataFrame({"residence": layer.index, "destination": layer.index, "patients": 30})
    table = tt.Flows(pd.concat([table.table, rows.assign(activity="dermatology")]))
    zoning = tt.delineate(table, layer, method=method, territories=number, population=FREE)
    assert zoning.labels.nunique() == number
    assert (zoning.pieces() == 1).all()


@HEAVY
@given(st.integers(0, 10**6), st.sampled_from([*DRAWN, *TREES]), st.integers(1, 6))
def test_as_published(seed, method, number):
    """`contiguous=False` is the published function, to the label; pieces are told."""
    layer, table = world(seed)
    options = own_options(method)
    wish = {"territories": number} if method in TREES else {}
    try:
        zoning = tt.delineate(
            *(table, layer),
            method=method,
            population=FREE,
            contiguous=False,
            options=options,
            **wish,
        )
    except tt.ConstraintError as refusal:
        keys = {fault.key for fault in refusal.faults}
        assert keys <= {"error.number_not_reached", "error.number_over_communes"}
        assert method in TREES
        return
    network = attraction_network(table, layer).network
    found = {
        "plurality": lambda: plurality(network),
        "dartmouth": lambda: dartmouth(network, contiguous=False),
        "ward": lambda: ward(network, number, contiguous=False),
        "intramax": lambda: intramax(network, number, contiguous=False),
        "self_containment": lambda: self_containment(
            network, contiguous=False, **{**METHODS[method]().model_dump(), **options}
        ),
    }[method]()
    alone = [f"alone {place}" if label < 0 else label for place, label in enumerate(found.tolist())]
    assert members(pd.Series(alone, index=sorted(layer.index))) == members(zoning.labels)
    pieces = zoning.pieces()
    assert ("in_pieces" in told(zoning)) == bool((pieces > 1).any())
    listed = [each.values for each in zoning.unmet if each.key == "unmet.in_pieces"]
    many = pieces[pieces > 1].sort_index()
    assert [each["pieces"] for each in listed] == many.tolist()
    assert [each["name"] for each in listed] == [zoning.names[name] for name in many.index]


def suburbs():
    """Draw two towns and a commune in between that goes over the other's suburb.

    ABCD     B goes to D, C to A: by plurality, both territories are in pieces
    """
    layer = drawn("ABCD", population=10_000)
    rows = [("AA", 90), ("CA", 60), ("CD", 20), ("DD", 90), ("BD", 60), ("BA", 20)]
    return letters(rows, layer), layer


def test_plurality_is_mended():
    """As published in pieces; mended, each piece goes to the territory beside it."""
    table, layer = suburbs()
    published = tt.delineate(table, layer, method="plurality", population=FREE, contiguous=False)
    assert members(published.labels) == {frozenset(codes("AC")), frozenset(codes("BD"))}
    assert published.pieces().tolist() == [2, 2]
    mended = tt.delineate(table, layer, method="plurality", population=FREE)
    assert mended.pieces().tolist() == [1, 1]
    assert mended.labels[code("A")] != mended.labels[code("D")]


def test_leiden_as_published_may_be_in_pieces():
    """Moves go along flows: A and C are one, over B."""
    layer = drawn("ABC")
    table = letters([("AC", 500), ("CA", 500), ("BB", 500)], layer)
    options = {"population": FREE, "resolution": 1.0}
    zoning = tt.delineate(table, layer, contiguous=False, **options)
    assert members(zoning.labels) == {frozenset(codes("AC")), frozenset(codes("B"))}
    assert told(zoning) == {"in_pieces"}
    assert (tt.delineate(table, layer, **options).pieces() == 1).all()


@pytest.mark.parametrize("method", [*DRAWN, *TREES, "leiden"])
def test_planted_territories_are_found(method):
    """Nine blocks of nine communes around their middles: each method finds most of them.

    ··· ··· ···
    ·o· ·o· ·o·
    ··· ··· ···
    """
    layer, table, truth = planted(np.random.default_rng(5), 3, 3, 0.2)
    number = 9 if method in (*TREES, "leiden") else None
    options = {"min_size": 900, "target_size": 3_600} if method == "self_containment" else {}
    zoning = tt.delineate(table, layer, method=method, territories=number, options=options)
    assert adjusted_rand_score(truth.sort_index(), zoning.labels.sort_index()) > 0.9
    assert (zoning.pieces() == 1).all()
    assert zoning.parameters["method"] == method


@pytest.mark.parametrize("method", [*DRAWN, *TREES])
def test_what_is_together_stays_so(method):
    table, layer = suburbs()
    number = 2 if method in TREES else None
    options = {"method": method, "territories": number, "population": FREE}
    zoning = tt.delineate(
        table, layer, together=[codes("BC")], options=own_options(method), **options
    )
    assert zoning.labels[code("B")] == zoning.labels[code("C")]
    assert (zoning.pieces() == 1).all()


@pytest.mark.parametrize("method", [*DRAWN, *TREES])
def test_poles_are_asked_of_published_methods_too(method):
    """Only D may be a pole: all are with it."""
    table, layer = suburbs()
    number = 1 if method in TREES else None
    options = {"method": method, "territories": number, "options": own_options(method)}
    zoning = tt.delineate(table, layer, poles=[code("D")], population=FREE, **options)
    assert len(set(zoning.labels)) == 1


def test_two_methods_are_compared_in_one_line():
    """A draws B and C, F draws D and E: both methods see it.

    ABCDEF
    """
    layer = drawn("ABCDEF")
    table = letters([(f"{each}{'A' if each < 'D' else 'F'}", 50) for each in "ABCDEF"], layer)
    one = tt.delineate(table, layer, method="plurality", population=FREE)
    other = tt.delineate(table, layer, population=FREE, territories=2)
    assert tt.compare(one, other).ari == 1.0


# --- Options -------------------------------------------------------------------------------


def refused(**options):
    table, layer = suburbs()
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.delineate(table, layer, population=FREE, **options)
    english = str(refusal.value)
    with using("fr"):
        french = str(refusal.value)
    assert english != french
    assert "{" not in english + french
    return [fault.key.removeprefix("error.") for fault in refusal.value.faults], english


@pytest.mark.parametrize(
    ("method", "options", "name"),
    [
        ("leiden", {"step": 5}, "step"),
        ("leiden", {"steps": -1}, "steps"),
        ("leiden", {"steps": "many"}, "steps"),
        ("leiden", {"null": "nothing"}, "null"),
        ("leiden", {"min_size": 5}, "min_size"),
        ("plurality", {"steps": 5}, "steps"),
        ("dartmouth", {"min_localisation": 1.5}, "min_localisation"),
        ("dartmouth", {"min_localisation": "high"}, "min_localisation"),
        ("self_containment", {"min_size": None}, "min_size"),
        ("self_containment", {"target": 5}, "target"),
    ],
)
def test_options_are_refused_by_name(method, options, name):
    keys, said = refused(method=method, options=options)
    assert keys == ["method_option"]
    assert f"'{name}'" in said
    assert method in said


def test_several_options_are_refused_at_once():
    keys, _ = refused(options={"steps": -1, "null": "x", "more": 1})
    assert keys == ["method_option"] * 3


def test_values_that_only_the_method_knows():
    """Targets under the minima: the method's own refusal, as the package's."""
    keys, _ = refused(method="self_containment", options={"min_size": 500.0, "target_size": 100.0})
    assert len(keys) == 1


@pytest.mark.parametrize("method", TREES)
def test_trees_need_a_number(method):
    assert refused(method=method)[0] == ["method_needs_number"]


def test_unknown_methods_are_refused():
    keys, said = refused(method="louvain", options={"x": 1})
    assert keys == ["method_unknown"]
    assert all(name in said for name in METHODS)


@pytest.mark.parametrize("method", [*DRAWN, *TREES])
@pytest.mark.parametrize(
    "wish", [{"resolution": 1.0}, {"apart": [codes("AB")]}, {"locked": {code("A"): "x"}}], ids=str
)
def test_only_leiden(method, wish):
    number = 2 if method in TREES and "resolution" not in wish else None
    keys, said = refused(method=method, territories=number, **wish)
    assert "only_leiden" in keys
    assert next(iter(wish)) in said


def test_options_of():
    chosen, faults = options_of("leiden", None)
    assert (chosen, faults) == (Leiden(), [])
    assert options_of("plurality", {})[0] == Plurality()
    assert options_of("leiden", {"steps": 0})[0].steps == 0


@pytest.mark.parametrize("null", ["directed", "undirected", "population"])
def test_null_models_of_leiden(null):
    table, layer = suburbs()
    zoning = tt.delineate(table, layer, territories=2, population=FREE, options={"null": null})
    assert zoning.labels.nunique() == 2
    assert zoning.parameters["options"]["null"] == null


# --- Brindisi: the result of another program -----------------------------------------------


@pytest.fixture(scope="module")
def brindisi(shared_data):
    """Return layer, flows and golden areas of the 20 communes of Brindisi (ISTAT, 2001)."""
    folder = shared_data / "reference" / "brindisi"
    layer = gpd.read_file(folder / "brindisi.geojson").to_crs(32633)
    layer = layer.set_index(pd.Index(layer["PRO_COM"], name="code"))
    layer = layer.assign(name=layer["NOME_COM"], population=layer["POP2001"].astype("int64"))
    table = pd.read_csv(folder / "brindisi_flows.csv", dtype="str")
    table = table.set_axis(["residence", "destination", "patients"], axis="columns")
    table = table.assign(activity="work", patients=table["patients"].astype("int64"))
    golden = pd.read_csv(folder / "golden_areas.csv", dtype="str")
    areas = golden.set_index("community")["cluster"]
    return shuffle(layer[["name", "population", "geometry"]]), tt.Flows(shuffle(table)), areas


def test_brindisi_as_istat_has_it(brindisi):
    """Nine areas, the same members, Q = 0.6455998."""
    layer, table, areas = brindisi
    zoning = tt.delineate(
        table, layer, method="self_containment", contiguous=False, population=FREE
    )
    assert members(zoning.labels) == members(areas)
    assert zoning.labels.nunique() == 9
    assert tt.modularity(zoning, table) == pytest.approx(0.6455998, abs=1e-6)
    official = tt.Zoning.from_labels(areas, communes=layer)
    assert tt.compare(zoning, official).ari == 1.0


@pytest.mark.parametrize("method", [*DRAWN, *TREES])
def test_brindisi_by_each_method(brindisi, method):
    """Each in one piece; within 0.06 of the modularity of the engine's own nine."""
    layer, table, _ = brindisi
    number = 9 if method in TREES else None
    zoning = tt.delineate(table, layer, method=method, territories=number, population=FREE)
    assert (zoning.pieces() == 1).all()
    assert tt.modularity(zoning, table) > 0.55


# --- England: real patients, and the official planning areas -------------------------------


@pytest.fixture(scope="module")
def england(shared_data):
    """Return layer, flows and official areas of the 314 districts of England (2020-21)."""
    folder = shared_data / "nhs"
    names = {"code": "geo_code", "name": "geo_name"}
    layer = tt.read_communes(folder / "districts_epsg27700.geojson", columns=names, crs=27700)
    flows = pd.read_csv(folder / "flows_link.csv", dtype="str")
    places = pd.read_csv(folder / "site_district.csv", dtype="str").set_index("site")["district"]
    changes = pd.read_csv(folder / "district_changes.csv", dtype="str").set_index("old")["new"]
    table = pd.DataFrame(
        {
            "residence": flows["residence"].replace(changes.to_dict()),
            "destination": flows["site"].map(places),
            "patients": flows["patients"].astype("int64"),
            "activity": "mco",
        }
    )
    areas = pd.read_csv(folder / "district_area.csv", dtype="str").set_index("district")["area"]
    table = table.groupby(["residence", "destination", "activity"], as_index=False).sum()
    return layer, tt.Flows(shuffle(table)), areas


def kept(labels, table):
    """Return the median localisation index and the share of stays inside."""
    source, target = table["residence"].map(labels), table["destination"].map(labels)
    patients = table["patients"]
    inside = patients[source == target].groupby(source[source == target]).sum()
    sent = patients.groupby(source).sum()
    index = (inside.reindex(sent.index).fillna(0) / sent).median()
    return index, inside.sum() / patients.sum()


@pytest.mark.parametrize("seed", range(2))
def test_england_keeps_more_than_its_official_areas(england, seed):
    """42 territories, each in one piece with the bridges of Wight and Scilly."""
    layer, flows, areas = england
    official = kept(areas, flows.table)
    assert official == pytest.approx((0.7058, 0.7322), abs=5e-5)
    zoning = tt.delineate(flows, layer, territories=42, population=FREE, bridges=BRIDGES, seed=seed)
    assert zoning.labels.nunique() == 42
    assert (zoning.pieces() == 1).all()
    index, share = kept(zoning.labels, flows.table)
    assert index >= 0.7058
    assert share >= 0.7322
    assert zoning.unmet == ()


# --- Centre-Val de Loire: the territories that were simulated ------------------------------


@pytest.mark.parametrize("weights", ["volume", "equal"])
@pytest.mark.parametrize("number", [24, None])
def test_the_simulated_region_is_found(cvl, cvl_communes, cvl_located, weights, number):
    """24 planted territories: found, or proposed within four; each of 20 000 inhabitants."""
    truth = pd.read_csv(cvl / "truth_territories.csv", dtype="str").set_index("code")["territory"]
    zoning = tt.delineate(cvl_located.grouped(), cvl_communes, territories=number, weights=weights)
    labels = zoning.labels
    assert abs(labels.nunique() - 24) <= (0 if number else 4)
    assert adjusted_rand_score(truth.reindex(labels.index), labels) >= 0.90
    assert (zoning.territories["population"] >= 20_000).all()
    assert (zoning.pieces() == 1).all()
    assert zoning.unmet == ()
