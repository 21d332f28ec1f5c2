"""Leakage to which poles, attraction from where: worked examples, and a slow loop."""

from collections import defaultdict
from fractions import Fraction

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
    zoning_of,
    zonings,
)
from hypothesis import given
from hypothesis import strategies as st

import territories as tt

PARIS, LYON = "75056", "69123"


def worked():
    """Draw x = {A, B}, y = {C}; D is in no territory.

    A → A 50   A → C 30   B → D 12   B → Paris 8   C → A 6   D → A 9   Paris → A 5   Lyon → C 7
    """
    labels = {code("A"): "x", code("B"): "x", code("C"): "y"}
    zoning = tt.Zoning.from_labels(labels, communes=drawn("ABCD"))
    rows = [("A", "A", 50), ("A", "C", 30), ("B", "D", 12), ("C", "A", 6), ("D", "A", 9)]
    outside = [(code("B"), PARIS, 8), (PARIS, code("A"), 5), (LYON, code("C"), 7)]
    return zoning, flows([*((code(a), code(b), n) for a, b, n in rows), *outside])


def listed(table, *columns):
    return [
        tuple(None if pd.isna(value) else value for value in row)
        for row in table[list(columns)].itertuples(index=False)
    ]


def test_worked_example():
    """X sends 100: 50 stay; it receives 70."""
    found = tt.exchanges(*worked())
    assert listed(found, "territory", "direction", "kind", "other", "other_territory") == [
        ("x", "leakage", "commune", code("C"), "y"),
        ("x", "leakage", "commune", code("D"), None),
        ("x", "leakage", "external", PARIS, None),
        ("x", "attraction", "uncovered", None, None),
        ("x", "attraction", "territory", "y", "y"),
        ("x", "attraction", "external", "75", None),
        ("y", "leakage", "commune", code("A"), "x"),
        ("y", "attraction", "territory", "x", "x"),
        ("y", "attraction", "external", "69", None),
    ]
    assert found["patients"].tolist() == [30, 12, 8, 9, 6, 5, 6, 30, 7]
    shares = [0.3, 0.12, 0.08, 9 / 70, 6 / 70, 5 / 70, 1, 30 / 37, 7 / 37]
    assert found["share"].tolist() == pytest.approx(shares)
    assert found["name"].tolist()[:5] == [
        *(
            "Commune 00003",
            "Commune 00004",
            f"commune {PARIS} (outside the region)",
            "uncovered",
            "y",
        )
    ]


def test_names_of_territories():
    zoning, table = worked()
    named = tt.Zoning(zoning.communes, zoning.membership, names={"y": "Ygrec"})
    found = tt.exchanges(named, table)
    theirs = found[(found["territory"] == "x") & (found["kind"] == "territory")]
    assert theirs["name"].tolist() == ["Ygrec"]


def test_ties_are_in_order():
    """As many patients: communes before external places, then by code."""
    rows = [("A", "C", 5), ("A", "B", 5)]
    table = flows([*((code(a), code(b), n) for a, b, n in rows), (code("A"), "00000", 5)])
    labels = dict(zip(codes("ABC"), "xyz", strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=drawn("ABC"))
    assert tt.exchanges(zoning, table)["other"].tolist() == [
        *(code("B"), code("C"), "00000", "x", "x")
    ]


def test_a_shared_commune():
    """B is ¾ of x and ¼ of y: of A's 40 who go to B, 10 leave x, for y; its own 20 stay.

    y receives ¼ of A's 40: 10, from x, and of B's own.
    """
    rows = [("A", "x", 1), ("B", "x", 0.75), ("B", "y", 0.25)]
    found = tt.exchanges(zoning_of(drawn("AB"), rows), letters([("AB", 40), ("BB", 20)]))
    assert listed(found, "territory", "direction", "other", "other_territory") == [
        ("x", "leakage", code("B"), "y"),
        ("y", "attraction", "x", "x"),
    ]
    assert found["patients"].tolist() == [10, 10]
    assert found["share"].tolist() == pytest.approx([10 / 55, 10 / 15])


def test_nothing_is_exchanged():
    zoning, _ = worked()
    empty = tt.exchanges(zoning, letters([("AB", 10), ("CC", 5), ("AC", 0)]))
    assert empty.empty
    assert empty.columns.tolist() == tt.exchanges(*worked()).columns.tolist()
    assert tt.exchanges(zoning, letters([])).empty
    nobody = tt.Zoning.from_labels({}, communes=zoning.communes)
    assert tt.exchanges(nobody, letters([("AB", 10)])).empty
    unlocated = tt.Flows(letters([]).table.rename(columns={"destination": "practitioner"}))
    for function in (tt.exchanges, tt.candidates):
        with pytest.raises(tt.InputError):
            function(zoning, unlocated)


def slow(zoning, rows):
    """Follow each row of each territory, exactly."""
    weights = defaultdict(dict)
    for row in zoning.membership.itertuples():
        weights[row.code][row.territory] = Fraction(row.weight)
    main = {place: sorted(own, key=lambda t: (-own[t], t)) for place, own in weights.items()}
    found = defaultdict(Fraction)
    for row in rows.itertuples():
        ends = {"leakage": (row.residence, row.destination),
                "attraction": (row.destination, row.residence)}  # fmt: skip
        for direction, (near, far) in ends.items():
            for territory, weight in weights.get(near, {}).items():
                gone = row.patients * (weight - min(weight, weights.get(far, {}).get(territory, 0)))
                if not gone:
                    continue
                others = [each for each in main.get(far, []) if each != territory]
                if far not in zoning.communes.index:
                    other = far if direction == "leakage" else far[:2]
                elif direction == "leakage":
                    other = far
                else:
                    other = others[0] if others else None
                found[territory, direction, other] += gone
    return {key: float(value) for key, value in found.items()}


@HEAVY
@given(zonings())
def test_exchanges_as_a_slow_loop(case):
    zoning, table = case
    found = tt.exchanges(zoning, table)
    keys = listed(found, "territory", "direction", "other")
    told = dict(zip(keys, found["patients"], strict=True))
    assert len(told) == len(found)
    assert told == pytest.approx(slow(zoning, table.table))
    by_activity = tt.exchanges(zoning, table, by_activity=True)
    for activity in table.activities:
        rows = by_activity[by_activity["activity"] == activity]
        keys = listed(rows, "territory", "direction", "other")
        told = dict(zip(keys, rows["patients"], strict=True))
        assert told == pytest.approx(slow(zoning, table.table[table.table["activity"] == activity]))


@HEAVY
@given(zonings())
def test_shares_add_up_to_leakage_and_attraction(case):
    zoning, table = case
    measures = tt.evaluate(zoning, table)
    found = tt.exchanges(zoning, table)
    sums = found.groupby(["direction", "territory"])["share"].sum()
    for direction in ("leakage", "attraction"):
        known = measures[direction].dropna()
        told = sums[direction] if direction in sums.index else pd.Series(dtype="float64")
        assert told.reindex(known.index).fillna(0).tolist() == pytest.approx(known.tolist())
    ranked = found.groupby(["territory", "direction"])["patients"]
    assert ranked.diff().fillna(0).le(0).all()


@HEAVY
@given(zonings(), st.integers(0, 1000))
def test_row_order_changes_nothing(case, seed):
    zoning, table = case
    again = tt.Zoning(
        communes=shuffle(zoning.communes, seed), membership=shuffle(zoning.membership, seed)
    )
    mixed = shuffled_rows(table, seed)
    for by_activity in (False, True):
        pd.testing.assert_frame_equal(
            tt.exchanges(again, mixed, by_activity=by_activity),
            tt.exchanges(zoning, table, by_activity=by_activity),
        )
    pd.testing.assert_frame_equal(tt.candidates(again, mixed), tt.candidates(zoning, table))


# --- Candidates ----------------------------------------------------------------------------


def frontier():
    """Draw ABCDE, x = {A, B}, y = {D, E}; C is uncovered.

    C → A 30, D 30, E 20, Paris 15, B 5. D is nearer to C than A. B is of no pole, E unstable.
    """
    labels = dict(zip(codes("ABDE"), "xxyy", strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=drawn("ABCDE"))
    pairs = [("CA", 30), ("CD", 30), ("CE", 20), ("CB", 5), ("BA", 7), ("EE", 0)]
    rows = [(code(pair[0]), code(pair[1]), n) for pair, n in pairs]
    agreement = pd.DataFrame({"concordance": ["none", "always"]}, index=codes("BA"))
    stability = pd.DataFrame({"core_share": [0.5, 0.9, np.nan]}, index=codes("EDA"))
    return zoning, flows([*rows, (code("C"), PARIS, 15)]), agreement, stability


def test_candidates():
    """The nearest of two that are alike comes first; a commune without patients is listed too."""
    zoning, table, agreement, stability = frontier()
    found = tt.candidates(zoning, table, agreement=agreement, stability=stability)
    assert listed(found, "commune", "reasons", "rank", "pole", "pole_territory") == [
        (code("B"), "no_pole", 1, code("A"), "x"),
        (code("C"), "uncovered", 1, code("D"), "y"),
        (code("C"), "uncovered", 2, code("A"), "x"),
        (code("C"), "uncovered", 3, code("E"), "y"),
        (code("E"), "frontier", None, None, None),
    ]
    assert found["distance_m"].tolist()[:4] == pytest.approx([1000, 1000, 2000, 2000])
    assert found["share"].tolist()[:4] == [1, 0.3, 0.3, 0.2]
    assert found["territory"].isna().tolist() == [False, True, True, True, False]
    assert found["name"][1] == "Commune 00003"
    every = tt.candidates(zoning, table, most=9)
    assert every["pole"].tolist()[3:] == [PARIS, code("B")]
    assert np.isnan(every["distance_m"][3])
    assert "minutes" not in every


def test_candidates_by_time():
    """With a table, the quicker comes first though it is farther."""
    zoning, table, _, _ = frontier()
    pairs = [("C", "A", 5.0), ("C", "D", 30.0)]
    times = pd.DataFrame(
        [(code(a), code(b), m) for a, b, m in pairs],
        columns=["residence", "destination", "minutes"],
    )
    found = tt.candidates(zoning, table, times=times, most=2)
    assert found["pole"].tolist() == codes("AD")
    assert found["minutes"].tolist() == [5, 30]


def test_enclaves_choose_too():
    """Several reasons stand together, in order."""
    layer = drawn("AAA\nABA\nAAA")
    zoning = tt.Zoning.from_labels({code("A"): "x", code("B"): "y"}, communes=layer)
    stability = pd.DataFrame({"core_share": [0.1]}, index=[code("B")])
    found = tt.candidates(zoning, letters([("BA", 20)]), stability=stability)
    assert found["reasons"].tolist() == ["enclave frontier"]
    nobody = tt.Zoning.from_labels({code("A"): "x", code("B"): "x"}, communes=layer)
    assert tt.candidates(nobody, letters([("BA", 20)])).empty
