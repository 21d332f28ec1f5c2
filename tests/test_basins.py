"""Recruitment basins."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, code, drawn, flows, letters, random_flows, random_layer, shuffled_rows
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import territories as tt


def test_by_hand():
    """Of 100 stays at A: 50 from A, 20 from B, 10 from C and D each, 6 from E, 4 from outside.

    ABCDE
    """
    people = [1_000, 200, 300, 400, 500]
    given_flows = letters(
        [("AA", 50), ("BA", 20), ("CA", 10), ("DA", 10), ("EA", 6), ("BB", 7)],
        drawn("ABCDE", population=people),
    )
    table = pd.concat(
        [given_flows.table, flows([("75056", code("A"), 4)]).table], ignore_index=True
    )
    given_flows = tt.Flows(table=table, communes=given_flows.communes)
    found = tt.recruitment_basin(given_flows, code("A"))
    assert found.index.name == "code"
    assert found.index.tolist() == [code(each) for each in "ABC"]  # C before D, which is equal
    assert found["stays"].tolist() == [50, 20, 10]
    assert found["share"].tolist() == pytest.approx([0.5, 0.2, 0.1])
    assert found["cumulated"].tolist() == pytest.approx([0.5, 0.7, 0.8])
    assert tt.recruitment_basin(given_flows, code("A"), 1)["stays"].sum() == 100
    assert len(tt.recruitment_basin(given_flows, code("A"), 0.5)) == 1
    assert len(tt.recruitment_basin(given_flows, code("A"), 0.500001)) == 2
    assert len(tt.recruitment_basin(given_flows, code("A"), 1e-9)) == 1
    both = tt.recruitment_basins(given_flows, share=0.97)
    assert both.loc[code("A")].tolist() == [100, 6, 5, 2_400]
    assert both.loc[code("B")].tolist() == [7, 1, 1, 200]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("many", [10, 30, 70])
def test_exactly_at_the_share(share, many):
    """As many stays from each of `many` communes: share × many of them, not one more."""
    rows = [(f"{number:05d}", "00099", 3) for number in range(many)]
    exact = Fraction(str(share)) * many
    assert len(tt.recruitment_basin(flows(rows), "00099", share)) == math.ceil(exact)


def test_stays_shared_out_in_fractions():
    """A third of a stay from each of 30: ten stays, of which eight are 24 thirds."""
    rows = [(f"{number:05d}", "00099", 1 / 3) for number in range(30)]
    found = tt.recruitment_basin(flows(rows), "00099")
    assert len(found) == 24
    assert tt.recruitment_basins(flows(rows))["stays"].tolist() == [10]


def test_refusals():
    given_flows = letters([("AA", 10), ("AB", 0)], drawn("AB"))
    for site in ("750000001", code("B"), ""):
        with pytest.raises(tt.InputError, match="Nobody is received"):
            tt.recruitment_basin(given_flows, site)
    for share in (0, -1, 1.01, math.nan):
        with pytest.raises(tt.InputError, match="over 0 and at most 1"):
            tt.recruitment_basin(given_flows, code("A"), share)
    with pytest.raises(tt.InputError, match="by"):
        tt.recruitment_basins(given_flows, by="site")
    table = given_flows.table.rename(columns={"destination": "practitioner"})
    with pytest.raises(tt.InputError, match=r"flows\.located"):
        tt.recruitment_basins(tt.Flows(table=table))


def test_without_a_layer_or_inhabitants():
    rows = [("AA", 10), ("BA", 5), ("BB", 3)]
    found = tt.recruitment_basins(letters(rows))
    assert found[["communes", "population"]].isna().all(axis=None)
    communes = drawn("AB")
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("B"), "population"] = pd.NA
    known = tt.recruitment_basins(letters(rows, communes))
    assert known["communes"].tolist() == [2, 1]
    assert known["population"].isna().all()
    outside = flows([("75056", code("A"), 10)], communes)
    assert tt.recruitment_basins(outside)[["communes", "population"]].to_numpy().tolist() == [
        [0, 0]
    ]
    assert tt.recruitment_basins(flows([], communes)).empty


@HEAVY
@given(st.integers(0, 2**31), st.sampled_from([0.5, 0.8, 0.95, 1]))
def test_smallest(seed, share):
    """No smaller set of residences supplies as much, by trying them all."""
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 2, 3)
    given_flows = random_flows(generator, communes, count=25)
    again = shuffled_rows(given_flows, seed)
    for site, row in tt.recruitment_basins(given_flows, share=share).iterrows():
        found = tt.recruitment_basin(given_flows, site, share)
        assert_frame_equal(found, tt.recruitment_basin(again, site, share), check_exact=True)
        table = given_flows.table[given_flows.table["destination"] == site]
        sums = table.groupby("residence")["patients"].sum()
        sums = sums[sums > 0]
        wanted = Fraction(str(share)) * int(sums.sum())
        assert found["stays"].sum() >= wanted
        assert row["codes"] == len(found)
        assert row["stays"] == sums.sum()
        smaller = itertools.combinations(sums.tolist(), len(found) - 1)
        assert all(sum(each) < wanted for each in smaller)
        inside = found.index[found.index.isin(communes.index)]
        assert row["communes"] == len(inside)
        assert row["population"] == communes["population"][inside].sum()


@pytest.fixture(scope="module")
def cvl_stays(cvl, cvl_communes):
    return tt.read_hospital(
        cvl / "hospital.csv",
        sites=cvl / "finess.csv",
        pmsi_codes=cvl / "commune_codepostal_pmsi_EMULE_cvl.csv",
        communes=cvl_communes,
    )


def test_hospitals_of_cvl(cvl, cvl_stays):
    given_stays = pd.read_csv(cvl / "hospital.csv", sep=";", encoding="cp1252", dtype=str)
    totals = given_stays["nb_sejours"].astype(int).groupby(given_stays["finess"]).sum()
    found = tt.recruitment_basins(cvl_stays)
    assert found.index.tolist() == totals.index.tolist()
    assert found["stays"].tolist() == totals.tolist()
    orleans = tt.recruitment_basin(cvl_stays, "450000001")
    assert len(orleans) == found.loc["450000001", "codes"]
    assert orleans["cumulated"].iloc[-2] < 0.8 <= orleans["cumulated"].iloc[-1]
    # Both hospitals of the town together.
    town = tt.recruitment_basin(cvl_stays, "45234")
    by_town = tt.recruitment_basins(cvl_stays, by="destination")
    assert len(town) == by_town.loc["45234", "codes"]
    assert found["stays"].sum() == pytest.approx(by_town["stays"].sum())
