"""Chains: patients whom practices share, from commune to commune."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from grids import code, drawn, flows, grid, planted, shuffle

import territories as tt
from territories._words import say
from territories.chains import ARROW, ORDER

GP, NURSE, PHARMACY = ORDER
PLACES = "commune_1;profession_1;commune_2;profession_2;nb_patients"
PEOPLE = "ps_1;profession_1;ps_2;profession_2;patients_communs"


def written(path, head, rows, seed=0):
    """Write a table of pairs, its rows shuffled."""
    lines = [";".join(map(str, row)) for row in rows]
    order = np.random.default_rng(seed).permutation(len(lines))
    path.write_text("\n".join([head, *(lines[each] for each in order)]), encoding="utf-8")
    return path


def cells(chain):
    """Give the patients of each (residence, activity, destination)."""
    keys = ["residence", "activity", "destination"]
    return chain.table.set_index(keys)["patients"].to_dict()


def layer():
    """Draw four communes in a row.

    ABCD
    """
    return drawn("ABCD")


ROWS = [
    ("00001", "médecin généraliste", "00002", "infirmier", 40),
    ("00003", "Pharmacie", "00001", "MG", 30),  # the pharmacy first: turned round
    ("00002", "infirmier", "00003", "pharmacie", "<11"),
    ("00002", "MG", "00002", "MG", 12),
    ("00001", "MG", "00004", "MG", 20),  # of one profession: half each way
]
EXPECTED = {
    ("00001", f"{GP}{ARROW}{NURSE}", "00002"): 40,
    ("00001", f"{GP}{ARROW}{PHARMACY}", "00003"): 30,
    ("00002", f"{NURSE}{ARROW}{PHARMACY}", "00003"): 5,
    ("00002", f"{GP}{ARROW}{GP}", "00002"): 12,
    ("00001", f"{GP}{ARROW}{GP}", "00004"): 10,
    ("00004", f"{GP}{ARROW}{GP}", "00001"): 10,
}


@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_places(tmp_path, seed):
    """Pairs go from general practitioners to nurses to pharmacies, whichever stands first."""
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, ROWS, seed), communes=layer())
    assert cells(chain) == EXPECTED
    assert chain.table["patients"].sum() == 40 + 30 + 5 + 12 + 20
    masked = chain.bounds().loc[chain.table["masked"] > 0]
    assert masked.to_numpy().tolist() == [[1, 10]]
    assert chain.reconciliation.patients_in == 107
    assert chain.reconciliation.rows_kept == 5


def test_communes_that_the_layer_has_not_are_told(tmp_path):
    """Of its departments, that is; a commune of another region is external without a word."""
    rows = [*ROWS, ("00099", "MG", "00001", "infirmier", 15), ("75056", "MG", "00001", "MG", 15)]
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, rows), communes=layer())
    (told,) = [each for each in chain.reconciliation.notices if "external" in each.key]
    assert (told.values["count"], told.values["values"]) == (1, "00099")
    assert chain.external("residence").sum() == 2


def test_symmetric(tmp_path):
    """Half of every pair goes each way: the sum is the same, and the table its own mirror."""
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, ROWS), symmetric=True)
    sums = chain.together().table.set_index(["residence", "destination"])["patients"]
    assert sums.sum() == 107
    assert sums[("00001", "00002")] == sums[("00002", "00001")] == 20
    assert sums[("00002", "00002")] == 12


@pytest.mark.parametrize("extra", [ROWS[0], ("00002", "infirmier", "00001", "MG", 40)])
def test_given_twice(tmp_path, extra):
    """A pair given again, or the other way round, counts once."""
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, [*ROWS, extra]))
    assert cells(chain) == EXPECTED
    assert chain.reconciliation.reasons["pair_twice"] == (1, 0)


def test_given_twice_otherwise(tmp_path):
    """A pair given both ways with different numbers is refused, without the numbers."""
    extra = ("00002", "infirmier", "00001", "MG", 7777)
    with pytest.raises(tt.InputError, match="given twice") as raised:
        tt.read_chains(written(tmp_path / "c.csv", PLACES, [*ROWS, extra]))
    assert "7777" not in str(raised.value)


PAIRS = [
    ("PSX0001", "MG", "PSX0002", "infirmier", 40),
    ("PSX0002", "infirmier", "PSX0003", "pharmacie", 25),
    ("PSX0001", "MG", "PSX0003", "pharmacie", 30),
    ("PSX0004", "MG", "PSX0003", "pharmacie", 11),
    ("PSX0009", "MG", "PSX0003", "pharmacie", 13),  # nobody knows where he practises
    ("PSX0001", "MG", "PSX0001", "MG", 99),  # with himself
]
WHERE = pd.Series({"PSX0001": "00001", "PSX0002": "00002", "PSX0003": "00003", "PSX0004": "00001"})


@pytest.mark.parametrize("kind", ["series", "frame", "file"])
def test_pairs_of_practitioners(tmp_path, kind):
    """Practitioners are placed, and their numbers are gone."""
    practices = {
        "series": shuffle(WHERE),
        "frame": shuffle(WHERE.rename("commune").to_frame()),
        "file": written(tmp_path / "p.csv", "ps;commune", list(WHERE.items())),
    }[kind]
    path = written(tmp_path / "c.csv", PEOPLE, PAIRS)
    chain = tt.read_chains(path, communes=layer(), practices=practices)
    assert cells(chain) == {
        ("00001", f"{GP}{ARROW}{NURSE}", "00002"): 40,
        ("00002", f"{NURSE}{ARROW}{PHARMACY}", "00003"): 25,
        ("00001", f"{GP}{ARROW}{PHARMACY}", "00003"): 41,
    }
    account = chain.reconciliation
    assert account.reasons == {"pair_alone": (1, 99), "practice_undetermined": (1, 13)}
    assert account.rows_in == account.rows_kept + account.rows_aside == 6
    written_out = f"{chain.table}{account.record()}{chain!r}{account!r}"
    assert "PSX" not in written_out
    assert chain.practices is None


def test_practices_of_flows(tmp_path):
    """The practices that `Flows.located` finds place the pairs too."""
    seen = [("00001", "PSX0001", 40), ("00002", "PSX0002", 30), ("00003", "PSX0003", 20)]
    table = pd.DataFrame(seen, columns=["residence", "practitioner", "patients"])
    located = tt.Flows(shuffle(table.assign(activity="dermatologie"))).located()
    path = written(tmp_path / "c.csv", PEOPLE, PAIRS[:3])
    chain = tt.read_chains(path, practices=located.practices)
    assert len(chain.table) == 3


@pytest.mark.parametrize(
    ("head", "row", "options", "match"),
    [
        (PEOPLE, PAIRS[0], {}, "practices="),
        (PEOPLE, PAIRS[0], {"practices": pd.DataFrame({"place": ["00001"]})}, "no column commune"),
        (PLACES, ("00001", "licornologue", "00002", "MG", 4), {}, "licornologue"),
        (PLACES, ("00001", "10101010101", "00002", "MG", 4), {"allow_new": True}, "unknown activ"),
        (PLACES, ("00001", "", "00002", "MG", 4), {}, "empty"),
        (PLACES, ("Orléans", "MG", "00002", "MG", 4), {}, "commune_1"),
        (PLACES, ("00001", "MG", "00002", "MG", ""), {}, "empty cells"),
        (PLACES, ("00001", "MG", "00002", "MG", -4), {}, "negative"),
        ("a;b;c;d;nb_patients", ("00001", "MG", "00002", "MG", 4), {}, "place_a"),
        (PLACES, ROWS[0], {"masked_as": 0}, "masked"),
        (f"{PLACES};num_patient", (*ROWS[0], 1), {}, "individuals"),
    ],
)
def test_refused(tmp_path, head, row, options, match):
    with pytest.raises(tt.InputError, match=match) as raised:
        tt.read_chains(written(tmp_path / "c.csv", head, [row]), **options)
    assert "10101010101" not in str(raised.value)
    assert "PSX" not in str(raised.value)


def test_nothing_placed(tmp_path):
    """Pairs none of whose practitioners has a place leave nothing."""
    path = written(tmp_path / "c.csv", PEOPLE, PAIRS[:1])
    with pytest.raises(tt.InputError, match="no row can be kept"):
        tt.read_chains(path, practices=pd.Series({"PSX0008": "00001"}))


def test_expected_by_hand():
    """Of A's 30 patients at a, the nurses of a see 1/4 and those of b 3/4.

    Residents of A: 30 see GPs in A, 10 in B; 5 see nurses in A, 15 in B. Those of B: 8 see GPs
    in B; none sees a nurse, so that nobody knows where they go on to.
    """
    first = flows(
        [("00001", "00001", 30, GP), ("00001", "00002", 10, GP), ("00002", "00002", 8, GP)]
    )
    second = flows([("00001", "00001", 5, NURSE), ("00001", "00002", 15, NURSE)])
    chain = tt.chains(first, second)
    name = f"{GP}{ARROW}{NURSE}"
    assert cells(chain) == {
        ("00001", name, "00001"): 7.5,
        ("00001", name, "00002"): 22.5,
        ("00002", name, "00001"): 2.5,
        ("00002", name, "00002"): 7.5,
    }
    account = chain.reconciliation
    assert (account.patients_in, account.patients_aside) == (48, 8)
    assert account.reasons == {"chain_unknown": (1, 8)}
    assert say("chains.expected", language="en") in account.record()["notices"][-1]


@pytest.mark.parametrize("seed", range(4))
def test_expected_beside_slow_loop(seed):
    """The sums of products, in any order of rows, beside loops; the total is that of the first."""
    generator = np.random.default_rng(seed)
    places = [code(each) for each in range(1, 7)]
    one, other = (
        flows(
            [(i, j, int(generator.integers(0, 40)), name) for i in places for j in places],
            seed=seed,
        )
        for name in (GP, NURSE)
    )
    expected = {}
    table = {
        name: given.table.set_index(["residence", "destination"])["patients"].to_dict()
        for name, given in (("one", one), ("other", other))
    }
    for i in places:
        sent = sum(table["other"][i, b] for b in places)
        for a in places:
            for b in places:
                cell = table["one"][i, a] * table["other"][i, b] / sent
                expected[a, b] = expected.get((a, b), 0) + cell
    found = tt.chains(one, other).table.set_index(["residence", "destination"])["patients"]
    for pair, value in expected.items():
        assert found.get(pair, 0.0) == pytest.approx(value)
    assert found.sum() == pytest.approx(one.table["patients"].sum())


def test_expected_of_several_activities():
    """Each activity of the first with each of the second."""
    first = flows([("00001", "00001", 30, GP)])
    second = flows([("00001", "00002", 5, NURSE), ("00001", "00003", 9, PHARMACY)])
    chain = tt.chains(first, second)
    assert chain.activities == [f"{GP}{ARROW}{PHARMACY}", f"{GP}{ARROW}{NURSE}"]
    assert chain.table["patients"].sum() == chain.reconciliation.patients_kept == 60
    fewer = tt.chains(first, flows([("00001", "00002", 5, NURSE), ("00009", "00003", 9, PHARMACY)]))
    assert fewer.reconciliation.reasons == {"chain_unknown": (1, 30)}
    assert fewer.table["patients"].sum() == fewer.reconciliation.patients_kept == 30


def test_expected_of_nothing():
    """Two tables that have no residence in common give no chain, and say so."""
    chain = tt.chains(flows([("00001", "00001", 30, GP)]), flows([("00002", "00001", 3, NURSE)]))
    assert chain.table.empty
    assert chain.reconciliation.patients_kept == 0


def test_not_located():
    columns = ["residence", "activity", "practitioner", "patients"]
    table = pd.DataFrame([["00001", "x", "p", 3]], columns=columns)
    with pytest.raises(tt.InputError, match="located"):
        tt.chains(tt.Flows(table), flows([("00001", "00001", 5, NURSE)]))
    with pytest.raises(tt.InputError, match="located"):
        tt.followed(tt.Flows(table), "00001")


def test_followed(tmp_path):
    """From A: 3/4 of patients to nurses of B, 1/4 to those of C; from there to pharmacies.

    B's nurses share 2/3 with pharmacies of B, 1/3 with those of C; C's share none.
    """
    rows = [
        ("00001", "MG", "00002", "infirmier", 30),
        ("00001", "MG", "00003", "infirmier", 10),
        ("00002", "infirmier", "00002", "pharmacie", 40),
        ("00002", "infirmier", "00003", "pharmacie", 20),
        ("00004", "MG", "00004", "infirmier", 500),
    ]
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, rows))
    path = tt.followed(chain, "00001")["share"]
    assert path.index.tolist() == [
        *((GP, "00001"), (NURSE, "00002"), (NURSE, "00003")),
        *((PHARMACY, "00002"), (PHARMACY, "00003")),
    ]
    assert path.tolist() == pytest.approx([1, 0.75, 0.25, 0.5, 0.25])
    assert tt.followed(chain, "00004")["share"].to_dict() == {
        (GP, "00004"): 1.0,
        (NURSE, "00004"): 1.0,
    }
    assert tt.followed(chain, "75056")["share"].to_dict() == {(GP, "75056"): 1.0}


def test_followed_past_a_step(tmp_path):
    """Where nurses share with no pharmacy, pharmacies are reached from the practitioners."""
    rows = [
        ("00001", "MG", "00002", "infirmier", 30),
        ("00001", "MG", "00003", "pharmacie", 10),
        ("00001", "MG", "00004", "pharmacie", 10),
    ]
    chain = tt.read_chains(written(tmp_path / "c.csv", PLACES, rows))
    path = tt.followed(chain, "00001")["share"]
    assert path[PHARMACY].to_dict() == {"00003": 0.5, "00004": 0.5}  # a tie: by code


def test_one_more_layer():
    """The chains' layer has the wanted multiple of the flows' total, beside the hospital's."""
    given = flows([("00001", "00002", 30), ("00002", "00002", 10)])
    shared = flows([("00003", "00004", 5), ("00004", "00004", 15)])
    stays = flows([("00001", "00004", 50)])
    both = {"hospital": stays, "hospital_weight": 0.5, "chains": shared, "chains_weight": 2.0}
    graph = tt.attraction_graph(given, layer(), **both)
    weights = {pair[:2]: pair[2] for pair in graph.edges.data("weight")}
    assert weights == {
        ("00001", "00002"): 30,
        ("00002", "00002"): 10,
        ("00001", "00004"): 20,
        ("00003", "00004"): 20,
        ("00004", "00004"): 60,
    }
    network = tt.attraction_network(given, layer(), **both)
    assert network.parameters["chains_weight"] == 2.0
    assert network.network.total == 140


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf])
def test_refused_weight(weight):
    given = flows([("00001", "00002", 30)])
    with pytest.raises(tt.ConstraintError, match="weight of the chains"):
        tt.attraction_graph(given, layer(), chains=given, chains_weight=weight)


def test_territories_of_chains():
    """Chains planted in blocks draw the blocks; a light layer leaves those of the specialists."""
    generator = np.random.default_rng(0)
    communes, shared, truth = planted(generator, 2, 3, 0.2)
    rows = [(each, "00001" if each <= "00018" else "00036", 90) for each in communes.index]
    specialists = flows(sorted(rows), communes)
    options = {"territories": 4, "population": (None, None)}
    drawn_by_chains = tt.delineate(shared, communes, **options)
    assert tt.compare(drawn_by_chains, truth).ari == pytest.approx(1)
    options["territories"] = 2
    halves = tt.delineate(specialists, communes, **options)
    assert tt.compare(drawn_by_chains, halves).ari < 1
    with_chains = tt.delineate(specialists, communes, chains=shared, chains_weight=0.01, **options)
    assert tt.compare(halves, with_chains).ari == pytest.approx(1)
    options["territories"] = 4
    heavy = tt.delineate(specialists, communes, chains=shared, chains_weight=100, **options)
    assert tt.compare(heavy, truth).ari == pytest.approx(1)


def simulated_pairs(communes, bridges, truth, seed=0):
    """Simulate pairs of practitioners, a general practitioner, a nurse, a pharmacy by commune.

    They share patients with those of their own commune and of those around, a tenth as many across
    the border of a planted territory.
    """
    generator = np.random.default_rng(seed)
    pairs = tt.contiguity(communes, bridges=bridges)[["left", "right"]]
    ends = [*pairs.itertuples(index=False, name=None), *((each, each) for each in communes.index)]
    labels = {"MG": "médecin généraliste", "INF": "infirmier", "PHA": "pharmacie"}
    rows = []
    for one, other in sorted(ends):
        mean = 60 if truth[one] == truth[other] else 6
        for left, right in (("MG", "INF"), ("INF", "PHA"), ("MG", "PHA")):
            count = int(generator.poisson(mean))
            shown = "<11" if 0 < count < 11 else count
            rows.append((f"{left}{one}", labels[left], f"{right}{other}", labels[right], shown))
    people = [(f"{kind}{each}", each) for kind in labels for each in communes.index]
    return rows, people


def test_fictional_region(tmp_path):
    """The whole way on the fictional region, with pairs of practitioners that are simulated here.

    Read, placed, divided; beside the planted territories and beside those of the specialists.
    """
    data = Path(__file__).parents[1] / "data"
    communes = tt.read_communes(data / "communes.geojson")
    bridges = tt.read_bridges(data / "bridges.csv")
    truth = pd.read_csv(data / "truth_territories.csv", sep=";", dtype="str")
    truth = truth.set_index("code")["territory"]
    rows, people = simulated_pairs(communes, bridges, truth)
    practices = written(tmp_path / "practices.csv", "ps;commune", people)
    path = written(tmp_path / "chains.csv", PEOPLE, rows)
    shared = tt.read_chains(path, communes=communes, practices=practices)
    assert shared.reconciliation.rows_kept == len(rows) > 3_000
    assert shared.reconciliation.patients_kept == shared.table["patients"].sum()
    options = {"territories": 12, "bridges": bridges}
    chained = tt.delineate(shared, communes, **options)
    specialists = tt.read_flows(data / "specialists.csv", communes=communes).located()
    attracted = tt.delineate(specialists, communes, **options)
    assert tt.compare(chained, truth).ari > 0.8
    beside = tt.compare(chained, attracted)
    assert 0.5 < beside.ari < 1
    poles = tt.dominant_poles(shared)
    assert set(poles.table.index.get_level_values("activity")) == set(shared.activities)
    start = communes.index.min()
    path = tt.followed(shared, start)["share"]
    assert path.groupby(level="profession").sum().to_numpy() == pytest.approx(1)


def test_sea_between():
    """Pairs with places outside the layer are external, and kept."""
    chain = flows([("00001", "75056", 30, f"{GP}{ARROW}{NURSE}")], grid(1, 2))
    assert chain.external("destination").all()
    assert tt.followed(chain, "00001")["share"].iloc[-1] == 1.0
