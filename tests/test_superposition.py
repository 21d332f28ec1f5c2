"""Superposition: specialties two by two, and Fleiss' kappa of all, beside statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY
from hypothesis import given
from hypothesis import strategies as st
from layers import code, layer, located
from pandas.testing import assert_frame_equal
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

import territories as tt
from territories._words import using
from territories.superposition import fleiss_kappa as ours


def poles_of(chosen, picture, people=1_000, seed=3):
    """Make poles: for each activity, a letter for each commune of the picture; a dot is too few."""
    communes = layer(picture, people=people)
    rows = [
        (commune, activity, pole.replace(".", "a"), 3 if pole == "." else 20)
        for activity, line in chosen.items()
        for commune, pole in zip(picture, line, strict=True)
    ]
    return tt.dominant_poles(located(rows, communes, seed=seed)), communes


def test_by_hand():
    """Six communes; d has no pole for the second, c is the only one that goes elsewhere.

    abcdef     one: aaabbb   two: aab.bb    three: a everywhere
    """
    people = dict(zip("abcdef", [10, 20, 30, 40, 50, 60], strict=True))
    poles, communes = poles_of(
        {"one": "aaabbb", "two": "aab.bb", "three": "aaaaaa"}, "abcdef", people
    )
    found = tt.superposition(poles, communes=communes)
    assert found.pairs.index.tolist() == [("one", "three"), ("one", "two"), ("three", "two")]
    assert found.pairs.index.names == ["first", "second"]
    pair = found.pairs.loc[("one", "two")]
    assert pair["communes"] == 5
    assert pair["agreement"] == pytest.approx(4 / 5)
    assert pair["population_agreement"] == pytest.approx((10 + 20 + 50 + 60) / 170)
    # Chance: 3/5 a and 2/5 b against 2/5 and 3/5.
    chance = 3 / 5 * 2 / 5 + 2 / 5 * 3 / 5
    assert pair["kappa"] == pytest.approx((4 / 5 - chance) / (1 - chance))
    assert found.pairs.loc[("one", "three"), "kappa"] == pytest.approx(0)
    # Fleiss over a, b, c, e, f: a 10 times of 15, b 5 times.
    by_hand = (1 + 1 + 1 / 3 + 1 / 3 + 1 / 3) / 5
    expected = (10 / 15) ** 2 + (5 / 15) ** 2
    assert found.fleiss == pytest.approx((by_hand - expected) / (1 - expected))
    assert found.fleiss_communes == 5


def test_alike_around_other_poles():
    """The same division around different poles: no agreement, all of the information."""
    poles, communes = poles_of({"one": "aabb", "two": "ccdd"}, "abcd")
    pair = tt.superposition(poles, communes=communes).pairs.iloc[0]
    assert (pair["agreement"], pair["ami"]) == (0, 1)
    assert pair["kappa"] <= 0


def test_one_pole_for_all_is_undefined():
    poles, communes = poles_of({"one": "aaaa", "two": "aaaa"}, "abcd")
    found = tt.superposition(poles, communes=communes)
    pair = found.pairs.iloc[0]
    assert (pair["communes"], pair["agreement"], pair["population_agreement"]) == (4, 1, 1)
    assert pair[["kappa", "ami"]].isna().all()
    assert math.isnan(found.fleiss)
    assert found.fleiss_communes == 4


def test_nothing_in_common_is_undefined():
    poles, communes = poles_of({"one": "aa..", "two": "..bb"}, "abcd")
    found = tt.superposition(poles, communes=communes)
    assert found.pairs["communes"].tolist() == [0]
    assert found.pairs.drop(columns="communes").isna().all(axis=None)
    assert (math.isnan(found.fleiss), found.fleiss_communes) == (True, 0)
    assert "nan" in repr(found)
    assert "–" in found._repr_html_()


@pytest.mark.parametrize("chosen", [{"one": "aabb"}, {"one": "...."}])
def test_no_pair(chosen):
    poles, communes = poles_of(chosen, "abcd")
    found = tt.superposition(poles, communes=communes)
    assert len(found.pairs) == 0
    assert math.isnan(found.fleiss)
    assert found.matrix().shape == (0, 0)
    assert repr(found)


def test_one_commune():
    poles, communes = poles_of({"one": "a", "two": "a", "three": "a"}, "a")
    assert tt.superposition(poles, communes=communes).pairs["agreement"].tolist() == [1, 1, 1]


def test_inhabitants_may_be_unknown():
    chosen = {"one": "aabb", "two": "abbb"}
    poles, communes = poles_of(chosen, "abcd")
    assert tt.superposition(poles).pairs["population_agreement"].isna().all()
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("b"), "population"] = pd.NA
    assert tt.superposition(poles, communes=communes).pairs["population_agreement"].isna().all()
    _, nobody = poles_of(chosen, "abcd", people=0)
    assert tt.superposition(poles, communes=nobody).pairs["population_agreement"].isna().all()


def test_matrix():
    poles, communes = poles_of({"one": "aabb", "two": "abbb", "three": "bbaa"}, "abcd")
    found = tt.superposition(poles, communes=communes)
    matrix = found.matrix("kappa")
    assert matrix.index.tolist() == matrix.columns.tolist() == ["one", "three", "two"]
    assert matrix.index.name == matrix.columns.name == "activity"
    assert np.isnan(np.diag(matrix)).all()
    assert matrix.loc["one", "two"] == found.pairs.loc[("one", "two"), "kappa"]
    assert_frame_equal(matrix, matrix.T)
    assert_frame_equal(found.matrix(), found.matrix("agreement"))
    with pytest.raises(tt.InputError, match=r"'entropy'.*kappa"):
        found.matrix("entropy")


def test_repr_and_page():
    poles, communes = poles_of({"<b>": "aabb", "two": "abbb"}, "abcd")
    found = tt.superposition(poles, communes=communes)
    assert repr(found) == (
        "<Superposition: 1 pairs of activities, mean agreement 75%, "
        f"Fleiss' kappa {found.fleiss:.2f} over 4 communes>"
    )
    with using("fr"):
        page = found._repr_html_()
    assert "kappa de Cohen" in page
    assert "0,75" in page
    assert "sur les 4 communes" in page
    assert "<b>two" not in page
    assert "&lt;b&gt;" in page
    with using("en"):
        assert "Cohen's kappa" in found._repr_html_()


LINES = st.lists(st.text("abc.", min_size=8, max_size=8), min_size=2, max_size=5)


@HEAVY
@given(LINES, st.integers(0, 99))
def test_beside_scikit_learn_and_statsmodels(lines, seed):
    chosen = {f"s{number}": line for number, line in enumerate(lines)}
    poles, communes = poles_of(chosen, "abcdefgh")
    found = tt.superposition(poles, communes=communes)
    again, _ = poles_of(chosen, "abcdefgh", seed=seed)
    mixed = tt.superposition(again, communes=communes.sample(frac=1, random_state=seed))
    assert_frame_equal(found.pairs, mixed.pairs, check_exact=True)
    assert found.fleiss == pytest.approx(mixed.fleiss, abs=0, rel=0, nan_ok=True)
    for (first, second), row in found.pairs.iterrows():
        both = [pair for pair in zip(chosen[first], chosen[second], strict=True) if "." not in pair]
        one, two = ([pair[side] for pair in both] for side in (0, 1))
        assert row["communes"] == len(both)
        if len({*one, *two}) > 1:
            assert row["kappa"] == pytest.approx(cohen_kappa_score(one, two))
        if len(set(one)) > 1 and len(set(two)) > 1:
            assert row["ami"] == pytest.approx(adjusted_mutual_info_score(one, two))
    known = [each for each in zip(*chosen.values(), strict=True) if "." not in each]
    assert found.fleiss_communes == len(known)
    if len({pole for each in known for pole in each}) > 1:
        table, _ = aggregate_raters(np.array(known))
        assert found.fleiss == pytest.approx(fleiss_kappa(table))
    else:
        assert math.isnan(found.fleiss)


def test_fleiss_example():
    """The worked example of Fleiss (1971) as Wikipedia tells it: ten subjects, fourteen raters."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = [np.repeat(list("abcde"), each) for each in counts]
    assert ours(pd.DataFrame(rows)) == pytest.approx(0.210, abs=5e-4)
    assert math.isnan(ours(pd.DataFrame({"one": ["a", "b"]})))


def test_specialties_of_cvl(cvl_located, cvl_communes):
    found = tt.superposition(tt.dominant_poles(cvl_located.grouped()), communes=cvl_communes)
    assert len(found.pairs) == 10
    assert (round(found.fleiss, 2), found.fleiss_communes) == (0.64, 1_272)
    best = found.pairs["agreement"].idxmax()
    assert best == ("ophtalmologie", "radiodiagnostic")
    assert found.pairs.loc[best, "agreement"] == pytest.approx(0.7728, abs=1e-4)
