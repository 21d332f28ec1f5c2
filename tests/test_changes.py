"""What changed between two drafts, years or methods: worked examples, ties, what is missing."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from grids import code, codes, drawn, letters, shuffle

import territories as tt
from territories._words import using


def zoned_as(communes, text, seed=0):
    """Put the communes, in order, in a territory each; a dot: none."""
    labels = [None if letter == "." else letter for letter in text]
    series = pd.Series(labels, index=sorted(communes.index), dtype="object")
    return tt.Zoning.from_labels(shuffle(series, seed), communes=communes)


def test_two_drafts():
    """C goes from x to y, F is released, G enters; y is called z now, w is gone.

    ABCDEFGH   xxxyyyw.w   before
               xxzzz.xzz   after
    """
    communes = drawn("ABC\nDEF\nGHI", population=[10, 20, 5, 40, 50, 60, 1, 3, 2])
    before = zoned_as(communes, "xxxyyyw.w")
    found = tt.changes(before, zoned_as(communes, "xxzzz.xzz", seed=1))
    table = found.communes
    assert table.index.tolist() == codes("ABCDEFGHI")
    changed = dict(zip("ABCDEFGHI", table["changed"], strict=True))
    for letter, expected in zip("ABCDEGI", (0, 0, 1, 0, 0, 1, 1), strict=True):
        assert changed[letter] == bool(expected), letter
    assert changed["F"] is pd.NA  # in no territory after
    assert changed["H"] is pd.NA  # in none before
    assert table.loc[code("D")].tolist() == ["y", "z", "z", False]
    poles = found.poles
    assert poles.index.tolist() == ["w", "x", "z"]
    columns = ["communes_before", "communes_after", "kept", "won", "lost"]
    assert poles.loc["x", columns].tolist() == [3, 3, 2, 1, 1]
    assert poles.loc["z", columns].tolist() == [3, 5, 2, 3, 1]
    assert poles.loc["w", columns].tolist() == [2, 0, 0, 0, 2]
    assert poles.loc["z", ["population_before", "population_after"]].tolist() == [150, 100]
    assert math.isnan(poles.loc["w", "population_after"])
    assert repr(found) == ("<Changes: 3 of 7 changed, 2 not comparable, 3 poles or territories>")


def test_names_alone_are_no_change():
    communes = drawn("ABCD")
    found = tt.changes(zoned_as(communes, "xxyy"), zoned_as(communes, "yyxx"))
    assert not found.communes["changed"].any()
    assert found.poles["won"].sum() == found.poles["lost"].sum() == 0


def test_a_territory_that_is_gone_is_not_the_new_one_of_its_name():
    """Both x and y become one, called y, which is the match of x: the old y is gone.

    ABCD   10 10 1 1 people   xxyz -> yyyz
    """
    communes = drawn("ABCD", population=[10, 10, 1, 1])
    found = tt.changes(zoned_as(communes, "xxyz"), zoned_as(communes, "yyyz"))
    assert found.poles.index.tolist() == ["(y)", "y", "z"]
    assert found.poles.loc["(y)", ["communes_before", "communes_after"]].tolist() == [1, 0]
    assert found.communes.loc[code("C"), "changed"]


def test_nothing_and_one_commune():
    communes = drawn("A")
    found = tt.changes(zoned_as(communes, "."), zoned_as(communes, "x"))
    assert found.communes["changed"].isna().all()
    assert found.poles["won"].tolist() == [1]
    found = tt.changes(zoned_as(communes, "x"), zoned_as(communes, "x"))
    assert found.communes["changed"].tolist() == [False]


YEARS = (
    [("AB", 30), ("AC", 20), ("BB", 40), ("CC", 25), ("DC", 3)],
    [("AB", 20), ("AC", 30), ("BB", 44), ("CC", 25), ("DC", 3), ("BE", 5)],
)


def test_two_years_of_flows():
    """A turns from B to C; E receives 5 patients who may not be shown; D is too small."""
    communes = drawn("ABCDE")
    before, after = (letters(rows, communes, seed) for seed, rows in enumerate(YEARS))
    found = tt.changes(before, after)
    table = found.communes
    assert table["changed"].dropna().to_dict() == {
        code("A"): True,
        code("B"): False,
        code("C"): False,
    }
    b = found.poles.loc[code("B")]
    assert b[["communes_before", "communes_after", "kept", "won", "lost"]].tolist() == [
        2,
        1,
        1,
        0,
        1,
    ]
    assert (b["patients_before"], b["patients_after"]) == (70, 64)
    assert b["change"] == pytest.approx(64 / 70 - 1)
    assert b["share_after"] == pytest.approx(64 / 127)
    e = found.poles.loc[code("E")]
    assert (e["patients_before"], e["patients_after"]) == (0, 5)
    assert math.isnan(e["change"])
    with using("fr"):
        page = found._repr_html_()
    assert "patients avant" in page
    assert ">5<" not in page
    assert ">58<" not in page  # of the two others, the smaller: the total less them would tell 5
    assert ">64<" in page
    assert "70" not in repr(found)


def test_communes_without_flows_are_listed():
    """C has no patient in either year: it is there, with nothing to compare."""
    communes = drawn("ABC")
    found = tt.changes(letters([("AB", 30)], communes), letters([("BB", 20)], communes))
    assert found.communes.index.tolist() == codes("ABC")
    assert found.communes["changed"].isna().all()
    assert found.communes.loc[code("C")].isna().all()
    nobody = tt.changes(letters([], communes), letters([], communes))
    assert nobody.communes.index.tolist() == codes("ABC")
    assert nobody.poles.empty


def test_rows_in_any_order():
    communes = drawn("ABCDE")
    tables = [
        tt.changes(letters(YEARS[0], communes, seed), letters(YEARS[1], communes, seed + 1)).poles
        for seed in (0, 7)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_poles_and_concordance():
    """A's pole moves from B to C, and with it the class; D has no flow after."""
    communes = drawn("ABCD")
    rows = [[(*"AB", 30), (*"BB", 30), (*"DB", 30)], [(*"AC", 30), (*"BB", 30)]]
    poles = []
    for seed, each in enumerate(rows):
        table = [(f"{one}{other}", number) for one, other, number in each]
        poles.append(tt.dominant_poles(letters(table, communes, seed)))
    found = tt.changes(*poles)
    assert found.communes.index.names == ["code", "activity"]
    assert found.communes["changed"].tolist()[:2] == [True, False]
    assert found.communes["changed"].isna().tolist()[2]
    assert found.poles.loc[code("B")].tolist() == [3, 1, 1, 0, 2]
    classes = [tt.concordance(each, minimum=1) for each in poles]
    both = tt.changes(*classes)
    assert both.communes.loc[code("A"), "changed"]
    assert both.communes.loc[code("A"), ["class_before", "class_after"]].tolist() == ["always"] * 2
    assert both.communes.loc[code("A"), "class_change"] == 0
    assert both.communes.loc[code("D"), "class_change"] is pd.NA
    before = classes[0].assign(concordance="relative")
    assert tt.changes(before, classes[0]).communes.loc[code("A"), "class_change"] == 3


def test_two_of_a_kind_only():
    communes = drawn("AB")
    zoning = zoned_as(communes, "xy")
    with pytest.raises(tt.InputError, match=r"not Zoning and Series"):
        tt.changes(zoning, zoning.labels)
    flows = tt.Flows(
        table=pd.DataFrame(
            {"residence": [code("A")], "activity": ["a"], "practitioner": ["p"], "patients": [20]}
        )
    )
    with pytest.raises(tt.InputError):
        tt.changes(flows, flows)
