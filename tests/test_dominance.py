"""The hierarchy of poles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, code, drawn, flows, letters, random_flows, random_layer, shuffled_rows
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import territories as tt


def hierarchy(rows, picture="ABCDE"):
    return tt.pole_hierarchy(letters(rows, drawn(picture)))


def test_by_hand():
    """A is the city, B a town that sends to it, C a place that sends to B, D stands alone.

    ABCDE      E has no pole: its people go to A and D.
    """
    found = hierarchy(
        [
            *(("AA", 900), ("AB", 10), ("AD", 4)),
            *(("BB", 300), ("BA", 60), ("BC", 5)),
            *(("CC", 50), ("CB", 30), ("CA", 20)),
            *(("DD", 100), ("DA", 8), ("DB", 9)),
            *(("EA", 40), ("ED", 46)),
        ]
    )
    assert found.index.tolist() == [code(each) for each in "ABCD"]
    assert found["received"].tolist() == [60 + 20 + 8 + 40, 10 + 30 + 9, 5, 4 + 46]
    assert found["towards"].tolist() == [code("B"), code("A"), code("B"), code("B")]
    # D sends most to B, which receives 49, less than its 50.
    assert found["rank"].tolist() == ["dominant", "intermediate", "dominated", "dominant"]


def test_ties():
    """B sends as much to A and to C, and A receives more; C and D receive as much."""
    found = hierarchy(
        [("BA", 10), ("BC", 10), ("EA", 5), ("DC", 20), ("CD", 30), ("BB", 3), ("AA", 1)]
    )
    assert found["received"].to_dict() == {
        code("A"): 15, code("B"): 0, code("C"): 30, code("D"): 30,
    }  # fmt: skip
    assert found.loc[code("B"), "towards"] == code("C")
    assert found.loc[[code("C"), code("D")], "rank"].tolist() == ["dominant", "dominant"]
    assert found.loc[code("B"), "rank"] == "dominated"
    # All equal: the lower code.
    assert hierarchy([("CA", 5), ("CB", 5), ("CC", 1)]).loc[code("C"), "towards"] == code("A")


def test_nobody_leaves():
    found = hierarchy([("AA", 10), ("BB", 20)])
    assert found["rank"].tolist() == ["dominant", "dominant"]
    assert found["towards"].isna().all()
    assert found["received"].tolist() == [0, 0]


def test_places_outside_are_not_poles():
    rows = [
        (code("A"), code("A"), 10),
        (code("A"), "75056", 90),
        (code("A"), code("B"), 5),
        ("69123", code("B"), 7),
    ]
    found = tt.pole_hierarchy(flows(rows, drawn("AB")))
    assert found["received"].to_dict() == {code("A"): 0, code("B"): 12}
    assert found["towards"].to_dict()[code("A")] == code("B")
    assert "75056" in tt.pole_hierarchy(flows(rows)).index


def test_no_flow():
    found = tt.pole_hierarchy(flows([], drawn("AB")))
    assert found.empty
    assert found.columns.tolist() == ["received", "towards", "rank"]


def test_flows_must_be_located():
    table = letters([("AA", 10)]).table.rename(columns={"destination": "practitioner"})
    with pytest.raises(tt.InputError, match=r"flows\.located"):
        tt.pole_hierarchy(tt.Flows(table=table))


@HEAVY
@given(st.integers(0, 2**31), st.sampled_from([3, 200]))
def test_by_loops(seed, most):
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 2, 4)
    given_flows = random_flows(generator, communes, count=30, most=most)
    found = tt.pole_hierarchy(given_flows)
    assert_frame_equal(found, tt.pole_hierarchy(shuffled_rows(given_flows, seed)))
    cells = {}
    for row in given_flows.table.itertuples():
        if row.patients and row.destination in communes.index:
            pair = (row.residence, row.destination)
            cells[pair] = cells.get(pair, 0) + row.patients
    poles = sorted({j for _, j in cells})
    received = {j: sum(n for (i, k), n in cells.items() if k == j != i) for j in poles}
    towards, above = {}, {}
    for i in poles:
        sent = {j: n for (k, j), n in cells.items() if k == i != j}
        towards[i] = min(sent, key=lambda j: (-sent[j], -received[j], j)) if sent else None
        above[i] = towards[i] is not None and received[towards[i]] > received[i]
    for i in poles:
        below = any(above[k] and towards[k] == i for k in poles)
        rank = "dominant" if not above[i] else "intermediate" if below else "dominated"
        row = found.loc[i]
        given_towards = row["towards"] if pd.notna(row["towards"]) else None
        assert (row["received"], given_towards, row["rank"]) == (received[i], towards[i], rank)
    assert found.index.tolist() == poles


def test_poles_of_cvl(cvl_located):
    found = tt.pole_hierarchy(cvl_located.grouped())
    dominant = found.index[found["rank"] == "dominant"]
    # The prefectures but Blois, which depends on Tours, and Montargis.
    assert dominant.tolist() == ["18033", "28085", "36044", "37261", "45208", "45234"]
