"""Recourse: rates beside the region's, distances, gaps, priority zonings, and their door."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from grids import code, codes, drawn, flows, grid, random_flows, random_layer, shuffle
from scipy.optimize import LinearConstraint, milp

import territories as tt
from territories import gap_table, recourse_table
from territories._words import using

A, B, C, D = codes("ABCD")


def test_by_hand():
    """Region of 4 000: liberal 120 (30 per 1 000), hospital 60 (15).

    A (1 000): 60 liberal, 0 at hospital. B (1 000): 20 and 40: the hospital fills the gap wholly.
    C (2 000): 40 and 20: both under the region's. A resident of elsewhere does not count; those
    who go elsewhere do.
    """
    communes = drawn("ABC", population=[1_000, 1_000, 2_000])
    liberal = flows(
        [(A, A, 50), (A, "75056", 10), (B, A, 20), (C, A, 40), ("75056", A, 900)], communes
    )
    hospital = flows([(B, B, 40), (C, B, 20)], communes)
    found = tt.recourse(liberal, communes, stays=hospital).droplevel("activity")
    expected = {
        "population": [1_000, 1_000, 2_000],
        "liberal": [60, 20, 40],
        "liberal_rate": [60, 20, 20],
        "liberal_region": [30, 30, 30],
        "liberal_difference": [30, -10, -10],
        "hospital": [0, 40, 20],
        "hospital_rate": [0, 40, 10],
        "hospital_difference": [-15, 25, -5],
        "total": [60, 60, 60],
        "total_rate": [60, 60, 30],
        "total_region": [45, 45, 45],
        "total_difference": [15, 15, -15],
        "hospital_share": [0, 2 / 3, 1 / 3],
        "filled": [False, True, False],
    }
    for column, values in expected.items():
        assert found[column].tolist() == pytest.approx(values), column
    alone = tt.recourse(liberal, communes)
    assert not {"total", "hospital", "filled"} & set(alone.columns)


def test_zones():
    """Shared communes by weight; a commune in no territory counts in the region only."""
    communes = drawn("ABCD", population=[1_000, 1_000, 4_000, 2_000])
    membership = [(A, "T", 1), (B, "T", 1), (C, "T", 0.25), (C, "U", 0.75)]
    membership = pd.DataFrame(membership, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(communes, shuffle(membership))
    given = flows([(A, A, 10), (B, A, 20), (C, C, 40), (D, D, 90)], communes)
    found = tt.recourse(given, communes, by="territory", zoning=zoning).droplevel("activity")
    assert found["liberal"].to_dict() == {"T": 40, "U": 30}
    assert found["liberal_rate"].to_dict() == pytest.approx({"T": 40 / 3, "U": 10})
    assert found["liberal_region"].tolist() == [20, 20]
    whole = tt.recourse(given, communes, by="department").droplevel("activity")
    assert whole["liberal_difference"].tolist() == [0]
    with pytest.raises(tt.InputError, match="zoning"):
        tt.recourse(given, communes, by="territory")


def test_nobody_and_no_flow():
    """No rate without inhabitants; a zero where nobody is seen; none of an unknown activity."""
    communes = drawn("ABC", population=[1_000, 0, 1_000])
    liberal = flows([(A, A, 30, "ORL"), (B, A, 5, "ORL"), ("75056", A, 9, "MG")], communes)
    hospital = flows([(A, A, 20, "ORL"), (A, A, 7, "urologie")], communes)
    found = tt.recourse(liberal, communes, stays=hospital)
    assert found.loc[(C, "ORL"), ["liberal", "liberal_rate", "total"]].tolist() == [0, 0, 0]
    assert np.isnan(found.loc[(C, "ORL"), "hospital_share"])
    assert found.loc[(B, "ORL"), ["liberal_rate", "total_rate"]].isna().all()
    assert found.loc[(A, "MG"), ["liberal", "liberal_rate"]].tolist() == [0, 0]
    assert found.loc[(A, "MG"), ["hospital", "total", "total_rate"]].isna().all()
    assert found.loc[(A, "urologie"), ["liberal_rate", "total_rate"]].isna().all()
    assert pd.isna(found.loc[(A, "urologie"), "filled"])
    shown = tt.recourse_table(found)
    assert set(shown.loc[shown["activity"] == "urologie", "hospital_fills"]) == {""}


def test_masked():
    """The bounds of masked cells are told beside the rate."""
    communes = drawn("A", population=[1_000])
    table = pd.DataFrame(
        {
            "residence": [A, A],
            "activity": "ORL",
            "destination": [A, "75056"],
            "patients": [30, 5],
            "masked": [0, 1],
        }
    )
    found = tt.recourse(tt.Flows(shuffle(table), communes=communes), communes).iloc[0]
    assert found[["liberal_rate", "liberal_rate_low", "liberal_rate_high"]].tolist() == [35, 31, 40]


@pytest.mark.parametrize("seed", range(4))
def test_beside_slow_loop(seed):
    """Rates in any order of rows, beside loops; practitioners instead of places change nothing."""
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 4, 4, sea=0.2)
    given = random_flows(generator, communes)
    found = tt.recourse(given, communes)
    people = communes["population"]
    for (zone, activity), row in found.iterrows():
        rows = [
            each.patients
            for each in given.table.itertuples()
            if each.residence == zone and each.activity == activity
        ]
        assert row["liberal"] == sum(rows)
        if people[zone] > 0:
            assert row["liberal_rate"] == pytest.approx(1_000 * sum(rows) / people[zone])
        else:
            assert np.isnan(row["liberal_rate"])
    region = found["liberal"].groupby(level="activity").sum() * 1_000 / people.sum()
    assert found["liberal_region"].groupby(level="activity").first().to_dict() == pytest.approx(
        region.to_dict()
    )
    treated = tt.Flows(given.table.rename(columns={"destination": "practitioner"}))
    pd.testing.assert_frame_equal(tt.recourse(treated, communes), found)


def test_distance_to_the_nearest():
    """Communes of 1 km in a row; care in A and D, and in 75056 which has no point."""
    communes = drawn("ABCDE", population=[1_000, 1_000, 3_000, 0, 500])
    given = flows([(B, A, 5), (B, D, 5), (C, "75056", 500)], communes)
    found = tt.care_distance(given, communes)
    assert found.name == "distance_m"
    assert found.droplevel("activity").tolist() == pytest.approx([0, 1_000, 1_000, 0, 1_000])
    whole = tt.care_distance(given, communes, by="department").tolist()
    assert whole == pytest.approx([1_000 * 4_500 / 5_500])
    away = flows([(A, "75056", 5)], communes)
    assert tt.care_distance(away, communes).isna().all()


def test_distance_travelled():
    """By patients: B's see 30 at A (1 km) and 10 at D (2 km); C's are seen elsewhere only."""
    communes = drawn("ABCD")
    given = flows([(B, A, 30), (B, D, 10), (A, A, 60), (C, "75056", 50)], communes)
    found = tt.care_distance(given, communes, rule="patients").droplevel("activity")
    assert found.tolist() == pytest.approx([0, 1_250, np.nan, np.nan], nan_ok=True)
    whole = tt.care_distance(given, communes, rule="patients", by="department")
    assert whole.tolist() == pytest.approx([500])
    with pytest.raises(tt.InputError, match="rule"):
        tt.care_distance(given, communes, rule="far")
    seen = tt.Flows(given.table.rename(columns={"destination": "practitioner"}))
    with pytest.raises(tt.InputError, match="located"):
        tt.care_distance(seen, communes)


def row_of_eight():
    """Eight communes of 1 km in a row, care in the first; recourse falls but for the last.

    ABCDEFGH, 1 000 inhabitants each: 100, 90, 80, 70, 60, 20, 10 and 150 patients.
    """
    communes = drawn("ABCDEFGH")
    seen = [100, 90, 80, 70, 60, 20, 10, 150]
    rows = [(each, A, count) for each, count in zip(codes("ABCDEFGH"), seen, strict=True)]
    return communes, flows(rows, communes)


def test_gaps_by_hand():
    """A quarter of 8 000 is two communes: G and H are far, F and G low; G is both.

    The region's rate is 72.5 per 1 000: 62.5 more patients in G.
    """
    communes, given = row_of_eight()
    table, distance = tt.recourse(given, communes), tt.care_distance(given, communes)
    found = tt.gaps(shuffle(table), distance=shuffle(distance))
    assert found.index.tolist() == [(code("G"), "dermatology")]
    row = found.iloc[0]
    columns = ["rank", "population", "distance_m", "patients", "rate", "expected_rate", "missing"]
    assert row[columns].tolist() == pytest.approx([1, 1_000, 6_000, 10, 10, 72.5, 62.5])
    wider = tt.gaps(table, distance=distance, share=0.5)
    assert wider.index.get_level_values("zone").tolist() == codes("GFE")  # by people times distance
    assert wider["rank"].tolist() == [1, 2, 3]


def test_gaps_ties():
    """Where all are alike nobody is far or low; equals are in together and share a rank."""
    communes = grid(1, 4)
    alike = flows([(each, "75056", 30) for each in communes.index], communes)
    table = tt.recourse(alike, communes)
    distance = pd.Series(1_000.0, index=table.index)
    assert tt.gaps(table, distance=distance, share=1).empty
    rows = [("00001", "00001", 90), ("00002", "00002", 90), ("00003", "00001", 5)]
    given = flows([*rows, ("00004", "00001", 5)], communes)
    distance = pd.Series([0.0, 0.0, 7.0, 7.0], index=table.index)
    found = tt.gaps(tt.recourse(given, communes), distance=distance, share=0.1)
    assert found["rank"].tolist() == [1, 1]
    assert found.index.get_level_values("zone").tolist() == ["00003", "00004"]


def test_gaps_leave_unknown_out():
    """Zones without people, rate or distance are no candidates and weigh nothing."""
    communes, given = row_of_eight()
    communes.loc[code("G"), "population"] = 0
    table, distance = tt.recourse(given, communes), tt.care_distance(given, communes)
    distance.loc[code("F")] = np.nan
    found = tt.gaps(table, distance=distance, share=0.4)
    assert found.index.get_level_values("zone").tolist() == codes("ED")


@pytest.mark.parametrize("share", [0, -1, 1.5, np.nan])
def test_gaps_refused(share):
    communes, given = row_of_eight()
    distance = tt.care_distance(given, communes)
    with pytest.raises(tt.InputError, match="share of the inhabitants"):
        tt.gaps(tt.recourse(given, communes), distance=distance, share=share)


def test_gaps_of_other_zones_refused():
    """Distances of territories say nothing of communes, though ids of both look alike."""
    communes, given = row_of_eight()
    labels = pd.Series(communes.index[0], index=communes.index)
    zoning = tt.Zoning.from_labels(labels, communes=communes)
    wide = tt.care_distance(given, communes, by="territory", zoning=zoning)
    with pytest.raises(tt.InputError, match=r"7 zone\(s\)"):
        tt.gaps(tt.recourse(given, communes), distance=wide)


def test_gaps_beside():
    """Accessibility and priority zoning are told beside, without condition."""
    communes, given = row_of_eight()
    table, distance = tt.recourse(given, communes), tt.care_distance(given, communes)
    near = pd.Series({code("G"): 12.5})
    labels = pd.Series({code("G"): "ZIP", code("A"): "ZAC"})
    priority = tt.priority_shares(labels, communes)
    found = tt.gaps(
        table,
        distance=distance,
        share=0.5,
        accessibility={"dermatology": near},
        priority=priority,
    )
    assert found["accessibility"].tolist() == pytest.approx([12.5, np.nan, np.nan], nan_ok=True)
    assert found["priority"].fillna("").tolist() == ["ZIP", "", ""]
    assert found["priority_share"].tolist() == [1, 0, 0]
    none = tt.gaps(table, distance=distance, accessibility={})
    assert none["accessibility"].isna().all()


def test_priority_shares():
    """By inhabitants: T has A (1 000, ZIP), B (3 000); U has C (1 000: half ZIP, half ZAC)."""
    communes = drawn("ABC", population=[1_000, 3_000, 1_000])
    rows = [(A, "ZIP", 1), (C, "ZIP", 0.5), (C, "ZAC", 0.5)]
    membership = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    priority = tt.Zoning(communes, shuffle(membership))
    labels = {A: "T", B: "T", C: "U"}
    zoning = tt.Zoning.from_labels(labels, communes=communes)
    found = tt.priority_shares(priority, communes, by="territory", zoning=zoning)
    assert found.to_dict() == {"ZAC": {"T": 0, "U": 0.5}, "ZIP": {"T": 0.25, "U": 0.5}}
    by_commune = tt.priority_shares(priority, communes)
    assert by_commune["ZIP"].tolist() == [1, 0, 0.5]
    empty = tt.priority_shares(pd.Series(dtype="object"), communes)
    assert empty.shape == (3, 0)


def shown_rates(table, **options):
    """Give the table that may be shown, indexed by zone and activity."""
    shown = recourse_table(table, **options)
    return shown.set_index(list(shown.columns[:2])).rename_axis(["zone", "activity"])


def test_shown_alone():
    """D's 7 patients are hidden, and C's 40 with them, as the region's rate gives the sum."""
    communes = drawn("ABCD")
    given = flows([(A, A, 60), (B, A, 50), (C, A, 40), (D, A, 7)], communes)
    with using("en"):
        shown = shown_rates(tt.recourse(given, communes))
    assert shown["liberal_per_1000"].isna().tolist() == [False, False, True, True]
    assert shown["liberal_difference"].isna().tolist() == [False, False, True, True]
    assert shown["liberal_region"].tolist() == pytest.approx([40.0] * 4)  # 39.25, by 5: 11 of 4 000


def test_shown_side_by_side():
    """B's 4 liberal patients hide its hospital's 200; the sum, which tells neither, is shown."""
    communes = drawn("ABCD", population=10_000)
    liberal = flows([(A, A, 600), (B, A, 4), (C, A, 40), (D, A, 90)], communes)
    hospital = flows([(A, A, 100), (B, A, 200), (C, A, 300), (D, A, 0)], communes)
    with using("fr"):
        shown = shown_rates(tt.recourse(liberal, communes, stays=hospital))
    hidden = shown.isna()
    assert hidden["recours libéral pour 1 000"].tolist() == [False, True, False, True]
    assert hidden["recours hôpital pour 1 000"].tolist() == [False, True, False, True]
    assert not hidden["recours total pour 1 000"].any()
    assert hidden["part de l’hôpital"].tolist() == [False, True, False, True]
    assert shown["l’hôpital comble"].tolist() == ["non", "", "oui", ""]


def narrowed(exact, shown, side, zone):
    """Return the least and the most that one count may be, for who has all that is shown.

    Whole numbers of 0 or more, those shown as they are, liberal and hospital making the total, and
    the columns making the sum of the region where that is shown: a linear program says it.
    """
    sides, zones = ["liberal", "hospital", "total"], list(exact.index)
    place = {(each, where): at for at, (each, where) in enumerate(product(sides, zones))}
    lines, sums = [], []
    for each, where in place:
        if not np.isnan(shown.loc[where, f"{each}_per_1000"]):
            lines.append({(each, where): 1})
            sums.append(exact.loc[where, each])
    for where in zones:
        lines.append({("liberal", where): 1, ("hospital", where): 1, ("total", where): -1})
        sums.append(0)
    for each in sides:
        if shown[f"{each}_region"].notna().all():
            lines.append({(each, where): 1 for where in zones})
            sums.append(exact[each].sum())
    matrix = np.zeros((len(lines), len(place)))
    for row, line in enumerate(lines):
        for key, value in line.items():
            matrix[row, place[key]] = value
    goal = np.zeros(len(place))
    goal[place[side, zone]] = 1
    tied = LinearConstraint(matrix, sums, sums)
    ends = [
        milp(sign * goal, constraints=tied, integrality=np.ones(len(place)), bounds=(0, 9_999))
        for sign in (1, -1)
    ]
    return tuple(round(abs(each.fun)) for each in ends)


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_found(seed):
    """No shown rate is a count of 1 to 10, no sum gives one away, by row or by column."""
    generator = np.random.default_rng(seed)
    communes = grid(1, 6)
    most = int(generator.choice([3, 15, 60, 400]))

    def drawn_flows():
        counts = generator.integers(0, most, (6, 2))
        counts[generator.random((6, 2)) < 0.3] = 0
        return flows(
            [
                (place, "00001", int(counts[row, column]), activity)
                for row, place in enumerate(sorted(communes.index))
                for column, activity in enumerate(("ORL", "MG"))
            ],
            communes,
        )

    liberal, hospital = drawn_flows(), drawn_flows()
    table = tt.recourse(liberal, communes, stays=hospital)
    with using("en"):
        shown = shown_rates(table)
        again = shown_rates(shuffle(table, seed)).loc[shown.index]
    pd.testing.assert_frame_equal(again, shown)
    for activity in ("ORL", "MG"):
        exact = table.xs(activity, level="activity")
        seen = shown.xs(activity, level="activity")
        for side, zone in product(("liberal", "hospital", "total"), exact.index):
            if 1 <= exact.loc[zone, side] <= 10:
                least, largest = narrowed(exact, seen, side, zone)
                assert least < largest, (side, zone)


def test_all_hidden():
    """Where hiding every zone is not enough, the region's rate is hidden too."""
    communes = drawn("AB")
    with using("en"):
        shown = shown_rates(tt.recourse(flows([(A, A, 4), (B, A, 0)], communes), communes))
    assert shown["liberal_region"].isna().all()
    assert shown["liberal_per_1000"].isna().tolist() == [True, False]  # 0 may be shown


def test_tables_of_nothing():
    """Without a flow there is no row, and no territory has none either."""
    communes = drawn("AB")
    nobody = tt.recourse(flows([], communes), communes)
    assert recourse_table(nobody).empty
    found = tt.gaps(nobody, distance=tt.care_distance(flows([], communes), communes))
    assert gap_table(found, nobody).empty
    zoning = tt.Zoning.from_labels({}, communes=communes)
    given = flows([(A, A, 30)], communes)
    assert recourse_table(tt.recourse(given, communes, by="territory", zoning=zoning)).empty


def test_gap_table():
    """A rate is blank where `recourse_table` has it blank; a travelled distance with it."""
    communes, given = row_of_eight()
    table = tt.recourse(given, communes)
    options = {
        "share": 0.5,
        "priority": tt.priority_shares(pd.Series({code("G"): "ZIP"}), communes),
    }
    found = tt.gaps(table, distance=tt.care_distance(given, communes), **options)
    with using("fr"):
        shown = tt.gap_table(found, table, names={code("G"): "Gy"}, travelled=False)
    assert shown["nom"].tolist() == ["Gy", code("F"), code("E")]
    assert shown["rang"].tolist() == [1, 2, 3]
    assert shown["distance (km)"].tolist() == [6, 5, 4]
    assert shown["recours pour 1 000"].isna().tolist() == [True, True, False]  # G's 10, F with it
    assert shown["recours de la région"].tolist() == [72.0] * 3  # 72.5, by 2: 11 of 8 000
    assert shown["zonage prioritaire"].fillna("").tolist() == ["ZIP", "", ""]
    with using("fr"):
        shown = tt.gap_table(found, table)
    assert shown["distance (km)"].isna().tolist() == [True, True, False]


def test_whole_region(cvl_flows, cvl_communes):
    """On the region of the data: every commune and activity; sums are those of the flows."""
    table = tt.recourse(cvl_flows, cvl_communes)
    assert len(table) == len(cvl_communes) * len(cvl_flows.activities)
    inside = cvl_flows.table[~cvl_flows.external("residence")]
    assert table["liberal"].sum() == inside["patients"].sum()
    distance = tt.care_distance(cvl_flows.located().grouped(), cvl_communes)
    found = tt.gaps(table, distance=distance)
    assert 0 < len(found) < len(table) / 4
    shown = tt.gap_table(found, table, names=cvl_communes["name"], travelled=False)
    assert len(shown) == len(found)
