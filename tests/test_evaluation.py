"""Measures of territories: each against a worked example, and against a slow loop."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from grids import (
    HEAVY,
    code,
    codes,
    drawn,
    flows,
    letters,
    shuffle,
    shuffled_rows,
    with_rows,
    zoning_of,
    zonings,
)
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories import evaluation
from territories.concordance import Concordance
from territories.evaluation import class_shares, stable_share

BRINDISI = Path(__file__).parents[2] / "shared" / "data" / "reference" / "brindisi"
PARIS, LYON = "75056", "69123"
SHARES = ["li", "leakage", "msi", "attraction"]


# --- Flows ---------------------------------------------------------------------------------


def worked():
    """Draw two territories and what they exchange, in and with Paris.

    AAB     x = {A, B}, y = {C}
    AAC     A → A 30   A → B 20   A → C 10   B → Paris 40
            C → C 50   C → A 5    Paris → A 15

    x: inside 30 + 20 = 50; sent 30 + 20 + 10 + 40 = 100; received 30 + 20 + 5 + 15 = 70
    y: inside 50; sent 55; received 60
    """
    communes = drawn("AAB\nAAC", population=[39_999, 1, 80_000])
    zoning = tt.Zoning.from_labels(
        dict(zip(codes("ABC"), "xxy", strict=True)), communes=communes, name="worked"
    )
    pairs = [("AA", 18), ("AB", 20), ("AC", 10), ("CC", 50), ("CA", 5)]
    abroad = [
        (code("A"), code("A"), 12, "radiology"),
        (code("B"), PARIS, 40, "radiology"),
        (PARIS, code("A"), 15, "radiology"),
        (PARIS, LYON, 1_000, "radiology"),
    ]
    return zoning, with_rows(letters(pairs), abroad)


@pytest.mark.parametrize(
    ("measure", "x", "y"),
    [
        ("communes", 2, 1),
        ("population", 40_000, 80_000),
        ("aci_size", 2, 3),
        ("inside", 50, 50),
        ("sent", 100, 55),
        ("received", 70, 60),
        ("li", 0.5, 50 / 55),
        ("leakage", 0.5, 5 / 55),
        ("msi", 50 / 70, 50 / 60),
        ("attraction", 20 / 70, 10 / 60),
        ("net_index", 20 / 50, 10 / 5),
        ("pieces", 1, 1),
        ("area_km2", 5.0, 1.0),
        ("compactness", 4 * math.pi * 5 / 10**2, math.pi / 4),
    ],
)
def test_worked_example(measure, x, y):
    """Each measure of METHOD section 7, on the two territories of `worked`."""
    found = tt.evaluate(*worked())
    assert found[measure].to_dict() == pytest.approx({"x": x, "y": y})


def test_worked_example_columns():
    """One row a territory, named; the departments of its communes."""
    found = tt.evaluate(*worked())
    assert found.index.tolist() == ["x", "y"]
    assert found.index.name == "territory"
    assert found["name"].tolist() == ["x", "y"]
    assert found["departments"].tolist() == ["00", "00"]
    assert {"geometry"}.isdisjoint(found.columns)
    assert found.loc[:, "communes":"aci_size"].dtypes.map(str).eq("int64").all()


def slow(zoning, table):
    """Add up, row by row, exactly: inside, sent and received of each territory."""
    weights = {}
    for row in zoning.membership.itertuples():
        weights.setdefault(row.code, {})[row.territory] = Fraction(row.weight)
    found = {name: [Fraction(0)] * 3 for name in zoning.membership["territory"].unique()}
    for row in table.table.itertuples():
        living, cared = weights.get(row.residence, {}), weights.get(row.destination, {})
        for territory, weight in living.items():
            found[territory][0] += row.patients * min(weight, cared.get(territory, 0))
            found[territory][1] += row.patients * weight
        for territory, weight in cared.items():
            found[territory][2] += row.patients * weight
    return found


@HEAVY
@given(zonings())
def test_exchanges_as_a_slow_loop(case):
    """Patients by weight, and the indices from them; missing where a denominator is 0."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    for territory, (inside, sent, received) in slow(zoning, table).items():
        row = found.loc[territory]
        assert [row["inside"], row["sent"], row["received"]] == [inside, sent, received]
        expected = {
            "li": inside / sent if sent else None,
            "leakage": 1 - inside / sent if sent else None,
            "msi": inside / received if received else None,
            "attraction": 1 - inside / received if received else None,
            "net_index": (received - inside) / (sent - inside) if sent > inside else None,
        }
        for name, value in expected.items():
            if value is None:
                assert math.isnan(row[name]), name
            else:
                assert row[name] == pytest.approx(float(value), abs=1e-12), name


@HEAVY
@given(zonings())
def test_totals_never_exceed_the_region(case):
    """Shared communes count by weight: territories together have what their communes have."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    covered = set(zoning.membership["code"])
    rows = table.table
    living, cared = rows["residence"].isin(covered), rows["destination"].isin(covered)
    assert found["sent"].sum() == pytest.approx(rows["patients"][living].sum())
    assert found["received"].sum() == pytest.approx(rows["patients"][cared].sum())
    assert found["inside"].sum() <= rows["patients"][living & cared].sum() + 1e-9
    assert (found["inside"] <= found["sent"] + 1e-9).all()
    assert (found["inside"] <= found["received"] + 1e-9).all()
    assert found["communes"].sum() == len(zoning.membership)


@HEAVY
@given(zonings(), st.integers(0, 1000))
def test_row_order_changes_nothing(case, seed):
    zoning, table = case
    again = tt.Zoning(
        communes=shuffle(zoning.communes, seed), membership=shuffle(zoning.membership, seed)
    )
    pd.testing.assert_frame_equal(
        tt.evaluate(again, shuffled_rows(table, seed)), tt.evaluate(zoning, table)
    )


@HEAVY
@given(zonings())
def test_what_concerns_no_commune_changes_nothing(case):
    """Zeros and flows between two places outside."""
    zoning, table = case
    first = zoning.communes.index[0]
    more = with_rows(table, [(PARIS, LYON, 500), (first, first, 0), (first, PARIS, 0)])
    pd.testing.assert_frame_equal(tt.evaluate(zoning, more), tt.evaluate(zoning, table))


@HEAVY
@given(zonings())
def test_shares_are_shares(case):
    found = tt.evaluate(*case)[SHARES]
    assert ((found >= 0) & (found <= 1) | found.isna()).all(axis=None)
    assert np.allclose((found["li"] + found["leakage"]).dropna(), 1, atol=1e-12)
    assert np.allclose((found["msi"] + found["attraction"]).dropna(), 1, atol=1e-12)


def test_no_flow_is_missing_not_zero():
    """Nobody goes anywhere: counts are 0, indices are missing."""
    zoning, _ = worked()
    for table in (letters([]), letters([("AB", 0), ("CC", 0)])):
        found = tt.evaluate(zoning, table)
        assert (found[["inside", "sent", "received"]] == 0).all(axis=None)
        assert found[[*SHARES, "net_index"]].isna().all(axis=None)
        assert found["population"].tolist() == [40_000, 80_000]


def test_a_territory_that_keeps_all_has_no_net_index():
    """Nothing leaves x, so there is nothing to compare what comes with."""
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict(zip(codes("AB"), "xy", strict=True)), communes=communes)
    found = tt.evaluate(zoning, letters([("AA", 20), ("BA", 5)]))
    assert found["li"]["x"] == 1.0
    assert math.isnan(found["net_index"]["x"])


def test_a_territory_that_receives_nobody():
    """All of x go to y: no market share to speak of, but a net index of 0 (0 come, 30 leave).

    x: inside 0, sent 30, received 0        y: inside 0, sent 0, received 30
    """
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict(zip(codes("AB"), "xy", strict=True)), communes=communes)
    found = tt.evaluate(zoning, letters([("AB", 30)]))
    assert found["li"]["x"] == 0.0
    assert found["msi"].isna().to_dict() == {"x": True, "y": False}
    assert found["li"].isna().to_dict() == {"x": False, "y": True}
    assert math.isnan(found["net_index"]["y"])
    assert found["net_index"]["x"] == 0.0


def test_one_territory():
    """The whole layer: what leaks goes outside."""
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict.fromkeys(codes("AB"), "all"), communes=communes)
    rows = [(code("A"), code("B"), 60), (code("B"), PARIS, 40), (LYON, code("A"), 20)]
    found = tt.evaluate(zoning, flows(rows)).loc["all"]
    assert found["li"] == 0.6
    assert found["msi"] == 0.75
    assert found["net_index"] == 0.5


def test_nobody_is_covered():
    communes = drawn("AB")
    found = tt.evaluate(tt.Zoning.from_labels({}, communes=communes), letters([("AB", 20)]))
    assert found.empty
    assert {"li", "msi", "net_index", "compactness", "departments"} <= set(found.columns)


def test_shared_commune_by_weight():
    """B is half of x and half of y; A → B 40 and B → A 20.

    A is x, C is y. x: inside 40·½ + 20·½ = 30, sent 40 + 10 = 50, received 20 + 20 = 40
                    y: inside 0, sent 10, received 20
    """
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    zoning = zoning_of(drawn("ABC"), rows)
    found = tt.evaluate(zoning, letters([("AB", 40), ("BA", 20)]))
    assert found["inside"].to_dict() == {"x": 30, "y": 0}
    assert found["sent"].to_dict() == {"x": 50, "y": 10}
    assert found["received"].to_dict() == {"x": 40, "y": 20}
    assert found["population"].to_dict() == {"x": 1_500, "y": 1_500}


def test_self_flow_of_a_shared_commune():
    """B ⟲ 100, half and half: who is seen in his own commune does not leave his territory.

    inside, sent and received 50 each.
    """
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    found = tt.evaluate(zoning_of(drawn("ABC"), rows), letters([("BB", 100)]))
    assert found["inside"].to_dict() == {"x": 50, "y": 50}
    assert found["sent"].to_dict() == {"x": 50, "y": 50}
    assert found["received"].to_dict() == {"x": 50, "y": 50}
    assert found["li"].tolist() == [1.0, 1.0]
    assert found["net_index"].isna().all()


def test_between_two_shared_communes():
    """A is x by ¾ and y by ¼, B x by ½ and y by ½; A → B 80.

    x: inside 80·min(¾, ½) = 40, sent 60, received 40
    y: inside 80·min(¼, ½) = 20, sent 20, received 40
    """
    rows = [("A", "x", 0.75), ("A", "y", 0.25), ("B", "x", 0.5), ("B", "y", 0.5)]
    found = tt.evaluate(zoning_of(drawn("AB"), rows), letters([("AB", 80)]))
    assert found["inside"].to_dict() == {"x": 40, "y": 20}
    assert found["sent"].to_dict() == {"x": 60, "y": 20}
    assert found["received"].to_dict() == {"x": 40, "y": 40}
    assert found["leakage"].to_dict() == pytest.approx({"x": 1 / 3, "y": 0})


@pytest.mark.parametrize(("lost", "index"), [(4e-7, None), (2e-6, 1e6), (0.5, 4), (1, 2), (2, 1)])
def test_crumbs_of_fractions_are_no_patients(lost, index):
    """Six decimals count: 2 come, and so many leave."""
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=drawn("A"))
    rows = [(code("A"), code("A"), 20), (code("A"), PARIS, lost), (PARIS, code("A"), 2)]
    found = tt.evaluate(zoning, flows(rows)).loc["x", "net_index"]
    assert math.isnan(found) if index is None else found == pytest.approx(index)


def test_thirds_leave_no_crumb():
    """Weights that no binary fraction holds: what nobody leaves has no net index."""
    thirds = [("A", each, 1 / 3) for each in "xyz"]
    rows = [*thirds, *((other, each, 1 / 3) for other in "BC" for each in "xyz")]
    table = letters([("AB", 10), ("AA", 7), ("BC", 13), ("CC", 1)])
    found = tt.evaluate(zoning_of(drawn("ABC"), rows), table)
    assert found["net_index"].isna().all()
    assert found["li"].tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_unlocated_flows_are_refused():
    zoning, table = worked()
    unlocated = tt.Flows(table.table.rename(columns={"destination": "practitioner"}))
    with pytest.raises(tt.InputError) as refusal:
        tt.evaluate(zoning, unlocated)
    assert [fault.key for fault in refusal.value.faults] == ["error.flows_not_located"]


# --- By activity ---------------------------------------------------------------------------


@HEAVY
@given(zonings())
def test_each_activity_as_if_alone(case):
    """Measured on its own rows, an activity gives the same; all of them add up to the whole."""
    zoning, table = case
    found = tt.evaluate_by_activity(zoning, table)
    territories = sorted(set(zoning.membership["territory"]))
    assert found.index.tolist() == [(t, a) for t in territories for a in table.activities]
    names = ["inside", "sent", "received", *SHARES, "net_index"]
    assert found.columns.tolist() == names
    for activity in table.activities:
        alone = table.table[table.table["activity"] == activity]
        expected = tt.evaluate(zoning, tt.Flows(alone, communes=table.communes))[names]
        pd.testing.assert_frame_equal(found.xs(activity, level="activity"), expected)
    if len(found):
        counts = found[["inside", "sent", "received"]].groupby(level="territory").sum()
        expected = tt.evaluate(zoning, table)[counts.columns]
        pd.testing.assert_frame_equal(counts, expected, check_dtype=False)


def test_by_activity_worked_example():
    """x: dermatology keeps 38 of 48 and radiology 12 of 52; y has no radiology at all."""
    found = tt.evaluate_by_activity(*worked())
    assert found.loc[("x", "dermatology"), "li"] == 38 / 48
    assert found.loc[("x", "radiology"), ["inside", "sent", "received"]].tolist() == [12, 52, 27]
    assert found.loc[("x", "radiology"), "attraction"] == pytest.approx(15 / 27)
    assert found.loc[("y", "radiology"), ["inside", "sent", "received"]].tolist() == [0, 0, 0]
    assert found.loc[("y", "radiology"), [*SHARES, "net_index"]].isna().all()


def test_by_activity_without_flows_or_territories():
    zoning, table = worked()
    assert tt.evaluate_by_activity(zoning, letters([])).empty
    nobody = tt.Zoning.from_labels({}, communes=zoning.communes)
    assert tt.evaluate_by_activity(nobody, table).empty


# --- Hospital, concordance, stability --------------------------------------------------------


def test_hospital_leakage():
    """Of the 40 stays of x 10 are in Paris; nobody of y was in hospital."""
    zoning, table = worked()
    stays = flows([(code("A"), code("A"), 30), (code("B"), PARIS, 10), (PARIS, code("C"), 50)])
    found = tt.evaluate(zoning, table, stays=stays)
    assert found["hospital_inside"].to_dict() == {"x": 30, "y": 0}
    assert found["hospital_sent"].to_dict() == {"x": 40, "y": 0}
    assert found["hospital_leakage"]["x"] == 0.25
    assert math.isnan(found["hospital_leakage"]["y"])
    none = tt.evaluate(zoning, table, stays=flows([(code("A"), code("A"), 30)]))
    assert none.loc["y", ["hospital_inside", "hospital_sent"]].tolist() == [0, 0]
    unlocated = tt.Flows(stays.table.rename(columns={"destination": "practitioner"}))
    with pytest.raises(tt.InputError):
        tt.evaluate(zoning, table, stays=unlocated)


def test_people_by_class_and_stability():
    """B, 60 people, is half of x and half of y; nobody has classed C (30), of y."""
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    zoning = zoning_of(drawn("ABC", population=[10, 60, 30]), rows)
    agreement = pd.DataFrame({"concordance": ["none", "always"]}, index=codes("BA"))
    stable = pd.DataFrame({"core_share": [0.9, 0.89, np.nan]}, index=codes("ABC"))
    found = tt.evaluate(zoning, letters([]), agreement=agreement, stability=stable)
    shares = found.filter(regex="^share_")
    assert shares.columns.tolist() == [f"share_{each}" for each in Concordance]
    assert shares.loc["x", ["share_always", "share_none"]].tolist() == [0.25, 0.75]
    assert shares.loc["y", "share_none"] == 0.5
    assert shares.sum(axis=1).tolist() == [1.0, 0.5]
    assert found["stable_share"].to_dict() == {"x": 0.25, "y": 0.0}


def test_people_of_each_class_and_stable_from_nine_runs_of_ten():
    people = [1, 2, 4, 8, 16, 32, 64]
    communes = drawn("ABCDEFG", population=people)
    zoning = tt.Zoning.from_labels(dict.fromkeys(codes("ABCDEFG"), "x"), communes=communes)
    classes = [str(each) for each in Concordance]
    agreement = pd.DataFrame({"concordance": classes}, index=codes("ABCDEF"))
    found = class_shares(zoning, shuffle(agreement)).loc["x"]
    assert found.to_dict() == {
        name: number / 127 for name, number in zip(classes, people, strict=False)
    }
    runs = pd.Series([0.89, 0.9, 0.91, 1.0, 0.0, np.nan, 0.899], index=codes("ABCDEFG"))
    assert stable_share(zoning, shuffle(runs))["x"] == (2 + 4 + 8) / 127


def test_what_was_here_still_is():
    assert all(hasattr(evaluation, name) for name in evaluation.__all__)
    assert evaluation.white_zones is tt.white_zones


@pytest.mark.parametrize("people", [[0, 0, 10], [np.nan, 5, 10]])
def test_shares_of_nobody_are_missing(people):
    """Nobody lives in x, or nobody knows how many."""
    layer = drawn("ABC").sort_index().assign(population=people)
    labels = dict(zip(codes("ABC"), "xxy", strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=shuffle(layer))
    agreement = pd.DataFrame({"concordance": "always"}, index=codes("ABC"))
    found = class_shares(zoning, agreement)
    assert found["always"].isna().to_dict() == {"x": True, "y": False}
    assert found.loc["y", "always"] == 1.0
    held = stable_share(zoning, pd.Series(1.0, index=codes("ABC")))
    assert held.isna().to_dict() == {"x": True, "y": False}
    sizes = tt.evaluate(zoning, letters([]))[["next_bound", "above_bound", "density"]]
    if np.isnan(people[0]):
        assert sizes.loc["x"].isna().all()


def test_masked_cells_bound_the_indices():
    """A → A 20 and 5 masked (one cell), A → Paris 5 masked: li between 21/31 and 30/31."""
    table = pd.DataFrame(
        {
            "residence": code("A"),
            "activity": "dermatology",
            "destination": [code("A"), code("A"), PARIS],
            "patients": [20, 5, 5],
            "masked": [0, 1, 1],
        }
    )
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=drawn("A"))
    found = tt.evaluate(zoning, tt.Flows(shuffle(table))).loc["x"]
    assert found[["li_low", "li", "li_high"]].tolist() == pytest.approx([21 / 31, 25 / 30, 30 / 31])
    assert found[["msi_low", "msi", "msi_high"]].tolist() == [1.0, 1.0, 1.0]


def test_bounds_where_communes_are_shared():
    """A masked cell of A ¾ x ¼ y, at B ¼ x ¾ y: of any number, a third of x's part is kept.

    A → B masked, A → A 12: x sends ¾ of 13 to 22 and keeps ¼ of 1 to 10 with ¾ of 12.
    """
    rows = [("A", "x", 0.75), ("A", "y", 0.25), ("B", "x", 0.25), ("B", "y", 0.75)]
    zoning = zoning_of(drawn("AB"), rows)
    pairs = {"residence": codes("AA"), "destination": codes("BA"), "activity": "dermatology"}
    table = pd.DataFrame(pairs | {"patients": [5, 12], "masked": [1, 0]})
    alone = tt.evaluate(zoning, tt.Flows(table.iloc[:1])).loc["x"]
    assert alone[["li_low", "li", "li_high"]].tolist() == pytest.approx([1 / 3] * 3)
    found = tt.evaluate(zoning, tt.Flows(shuffle(table))).loc["x"]
    expected = [(9 + 2.5) / 16.5, (9 + 1.25) / 12.75, (9 + 0.25) / 9.75]
    assert found[["li_low", "li", "li_high"]].tolist() == pytest.approx(expected)


WEIGHTS = st.sampled_from([{"x": 1}, {"y": 1}, {"x": 0.5, "y": 0.5}, {"x": 0.25, "y": 0.75}, {}])
CELLS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC"), st.integers(0, 30), st.booleans()),
    min_size=1,
    max_size=5,
).filter(lambda cells: sum(masked for *_, masked in cells) <= 3)


@HEAVY
@given(st.tuples(WEIGHTS, WEIGHTS, WEIGHTS), CELLS, st.sampled_from([1, 5, 10]), st.integers(0, 99))
def test_bounds_are_the_least_and_the_most_of_all_numbers(weights, cells, masked_as, seed):
    """Each masked cell is 1 or 10: a share only rises, or only falls, with each."""
    rows = [
        (letter, territory, weight)
        for letter, each in zip("ABC", weights, strict=True)
        for territory, weight in each.items()
    ]
    zoning = zoning_of(drawn("ABC"), rows)
    table = pd.DataFrame(
        [(code(a), code(b), masked_as if m else n, int(m)) for a, b, n, m in cells],
        columns=["residence", "destination", "patients", "masked"],
    ).assign(activity="dermatology")
    found = tt.evaluate(zoning, tt.Flows(shuffle(table, seed), masked_as=masked_as))
    tried = []
    for numbers in itertools.product((1, 10), repeat=int(table["masked"].sum())):
        exact = table.astype({"patients": "float64"})
        exact.loc[exact["masked"] == 1, "patients"] = numbers
        tried.append(
            {
                territory: (inside / sent if sent else None, inside / got if got else None)
                for territory, (inside, sent, got) in slow(zoning, tt.Flows(exact)).items()
            }
        )
    for territory in found.index:
        for place, name in enumerate(("li", "msi")):
            values = [each[territory][place] for each in tried]
            ends = found.loc[territory, [f"{name}_low", f"{name}_high"]].tolist()
            if None in values:
                assert np.isnan(ends).all()
            else:
                assert ends == pytest.approx([float(min(values)), float(max(values))], abs=1e-9)


# --- Brindisi ------------------------------------------------------------------------------


def test_brindisi_measures():
    """ISTAT's own table of the nine areas: residents, jobs, both, and the two containments."""
    if not BRINDISI.exists():
        pytest.skip(f"{BRINDISI} is not here: the reference data are not part of the project")
    layer = gpd.read_file(BRINDISI / "brindisi.geojson").to_crs(32633)
    layer = layer.set_index(pd.Index(layer["PRO_COM"], name="code"))
    layer = layer.assign(name=layer["NOME_COM"], population=layer["POP2001"].astype("int64"))
    table = pd.read_csv(BRINDISI / "brindisi_flows.csv", dtype="str")
    table = table.set_axis(["residence", "destination", "patients"], axis="columns")
    table = table.assign(activity="work", patients=table["patients"].astype("int64"))
    golden = pd.read_csv(BRINDISI / "golden_areas.csv", dtype="str").set_index("community")
    zoning = tt.Zoning.from_labels(shuffle(golden["cluster"]), communes=shuffle(layer))
    found = tt.evaluate(zoning, tt.Flows(shuffle(table)))
    expected = pd.read_csv(BRINDISI / "brindisi_stats_per_lma.csv", dtype={"LMA": "str"})
    expected = expected.set_index("LMA").loc[found.index]
    for ours, theirs in {
        "sent": "EMP_live",
        "received": "EMP_work",
        "inside": "EMP_live_work",
        "li": "SC_supply_side",
        "msi": "SC_demand_side",
        "communes": "N_com",
    }.items():
        assert found[ours].to_numpy() == pytest.approx(expected[theirs].to_numpy()), ours
    assert found["li"].mean() == pytest.approx(0.801522, abs=5e-7)
    assert found["msi"].mean() == pytest.approx(0.863217, abs=5e-7)
    assert tt.modularity(zoning, tt.Flows(shuffle(table))) == pytest.approx(0.6455998, abs=5e-8)
