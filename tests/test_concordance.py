"""Concordance: the classes of the legend, and the hospital beside the specialists."""

from __future__ import annotations

import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, layer, located
from pandas.testing import assert_frame_equal

from territories import Concordance, concordance, dominant_poles, hospital_agreement

POLES = st.lists(st.sampled_from(["a", "b", "c", "d", "75", None]), max_size=9)


def agreement(chosen: dict[str, list[str | None]], picture: str = "abcd", **options):
    """Class communes whose activities have these poles; None: too few patients."""
    rows = [
        (commune, f"activity {number}", pole or "d", 20 if pole else 3)
        for commune, poles in chosen.items()
        for number, pole in enumerate(poles)
    ]
    return concordance(dominant_poles(located(rows, layer(picture))), **options)


@settings(max_examples=40)
@given(st.fixed_dictionaries({"a": POLES, "b": POLES, "c": POLES}), st.sampled_from([1, 2, 3, 5]))
def test_every_class_is_the_oracles(chosen: dict, minimum: int) -> None:
    found = agreement({**chosen, "d": ["a"]}, minimum=minimum)
    for commune, poles in chosen.items():
        exact = oracle.agreement([code(pole) for pole in poles if pole], minimum)
        mine = found.loc[code(commune)]
        assert mine["concordance"] == exact.concordance
        assert (mine["pole"] if pd.notna(mine["pole"]) else None) == exact.pole
        assert (mine["matched"], mine["activities"]) == (exact.matched, exact.activities)
        if exact.share is None:
            assert pd.isna(mine["share"])
        else:
            assert mine["share"] == pytest.approx(float(exact.share))


def test_one_row_for_every_commune_in_order() -> None:
    found = agreement({"c": ["a"] * 3})
    assert found.index.tolist() == [code(each) for each in "abcd"]
    assert found.index.name == "commune"
    assert found.columns.tolist() == ["concordance", "pole", "matched", "activities", "share"]
    assert found["concordance"].tolist() == ["insufficient", "insufficient", "always",
                                             "insufficient"]  # fmt: skip
    assert found[["matched", "activities"]].dtypes.tolist() == ["int64", "int64"]


def test_no_pole_at_all() -> None:
    found = agreement({"a": [None]})
    assert set(found["concordance"]) == {"insufficient"}
    assert found["pole"].isna().all()
    stays = dominant_poles(located([("a", "all", "b", 3)], layer("abcd")))
    compared = hospital_agreement(found, stays)
    assert set(compared["agreement"]) == {"neither"}


def test_classes_in_order_of_agreement() -> None:
    assert [str(each) for each in Concordance] == [
        "always", "all_but_one", "majority", "relative", "none", "insufficient",
    ]  # fmt: skip


@settings(max_examples=15)
@given(st.dictionaries(st.sampled_from("abc"), POLES, min_size=1), st.integers(0, 99))
def test_the_order_of_activities_does_not_matter(chosen: dict, seed: int) -> None:
    mixed = {
        name: pd.Series(poles, dtype="object").sample(frac=1, random_state=seed).tolist()
        for name, poles in reversed(chosen.items())
    }
    chosen["d"] = mixed["d"] = ["a"]
    assert_frame_equal(agreement(mixed), agreement(chosen))


# --- hospital ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("liberal", "hospital", "state"),
    [
        ("a", "a", "agree"),
        ("a", "b", "differ"),
        ("a", None, "liberal_only"),
        (None, "a", "hospital_only"),
        (None, None, "neither"),
        ("75", "75056", "agree"),  # a pole known by its department only
        ("75056", "75", "agree"),
        ("75", "75", "agree"),
        ("75", "92012", "differ"),
        ("75012", "75056", "differ"),
        ("2A", "2A004", "agree"),
        ("971", "97105", "agree"),
        ("972", "97105", "differ"),
    ],
)
def test_specialists_and_hospital(liberal: str | None, hospital: str | None, state: str) -> None:
    chosen = agreement({"b": [liberal] * 3, "d": ["a"] * 3})
    rows = [("b", "all", hospital or "c", 20 if hospital else 3), ("d", "all", "a", 20)]
    compared = hospital_agreement(chosen, dominant_poles(located(rows, layer("abcd"))))
    mine = compared.loc[code("b")]
    assert mine["agreement"] == state
    assert (mine["liberal"] if pd.notna(mine["liberal"]) else None) == (
        code(liberal) if liberal else None
    )
    assert (mine["hospital"] if pd.notna(mine["hospital"]) else None) == (
        code(hospital) if hospital else None
    )
    assert compared.loc[code("d"), "agreement"] == "agree"
    assert compared.loc[code("a"), "agreement"] == "neither"
    assert compared.index.tolist() == [code(each) for each in "abcd"]
