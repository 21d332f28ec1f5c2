"""Stability: what depends on chance, by another way of counting, and a consensus within limits."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    borders,
    code,
    codes,
    drawn,
    grid,
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

import territories as tt
from territories.graph import attraction_network
from territories.stability import cores, joined, mean_agreement, repeated, runs_of
from territories.task import asked

FREE = (None, None)


def frontier():
    """Draw two towns and B between them, whose few patients go to A hardly more than to C.

    DABCE
    """
    layer = drawn("DABCE", population=1_000)
    rows = [("AA", 400), ("CC", 400), ("DA", 200), ("EC", 200), ("BA", 22), ("BC", 18)]
    return letters(rows, layer), layer


def two_places(**options):
    table, layer = frontier()
    return runs_of(table, layer, population=FREE, territories=2, **options)


def test_a_frontier_commune_is_shown_as_such():
    """B is with A in some of the draws of patients and with C in others; the rest never moves."""
    runs = two_places(runs=60)
    table = runs.communes
    assert runs.kind == "resamples"
    assert len(runs) == 60
    assert table.index.name == "commune"
    assert list(table) == ["core_share", "second", "second_share", "flow_gap"]
    assert 0.5 < table["core_share"][code("B")] < 0.95
    assert table["second"][code("B")] == code("C")
    both = table["core_share"] + table["second_share"]
    assert both[code("B")] == pytest.approx(1.0)
    assert table["flow_gap"][code("B")] == pytest.approx(4 / 40)
    others = table.drop(code("B"))
    assert (others["core_share"] == 1).all()
    assert others["second"].isna().all()
    assert (others["second_share"] == 0).all()
    # D sends all to A, nothing elsewhere: there is no other territory to compare with.
    assert others["flow_gap"].isna().all()


def test_seeds_alone_change_nothing_here():
    """The flows stay; whatever the seed, B is with A: a tie of 22 to 18 is none."""
    table = two_places(runs=20, resample=False).communes
    assert (table["core_share"] == 1).all()
    assert two_places(runs=3, resample=False).kind == "seeds"


def test_flow_gap_to_the_nearest_other():
    """E sends 150 to C and 50 to A: no run takes it away, and 100 of 200 is the gap."""
    layer = drawn("DABCE", population=1_000)
    rows = [("AA", 400), ("CC", 400), ("DA", 200), ("EC", 150), ("EA", 50), ("BA", 40)]
    found = tt.stability(letters(rows, layer), layer, runs=5, territories=2, population=FREE)
    assert found["second"].isna().all()
    assert found["flow_gap"][code("E")] == pytest.approx(0.5)


@pytest.mark.parametrize("resample", [True, False])
def test_the_same_seed_gives_the_same(resample):
    table, layer = frontier()
    options = {"runs": 10, "resample": resample, "population": FREE, "territories": 2}
    first = tt.stability(table, layer, seed=3, **options)
    again = tt.stability(shuffled_rows(table, 5), shuffle(layer, 6), seed=3, **options)
    pd.testing.assert_frame_equal(first, again.loc[first.index])
    assert again.index.tolist() == sorted(layer.index)


def test_other_seeds_draw_other_patients():
    shares = {
        two_places(runs=30, seed=seed).communes["core_share"][code("B")]
        for seed in range(0, 200, 40)
    }
    assert len(shares) > 1


def test_communes_together_share_their_values():
    table, layer = frontier()
    found = tt.stability(
        table, layer, runs=40, territories=2, population=FREE, together=[codes("BC")]
    )
    pd.testing.assert_series_equal(found.loc[code("B")], found.loc[code("C")], check_names=False)


def test_communes_that_are_not_drawn_are_missing():
    table, layer = frontier()
    layer.loc[code("E"), "geometry"] = shapely.Polygon()
    found = tt.stability(table, layer, runs=5, territories=2, population=FREE)
    assert found.index.tolist() == codes("ABCDE")
    assert found.loc[code("E")].isna().all()
    assert found["core_share"].drop(code("E")).notna().all()


def test_a_commune_that_sends_nothing_has_no_gap():
    layer = drawn("ABC")
    table = letters([("AA", 90), ("CC", 90)], layer)
    found = tt.stability(table, layer, runs=5, territories=2, population=FREE)
    assert np.isnan(found["flow_gap"][code("B")])


# --- Another way of counting -----------------------------------------------------------------


def sent_to(runs, node):
    """Add up what a node sends to each community."""
    network = runs.task.network
    sends = dict.fromkeys(sorted(set(runs.base.tolist())), 0.0)
    for source, target, weight in zip(network.source, network.target, network.weight, strict=True):
        if source == node:
            sends[int(runs.base[target])] += weight
    return sends


def naive(runs):
    """Count core shares, second territories and gaps run by run and commune by commune."""
    task = runs.task
    ground, group = task.ground, task.wishes.group
    layer, zoning = ground.communes, runs.zoning
    network = task.network
    labels = zoning.labels
    rows = {}
    territory_of = {}
    for place, name in enumerate(ground.placed):
        territory_of[int(runs.base[group[place]])] = labels[name]
    mains = {}
    for community in range(int(runs.base.max()) + 1):
        nodes = np.flatnonzero(runs.base == community).tolist()
        mains[community] = min(
            nodes, key=lambda node: (-network.received[node], -network.population[node], node)
        )
    for place, name in enumerate(ground.placed):
        node = int(group[place])
        own = int(runs.base[node])
        home = sum(each[node] == each[mains[own]] for each in runs.divisions)
        met = {}
        for each in runs.divisions:
            if each[node] != each[mains[own]]:
                for other, main in mains.items():
                    if each[node] == each[main]:
                        met[other] = met.get(other, 0) + 1
        sends = sent_to(runs, node)
        second = min(met, key=lambda other: (-met[other], other)) if met else None
        rival = second
        if rival is None:
            rest = {other: sends[other] for other in mains if other != own and sends[other] > 0}
            rival = min(rest, key=lambda other: (-rest[other], other)) if rest else None
        sent = network.sent[node]
        gap = np.nan if rival is None or not sent else (sends[own] - sends[rival]) / sent
        rows[name] = (
            home / len(runs),
            None if second is None else territory_of[second],
            0.0 if second is None else met[second] / len(runs),
            gap,
        )
    columns = ["core_share", "second", "second_share", "flow_gap"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).reindex(layer.index)


def random_task(seed, **more):
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 4, 5, sea=float(generator.choice([0, 0.2])))
    table = random_flows(generator, layer, count=int(generator.choice([30, 120])), most=40)
    ground = attraction_network(table, layer)
    options = {"population": FREE, "resolution": 1.0}
    if generator.random() < 0.5 and len(layer) > 3:
        options = {"population": (8_000, None)} if layer["population"].sum() > 8_000 else options
    if generator.random() < 0.4 and len(layer) > 3:
        pair = sorted(tt.contiguity(layer)[["left", "right"]].itertuples(index=False, name=None))
        more = {**more, "together": [list(pair[0])]} if pair else more
    if not ground.network.total:
        return None, layer
    return asked(ground, **options, **more), layer


@HEAVY
@given(st.integers(0, 10**6), st.booleans())
def test_as_a_slow_loop(seed, resample):
    task, _ = random_task(seed)
    if task is None:
        return
    runs = repeated(task, runs=6, resample=resample)
    expected, table = naive(runs), runs.communes
    for name in ("core_share", "second_share", "flow_gap"):
        np.testing.assert_allclose(
            table[name].to_numpy(dtype=float), expected[name].to_numpy(dtype=float), atol=1e-12
        )
    found = [None if pd.isna(each) else each for each in table["second"]]
    assert found == [None if pd.isna(each) else each for each in expected["second"]]


@HEAVY
@given(st.integers(0, 10**6), st.booleans())
def test_borders_and_agreement(seed, resample):
    """Solidity is a share, of borders between two territories only; agreement is a mean ARI."""
    task, layer = random_task(seed)
    if task is None:
        return
    runs = repeated(task, runs=5, resample=resample)
    group, placed = task.wishes.group, list(task.ground.placed)
    labels = runs.zoning.labels
    pairs = tt.contiguity(layer)
    between = pairs[labels[pairs["left"]].to_numpy() != labels[pairs["right"]].to_numpy()]
    table = runs.borders
    assert list(table) == ["left", "right", "shared_m", "solidity"]
    assert (
        table[["left", "right"]].to_numpy().tolist()
        == between[["left", "right"]].to_numpy().tolist()
    )
    assert table["solidity"].between(0, 1).all()
    for row in table.itertuples():
        one, other = group[placed.index(row.left)], group[placed.index(row.right)]
        apart = np.mean([each[one] != each[other] for each in runs.divisions])
        assert row.solidity == pytest.approx(apart)
    ari = np.mean([adjusted_rand_score(runs.base, each) for each in runs.divisions])
    assert runs.agreement == pytest.approx(ari)


@HEAVY
@given(st.integers(0, 10**6), st.booleans())
def test_consensus_keeps_to_the_limits(seed, resample):
    """One piece each, as many territories, none pushed under the minimum; nothing gets worse."""
    task, layer = random_task(seed)
    if task is None:
        return
    runs = repeated(task, runs=5, resample=resample)
    before, after = runs.zoning.labels, runs.consensus.labels
    graph = borders(layer)
    assert after.nunique() == before.nunique()
    for _, each in after.groupby(after):
        assert nx.is_connected(graph.subgraph(each.index))
    least = task.wishes.bounds.minimum or 0
    people = [layer["population"].groupby(each).sum() for each in (before, after)]
    small = [(each < least).sum() for each in people]
    assert small[1] <= small[0]
    pairs = tt.contiguity(layer)
    group = pd.Series(task.wishes.group, index=task.ground.placed)
    left, right = (group[pairs[end]].to_numpy() for end in ("left", "right"))
    # Groups that touch at several communes have one border.
    edges = {tuple(sorted(pair)) for pair in zip(left, right, strict=True) if pair[0] != pair[1]}

    def agreed(labels):
        of = dict(zip(task.wishes.group.tolist(), labels.loc[task.ground.placed], strict=True))
        return sum(
            np.mean([each[one] == each[other] for each in runs.divisions]) - 0.5
            for one, other in edges
            if of[one] == of[other]
        )

    assert agreed(after) >= agreed(before) - 1e-9


@HEAVY
@given(st.integers(0, 10**6))
def test_runs_keep_to_what_was_asked(seed):
    """Resamples: communities in one piece, as many as are shown."""
    task, _ = random_task(seed)
    if task is None:
        return
    runs = repeated(task, runs=4)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(task.network)))
    begins = np.repeat(np.arange(len(task.network)), np.diff(task.network.borders.start))
    graph.add_edges_from(zip(begins.tolist(), task.network.borders.to.tolist(), strict=True))
    for division in runs.divisions:
        for label in set(division.tolist()):
            assert nx.is_connected(graph.subgraph(np.flatnonzero(division == label).tolist()))
        if task.resolution is None:
            assert len(set(division.tolist())) == len(set(runs.base.tolist()))


def test_consensus_of_a_frontier():
    """B goes where most draws put it."""
    runs = two_places(runs=40)
    assert members(runs.consensus.labels) == {frozenset(codes("ABD")), frozenset(codes("CE"))}


def test_planted_territories_are_stable():
    """Four clear blocks: every commune is with its pole in every draw."""
    layer, table, truth = planted(np.random.default_rng(2), 2, 4, 0.2)
    runs = runs_of(table, layer, runs=10, territories=4)
    assert members(runs.zoning.labels) == members(truth)
    assert (runs.communes["core_share"] == 1).all()
    assert runs.agreement == 1.0
    assert (runs.borders["solidity"] == 1).all()
    assert members(runs.consensus.labels) == members(truth)
    text = (
        "<Runs: 10 resamples, agreement 1.00, 0 communes with their pole in less than 90% of them>"
    )
    assert repr(runs) == text
    assert "core_share" in runs._repr_html_()


def test_pieces_of_the_measures():
    """Three nodes in a line; two runs, one joins 0-1, the other 1-2."""
    layer = drawn("ABC")
    network = attraction_network(letters([("AA", 9), ("BA", 5), ("CC", 8)], layer), layer).network
    base = np.array([0, 0, 1], dtype=np.int32)
    divisions = np.array([[0, 0, 1], [0, 1, 1]], dtype=np.int32)
    core = cores(network, base, divisions)
    assert core.share.tolist() == [1.0, 0.5, 1.0]
    assert core.second.tolist() == [0, 1, 0]
    assert core.second_share.tolist() == [0.0, 0.5, 0.0]
    assert joined(network, divisions).tolist() == [0.5, 0.5, 0.5, 0.5]
    assert mean_agreement(base, divisions) == pytest.approx(
        (1 + adjusted_rand_score([0, 0, 1], [0, 1, 1])) / 2
    )
    assert np.isnan(mean_agreement(base, divisions[:0]))


# --- Refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [0, -1, 2.5, True, "10", None])
def test_a_number_of_runs_that_is_none(runs):
    with pytest.raises(tt.InputError) as refusal:
        two_places(runs=runs)
    assert refusal.value.faults[0].key == "error.runs_not_positive"


def test_whole_numbers_of_numpy_are_runs():
    assert len(two_places(runs=np.int64(3))) == 3


def test_other_methods_have_no_stability():
    table, layer = frontier()
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.stability(table, layer, method="plurality", population=FREE)
    assert refusal.value.faults[0].key == "error.only_leiden"


@pytest.mark.parametrize("wish", [{}, {"territories": 2}, {"resolution": 1.0}])
def test_no_flow_no_stability(wish):
    layer = drawn("ABC")
    with pytest.raises(tt.ConstraintError, match="All flows are zero"):
        tt.stability(letters([("AB", 0)], layer), layer, population=FREE, **wish)


def test_what_delineate_refuses_is_refused():
    table, layer = frontier()
    with pytest.raises(tt.ConstraintError, match="99 territories wanted"):
        tt.stability(table, layer, territories=99, population=FREE)
    with pytest.raises(TypeError):
        tt.stability(table, layer, territory=2)


def test_stages_are_told():
    stages = []
    two_places(runs=1, tell=stages.append)
    assert stages == ["graph", "search"]


@pytest.mark.parametrize("wish", [{}, {"resolution": 2.0}, {"territories": 3}])
@pytest.mark.parametrize("weights", ["volume", "equal", "dominance"])
def test_what_is_shown_is_what_delineate_draws(wish, weights):
    generator = np.random.default_rng(8)
    layer = grid(5, 5)
    table = random_flows(generator, layer, count=200)
    options = {"population": FREE, "weights": weights, **wish}
    shown = runs_of(table, layer, runs=2, seed=5, **options).zoning
    zoning = tt.delineate(table, layer, seed=5, **options)
    pd.testing.assert_frame_equal(shown.membership, zoning.membership)
    assert shown.unmet == zoning.unmet
