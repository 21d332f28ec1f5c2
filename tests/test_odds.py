"""Odds ratios: by hand, and beside statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from grids import HEAVY, code, drawn, flows, letters, random_flows, random_layer, shuffled_rows
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from statsmodels.stats.contingency_tables import Table2x2

import territories as tt


def test_by_hand():
    """A sends 30 to A and 10 to B; B sends 20 to A and 40 to B.

    AB
    """
    given_flows = letters([("AA", 30), ("AB", 10), ("BA", 20), ("BB", 40)], drawn("AB"))
    found = tt.odds_ratios(given_flows)
    assert found.index.names == ["residence", "destination"]
    row = found.loc[(code("A"), code("A"))]
    ratio = (30.5 * 40.5) / (10.5 * 20.5)
    spread = 1.96 * math.sqrt(1 / 30.5 + 1 / 10.5 + 1 / 20.5 + 1 / 40.5)
    assert row["patients"] == 30
    assert row["odds_ratio"] == pytest.approx(ratio)
    assert row["low"] == pytest.approx(math.exp(math.log(ratio) - spread))
    assert row["high"] == pytest.approx(math.exp(math.log(ratio) + spread))
    # The other way round for those who go to the other place.
    assert found.loc[(code("A"), code("B")), "odds_ratio"] == pytest.approx(1 / ratio)


def test_everyone_at_one_place():
    found = tt.odds_ratios(letters([("AA", 30), ("BA", 0)], drawn("AB")))
    assert found.index.tolist() == [(code("A"), code("A"))]
    assert found["odds_ratio"].tolist() == [pytest.approx(30.5 * 0.5 / (0.5 * 0.5))]
    assert np.isfinite(found.to_numpy()).all()


def test_no_flow():
    found = tt.odds_ratios(flows([], drawn("AB")))
    assert found.empty
    assert found.columns.tolist() == ["patients", "odds_ratio", "low", "high"]


def test_one_activity():
    rows = [
        (code("A"), code("A"), 30, "ORL"),
        (code("B"), code("A"), 20, "ORL"),
        (code("B"), code("B"), 7, "MRI"),
    ]
    both = flows(rows, drawn("AB"))
    found = tt.odds_ratios(both, activity="ORL")
    assert found["patients"].tolist() == [30, 20]
    assert_frame_equal(found, tt.odds_ratios(flows(rows[:2], drawn("AB"))))
    with pytest.raises(tt.InputError, match=r"'IRM'.*MRI, ORL"):
        tt.odds_ratios(both, activity="IRM")


def test_what_concerns_no_commune_of_the_layer_changes_nothing():
    rows = [("A", "A", 30), ("A", "75056", 4), ("69123", "A", 5)]
    rows = [tuple(code(end) if len(end) == 1 else end for end in row[:2]) + row[2:] for row in rows]
    found = tt.odds_ratios(flows(rows, drawn("AB")))
    assert len(found) == 3
    more = [*rows, ("69123", "75056", 999)]
    assert_frame_equal(found, tt.odds_ratios(flows(more, drawn("AB"))))
    assert len(tt.odds_ratios(flows(more))) == 4


def test_fractions_that_add_up_are_whole():
    thirds = letters([("AA", 10 / 3), ("AA", 10 / 3), ("AA", 10 / 3), ("BB", 4.0)], drawn("AB"))
    whole = letters([("AA", 10.0), ("BB", 4.0)], drawn("AB"))
    found, expected = tt.odds_ratios(thirds), tt.odds_ratios(whole)
    columns = ["odds_ratio", "low", "high"]
    assert_frame_equal(found[columns], expected[columns], check_exact=True)


def test_flows_must_be_located():
    table = letters([("AA", 10)]).table.rename(columns={"destination": "practitioner"})
    with pytest.raises(tt.InputError, match=r"flows\.located"):
        tt.odds_ratios(tt.Flows(table=table))


@HEAVY
@given(st.integers(0, 2**31))
def test_beside_statsmodels(seed):
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 2, 3)
    drawn_flows = random_flows(generator, communes, count=30)
    found = tt.odds_ratios(drawn_flows)
    again = tt.odds_ratios(shuffled_rows(drawn_flows, seed))
    assert_frame_equal(found, again, check_exact=True)
    cells = {}
    for row in drawn_flows.table.itertuples():
        if {row.residence, row.destination} & set(communes.index):
            pair = (row.residence, row.destination)
            cells[pair] = cells.get(pair, 0) + row.patients
    cells = {pair: number for pair, number in cells.items() if number}
    assert found["patients"].to_dict() == cells
    for (i, j), row in found.iterrows():
        a = cells[i, j]
        b = sum(number for pair, number in cells.items() if pair[0] == i) - a
        c = sum(number for pair, number in cells.items() if pair[1] == j) - a
        d = sum(cells.values()) - a - b - c
        table = Table2x2(np.array([[a, b], [c, d]]) + 0.5)
        assert row["odds_ratio"] == pytest.approx(table.oddsratio)
        # Theirs has 1.959964 where ours has 1.96.
        bounds = table.oddsratio_confint(0.05)
        assert np.log(row[["low", "high"]].astype(float)).tolist() == pytest.approx(
            np.log(bounds).tolist(), rel=1e-4, abs=1e-3
        )
