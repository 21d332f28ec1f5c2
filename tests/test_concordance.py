"""Concordance: the classes of the legend, and the hospital beside the specialists."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError

import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, layer, located
from pandas.testing import assert_frame_equal
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score

from territories import (
    Concordance,
    InputError,
    agreement_figures,
    concordance,
    dominant_poles,
    hospital_agreement,
)
from territories._words import using
from territories.concordance import classes

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


@pytest.mark.parametrize(
    ("matched", "activities", "found"),
    [
        (3, 3, "always"),
        (2, 2, "insufficient"),
        (33, 50, "all_but_one"),  # 66 % and no more
        (655, 1000, "majority"),
        (65, 100, "majority"),
        (25, 50, "majority"),  # half and no more
        (24, 50, "relative"),
        (1, 3, "relative"),
    ],
)
def test_thresholds_of_the_classes(matched: int, activities: int, found: str) -> None:
    numbers = pd.Series([matched]), pd.Series([activities])
    assert classes(*numbers, unique=pd.Series([True])).tolist() == [found]
    tied = "insufficient" if found == "insufficient" else "none"
    assert classes(*numbers, unique=pd.Series([False])).tolist() == [tied]


def test_three_activities_are_asked_for_unless_another_number_is() -> None:
    found = agreement({"a": ["a"] * 2, "b": ["a"] * 3, "c": ["a"] * 4})
    assert found["concordance"].tolist() == ["insufficient", "always", "always", "insufficient"]
    found = agreement({"a": ["a"] * 2, "b": ["a"] * 3, "c": ["a"] * 4}, minimum=4)
    assert found["concordance"].tolist() == [*["insufficient"] * 2, "always", "insufficient"]


def test_no_activity_at_all_is_no_agreement() -> None:
    """Even where none is asked for: nothing of nothing is not all of it."""
    found = agreement({"a": ["a"]}, minimum=0)
    assert found["concordance"].tolist() == ["always", "none", "none", "none"]
    assert found["share"].isna().tolist() == [False, True, True, True]


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


def test_stays_are_all_together_or_none() -> None:
    found = agreement({"a": ["b"] * 3})
    several = located([("a", "medicine", "b", 20), ("a", "surgery", "b", 20)], layer("abcd"))
    with pytest.raises(InputError) as refusal:
        hospital_agreement(found, dominant_poles(several))
    assert [each.key for each in refusal.value.faults] == ["error.stays_not_together"]
    assert str(refusal.value)
    none = dominant_poles(located([("50001", "all", "b", 20)], layer("abcd")))
    compared = hospital_agreement(found, none)["agreement"]
    assert compared.tolist() == ["liberal_only", "neither", "neither", "neither"]


# --- figures of the agreement --------------------------------------------------------------------


def compared(liberal: str, stays: str, people: object = 1000):
    """Compare two lines of poles, a letter for each commune of abcdef; a dot is none."""
    communes = layer("abcdef", people=people)
    rows = [
        (one, "all", pole.replace(".", "a"), 3 if pole == "." else 20)
        for one, pole in zip("abcdef", stays, strict=True)
    ]
    chosen = {
        one: [None if pole == "." else pole] * 3
        for one, pole in zip("abcdef", liberal, strict=True)
    }
    found = agreement(chosen, "abcdef")
    return hospital_agreement(found, dominant_poles(located(rows, communes))), communes


def test_figures_by_hand() -> None:
    """Four communes have both poles; three of them agree.

    liberal aabbb.    hospital aaab.b
    """
    people = dict(zip("abcdef", [10, 20, 30, 40, 50, 60], strict=True))
    table, communes = compared("aabbb.", "aaab.b", people)
    found = agreement_figures(table, communes=communes)
    assert found.table.to_dict("list") == {
        "communes": [3, 1, 1, 1, 0],
        "population": [70, 30, 50, 60, 0],
        "communes_share": [3 / 6, 1 / 6, 1 / 6, 1 / 6, 0],
        "population_share": [70 / 210, 30 / 210, 50 / 210, 60 / 210, 0],
    }
    assert found.table.index.name == "agreement"
    assert found.table.index.tolist() == [
        "agree", "differ", "liberal_only", "hospital_only", "neither",
    ]  # fmt: skip
    assert (found.agreement, found.population_agreement) == (3 / 4, 70 / 100)
    assert found.kappa == pytest.approx((3 / 4 - 1 / 2) / (1 - 1 / 2))
    one, two = list("aabb"), list("aaab")
    assert found.kappa == pytest.approx(cohen_kappa_score(one, two))
    assert found.ami == pytest.approx(adjusted_mutual_info_score(one, two))
    assert repr(found).startswith(
        "<AgreementFigures: 75% of communes and 70% of people, kappa 0.50"
    )
    ami = f"{found.ami:.2f}"
    assert repr(found).endswith(f"kappa 0.50, AMI {ami}>")
    with using("fr"):
        page = found._repr_html_()
    said = "même pôle pour 75 % des communes et 70 % des habitants de celles dont les deux sont"
    assert said in page
    assert f"kappa 0,50, information mutuelle ajustée {ami.replace('.', ',')}</p>" in page
    assert re.findall("<t[hd]>(.*?)</t[hd]>", page) == [
        *("", "communes", "population"),
        *("même pôle", "3", "70"),
        *("pôles différents", "1", "30"),
        *("pas de pôle hospitalier", "1", "50"),
        *("pas de pôle libéral unique", "1", "60"),
        *("aucun pôle connu", "0", "0"),
    ]


def test_figures_of_one_commune_of_one_inhabitant() -> None:
    table, communes = compared("a.....", "a.....", dict.fromkeys("bcdef", 0) | {"a": 1})
    found = agreement_figures(table, communes=communes)
    assert (found.agreement, found.population_agreement) == (1, 1)
    assert found.table.loc["agree", ["communes_share", "population_share"]].tolist() == [1 / 6, 1]


@pytest.mark.parametrize(("stays", "share"), [("bbb...", 0), ("abb...", 1 / 3), ("aab...", 2 / 3)])
def test_few_that_agree_are_a_share_too(stays: str, share: float) -> None:
    table, communes = compared("aaa...", stays)
    found = agreement_figures(table, communes=communes)
    assert (found.agreement, found.population_agreement) == (share, share)


def test_figures_do_not_change_and_are_like_no_others() -> None:
    """Tables are not compared: of two of them pandas cannot tell whether they are the same."""
    table, communes = compared("aabbb.", "aaab.b")
    found, again = (agreement_figures(table, communes=communes) for _ in range(2))
    assert len({found, again}) == 2
    with pytest.raises(FrozenInstanceError):
        found.kappa = 1  # type: ignore[misc]


def test_a_department_counts_as_its_place() -> None:
    """A hospital known by its department agrees, and is the same in both indices."""
    table, communes = compared("aabbbb", "aabbbb")
    table = table.replace({"liberal": {code("a"): "75056"}, "hospital": {code("a"): "75"}})
    found = agreement_figures(table, communes=communes)
    assert (found.agreement, found.kappa, found.ami) == (1, 1, 1)


@pytest.mark.parametrize(
    "lines", [("......", "......"), ("aaa...", "...bbb"), ("aaaaaa", "aaaaaa")]
)
def test_undefined_figures_are_missing(lines: tuple[str, str]) -> None:
    table, communes = compared(*lines)
    found = agreement_figures(table, communes=communes)
    assert math.isnan(found.kappa)
    assert math.isnan(found.ami)
    assert math.isnan(found.agreement) == (lines[0] != "aaaaaa")
    assert found.table["communes"].sum() == 6
    page = found._repr_html_()
    assert "kappa –, adjusted mutual information –</p>" in page
    assert ("same pole for – %" in page) == (lines[0] != "aaaaaa")


def test_figures_of_unknown_inhabitants() -> None:
    table, communes = compared("aabbb.", "aaab.b")
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("a"), "population"] = pd.NA
    found = agreement_figures(table, communes=communes)
    assert math.isnan(found.population_agreement)
    assert found.agreement == 3 / 4
    assert found.table["population_share"].isna().all()
    assert found.table.loc["differ", "population"] == 1000
    nobody = agreement_figures(table, communes=communes.assign(population=0))
    assert math.isnan(nobody.population_agreement)
    assert repr(nobody)
