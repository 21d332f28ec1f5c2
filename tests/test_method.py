"""One test for each rule of METHOD.md, sections 3, 4, 5, 7 and 9, that is implemented.

The docstring is the rule's own sentence; the world is small enough to check by hand.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pytest
from layers import (
    SPECIALISTS,
    as_options,
    code,
    layer,
    letter,
    located,
    seen,
    write_layer,
    write_text,
)

import territories as tt
from territories import Flows, Secrecy
from territories._words import using
from territories.export import Evidence, commune_table, territory_table
from territories.places import grouped_places
from territories.practices import practice_places

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def practice(*rows: tuple) -> pd.Series:
    """Place one practitioner, from (residence, patients, amount[, department])."""
    listed = [(home, "orl", "P", *rest) for home, *rest in rows]
    return practice_places(seen(listed)).loc["P"]


# --- 3. Place of practice ------------------------------------------------------------------------


def test_patients_first() -> None:
    """For each practitioner: the commune with most of his patients."""
    assert practice(("a", 30, 10.0), ("b", 20, 900.0))["commune"] == code("a")


def test_amount_breaks_ties() -> None:
    """Choice: patients first, amount breaks ties."""
    found = practice(("a", 30, 10.0), ("b", 30, 10.01), ("c", 1, 99.0))
    assert found["commune"] == code("b")
    assert not found["tied"]


def test_still_tied_is_undetermined() -> None:
    """Still tied → undetermined (set aside, counted)."""
    found = practice(("a", 30, 10.0), ("b", 30, 10.0), ("c", 1, 99.0))
    assert pd.isna(found["commune"])
    assert found["tied"]
    table = seen([("a", "orl", "P", 30), ("b", "orl", "P", 30), ("c", "orl", "Q", 12)])
    account = Flows(table).located().reconciliation
    assert account["reasons"] == {"practice_undetermined": (2, 60)}


def test_both_answers() -> None:
    """Both answers are given. Also give the answer by amount and where the two differ."""
    found = practice(("a", 30, 10.0), ("b", 20, 900.0))
    assert (found["commune"], found["commune_by_amount"]) == (code("a"), code("b"))


def test_a_known_department_limits_the_candidates() -> None:
    """If the department is known, candidates are limited to it.

    And a conflict with the unrestricted answer is counted.
    """
    rows = [("a", 50, 1.0, "96"), ("B", 20, 1.0, "96"), ("C", 10, 1.0, "96")]
    found = practice(*rows)
    assert found["commune"] == code("B")
    assert found["conflict"]
    assert not practice(*[(home, n, euros, "") for home, n, euros, _ in rows])["conflict"]
    assert not practice(("B", 20, 1.0, "96"), ("a", 5, 1.0, "96"))["conflict"]


def test_a_practitioner_from_afar_is_an_external_pole() -> None:
    """If no resident of that department is in the table, the place is its external pole."""
    found = practice(("a", 50, 1.0, "75"), ("B", 20, 1.0, "75"))
    assert found["commune"] == found["commune_by_amount"] == "75"
    assert pd.isna(found["share"])
    assert pd.isna(found["margin"])
    assert not found["conflict"]
    table = seen([("a", "orl", "P", 50, 1.0, "75")])
    assert Flows(table, layer("ab")).located().external("destination").all()


def test_a_confidence_always() -> None:
    """Always return a confidence: share of the top commune and margin over the second."""
    found = practice(("a", 50, 0.0), ("b", 30, 0.0), ("c", 20, 0.0))
    assert (found["share"], found["margin"]) == pytest.approx((0.5, 0.2))
    alone = practice(("a", 50, 0.0))
    assert (alone["share"], alone["margin"]) == (1.0, 1.0)
    limited = practice(("a", 50, 0.0, "96"), ("B", 30, 0.0, "96"), ("C", 20, 0.0, "96"))
    assert (limited["share"], limited["margin"]) == pytest.approx((0.3, 0.1))


def test_how_often_the_rule_is_right(shared_data: Path) -> None:
    """On real data (English districts × hospital trusts) the rule is right for 67–72 %.

    Right or next door for 90–92 %; less often when the top share is below 40 %.
    """
    nhs = shared_data / "nhs"
    changes = pd.read_csv(nhs / "district_changes.csv", dtype=str).set_index("old")["new"]
    flows = pd.read_csv(nhs / "flows_link.csv", dtype={"residence": str, "site": str})
    table = flows.rename(columns={"site": "practitioner"}).sample(frac=1, random_state=1)
    truth = pd.read_csv(nhs / "site_district.csv", dtype=str).set_index("site")["district"]
    found = practice_places(table)
    assert (found["commune"] == truth[found.index]).mean() == pytest.approx(0.669, abs=0.0005)

    found = practice_places(table.assign(residence=table["residence"].replace(changes)))
    right = found["commune"] == truth[found.index]
    districts = gpd.read_file(nhs / "districts_epsg27700.geojson")
    districts = districts.set_crs("EPSG:27700", allow_override=True).set_index("geo_code")
    pairs = tt.contiguity(districts.set_geometry(districts.make_valid()))
    near = {frozenset(ends) for ends in pairs[["left", "right"]].itertuples(index=False)}
    ends = zip(found["commune"], truth[found.index], strict=True)
    beside = pd.Series([frozenset(pair) in near for pair in ends], found.index)
    assert 0.67 <= right.mean() <= 0.72
    assert 0.90 <= (right | beside).mean() <= 0.92
    sure = found["share"] >= 0.4
    assert right[sure].mean() >= 0.78
    assert right[~sure].mean() <= 0.57


# --- 4. Poles ------------------------------------------------------------------------------------

SUBURB = [("a", "orl", "a", 90), ("b", "orl", "a", 15), ("b", "derm", "a", 15)]


def test_suburbs_belong_to_the_town() -> None:
    """A place joins a place that receives more when half of its residents are seen there.

    At least half of its own residents' patients, over all activities.

    ::

        ab
    """
    for own, pole in ((30, "a"), (31, "b")):
        table = located([*SUBURB, ("b", "orl", "b", own)]).table
        assert grouped_places(table, layer("ab"))["pole"][code("b")] == code(pole)


def test_grouping_by_a_table() -> None:
    """By a table (urban unit, EPCI…) or by rule."""
    flows = located([*SUBURB, ("b", "orl", "b", 99)], layer("ab"))
    assert set(flows.grouped().table["destination"]) == {code("a"), code("b")}
    by_table = flows.grouped(pd.Series({code("b"): code("a")}))
    assert set(by_table.table["destination"]) == {code("a")}


@pytest.mark.parametrize(
    ("picture", "joins"), [("ab", True), ("a....b", True), ("a..........b", False)]
)
def test_contiguous_or_near(picture: str, joins: bool) -> None:
    """A contiguous (or within 10 km) place."""
    table = located([*SUBURB, ("b", "orl", "b", 1)]).table
    found = grouped_places(table, layer(picture))
    assert (found["pole"][code("b")] == code("a")) == joins


def test_from_the_least_up() -> None:
    """From the place that receives fewest patients up.

    c, the least, joins b, and goes with it to a when b's turn comes.

    ::

        abc
    """
    rows = [("a", "orl", "a", 99), ("b", "orl", "a", 40), ("b", "orl", "b", 40),
            ("c", "orl", "b", 9), ("c", "orl", "c", 9)]  # fmt: skip
    found = grouped_places(located(rows).table, layer("abc"))
    assert found["pole"].map(letter).tolist() == ["a", "a", "a"]


def test_each_grouping_is_reported() -> None:
    """Report each grouping."""
    grouping = located([*SUBURB, ("b", "orl", "b", 10)], layer("ab")).grouped().grouping
    assert grouping is not None
    joined = grouping[grouping["pole"] != grouping.index]
    assert joined.to_dict("index") == {code("b"): {"pole": code("a"), "share": 0.75}}


def dominant(*parts: int, minimum: int = 11) -> pd.Series:
    """Find the pole of commune a, of which so many go to b, c and d."""
    rows = [("a", "orl", "bcdef"[place], number) for place, number in enumerate(parts)]
    return tt.dominant_poles(located(rows), minimum=minimum).table.loc[(code("a"), "orl")]


def test_dominant_pole() -> None:
    """argmax_j F_s[i,j]; share = F_s[i,j*]/F_s[i,·]; margin to the runner-up."""
    found = dominant(20, 50, 30)
    assert found["pole"] == code("c")
    assert found["patients"] == 100
    assert (found["share"], found["margin"]) == pytest.approx((0.5, 0.2))


def test_exact_tie() -> None:
    """Exact tie → tied, no pole."""
    found = dominant(50, 50, 30)
    assert found["tied"]
    assert pd.isna(found["pole"])
    assert not dominant(51, 50)["tied"]


@pytest.mark.parametrize(("patients", "named"), [(10, False), (11, True)])
def test_below_the_volume_threshold(patients: int, named: bool) -> None:
    """Below a volume threshold (default 11 patients) → not significant."""
    found = dominant(patients - 3, 3)
    assert pd.notna(found["pole"]) == named
    assert pd.notna(dominant(patients - 3, 3, minimum=10)["pole"])


def test_scale_before_fusing() -> None:
    """Number of poles, patient-weighted mean distance, share of the first pole."""
    rows = [("a", "orl", "a", 60), ("b", "orl", "a", 20), ("A", "orl", "a", 40)]
    found = tt.activity_scale(located(rows, layer("abA"))).loc["orl"]
    assert (found["poles"], found["first_share"], found["scale"]) == (1, 1, "regional")
    assert found["distance_m"] == pytest.approx((20 * 1_000 + 40 * 2_000) / 120)


def test_hierarchy_of_poles() -> None:
    """Pole i → argmax_j F[i,j] (j ≠ i) if in_j > in_i (column sums without the diagonal)."""
    rows = [
        ("a", "orl", "a", 900),
        ("b", "orl", "a", 9),
        ("a", "orl", "b", 8),
        ("c", "orl", "b", 5),
    ]
    rows += [("c", "orl", "c", 90), ("b", "orl", "c", 3)]
    found = tt.pole_hierarchy(located(rows, layer("abc")))
    assert found["received"].tolist() == [9, 13, 3]
    assert found["rank"].tolist() == ["dominated", "dominant", "dominated"]


def test_recruitment_basin() -> None:
    """The smallest set of codes, by decreasing share, that supplies 80 % of its stays."""
    rows = [(one, "mco", "a", stays) for one, stays in zip("abcd", (50, 20, 10, 20), strict=True)]
    found = tt.recruitment_basin(located(rows, layer("abcd")), code("a"))
    assert found["cumulated"].to_dict() == {code("a"): 0.5, code("b"): 0.7, code("d"): 0.9}


def test_odds_ratio() -> None:
    """OR = (a+½)(d+½)/((b+½)(c+½)), 95 % interval exp(ln OR ± 1.96 √Σ 1/(x+½))."""
    rows = [("a", "orl", "a", 4), ("a", "orl", "b", 2), ("b", "orl", "a", 1), ("b", "orl", "b", 8)]
    found = tt.odds_ratios(located(rows, layer("ab"))).loc[(code("a"), code("a"))]
    ratio = 4.5 * 8.5 / (2.5 * 1.5)
    spread = 1.96 * math.sqrt(1 / 4.5 + 1 / 8.5 + 1 / 2.5 + 1 / 1.5)
    assert found["odds_ratio"] == pytest.approx(ratio)
    assert found["low"] == pytest.approx(math.exp(math.log(ratio) - spread))
    assert found["high"] == pytest.approx(math.exp(math.log(ratio) + spread))


# --- 5. Concordance ------------------------------------------------------------------------------


def classed(poles: str, minimum: int = 3) -> pd.Series:
    """Class a commune whose activities have these poles; a dot: fewer than 11 patients."""
    rows = [
        ("z", f"activity {number}", "a" if pole == "." else pole, 3 if pole == "." else 20)
        for number, pole in enumerate(poles)
    ]
    communes = layer("z")
    return tt.concordance(tt.dominant_poles(located(rows, communes)), minimum=minimum).loc[
        code("z")
    ]


@pytest.mark.parametrize(
    ("poles", "name", "pole"),
    [
        ("aaa", "always", "a"),
        ("aaaaa", "always", "a"),
        ("aaa..", "always", "a"),  # of the activities that have a dominant pole
        ("aaaab", "all_but_one", "a"),  # 4 of 5
        ("aab", "all_but_one", "a"),  # 2/3 is in 'all but one'
        ("aaaabb", "all_but_one", "a"),  # 4 of 6
        ("aaabb", "majority", "a"),  # 3 of 5
        ("aabc", "majority", "a"),  # 2 of 4: 50 %
        ("aaabcd", "majority", "a"),  # 3 of 6
        ("aabcd", "relative", "a"),  # 2 of 5
        ("aaabbcd", "relative", "a"),  # 3 of 7
        ("abcde", "none", None),  # 5 poles for 5 activities
        ("aabb", "none", None),  # a perfect tie of 2
        ("aabbc", "none", None),
        ("aabbcc", "none", None),  # … or 3
        ("abc", "none", None),
        ("aa", "insufficient", None),
        ("aa.....", "insufficient", None),
        (".", "insufficient", None),
    ],
)
def test_classes_of_the_legend(poles: str, name: str, pole: str | None) -> None:
    """The modal pole has m of the k activities that have a pole; the mode must be unique."""
    found = classed(poles)
    assert found["concordance"] == name
    assert (letter(found["pole"]) if pd.notna(found["pole"]) else None) == pole
    assert found["activities"] == sum(each != "." for each in poles)


@pytest.mark.parametrize(
    ("matched", "activities", "name"),
    [
        (33, 50, "all_but_one"),
        (65, 100, "majority"),
        (66, 100, "all_but_one"),
        (2, 3, "all_but_one"),
        (2, 4, "majority"),
        (49, 99, "relative"),
    ],
)
def test_shares_are_compared_as_integers(matched: int, activities: int, name: str) -> None:
    """Compare m/k exactly as integers."""
    others = [f"5{number:04d}" for number in range(activities - matched)]
    rows = [("a", f"s{number}", pole, 20) for number, pole in
            enumerate([code("b")] * matched + others)]  # fmt: skip
    found = tt.concordance(tt.dominant_poles(located(rows, layer("ab")))).loc[code("a")]
    assert found["concordance"] == name
    assert found["share"] == matched / activities


def test_fewer_activities_than_the_minimum() -> None:
    """Fewer than `minimum` (default 3) activities with a dominant pole: insufficient."""
    assert classed("aa")["concordance"] == "insufficient"
    assert classed("aa", minimum=2)["concordance"] == "always"
    assert classed("aaa", minimum=4)["concordance"] == "insufficient"
    assert pd.isna(classed("aa")["share"])


def test_liberal_and_hospital() -> None:
    """Liberal × hospital: agree, differ, only one known."""
    rows = [(home, f"s{number}", pole, 20) for home, pole in ("aa", "bb", "cc")
            for number in range(3)]  # fmt: skip
    agreement = tt.concordance(tt.dominant_poles(located(rows, layer("abcde"))))
    stays = located([("a", "all", "a", 20), ("b", "all", "a", 20), ("d", "all", "a", 20)],
                    layer("abcde"))  # fmt: skip
    found = tt.hospital_agreement(agreement, tt.dominant_poles(stays))
    assert found["agreement"].tolist() == [
        "agree", "differ", "liberal_only", "hospital_only", "neither",
    ]  # fmt: skip


def test_a_pole_that_lacks_an_activity() -> None:
    """A pole that lacks an activity can never reach "always"."""
    rows = [("a", name, "b" if name == "eye" else "a", 20) for name in ("orl", "eye", "skin")]
    flows = located(rows, layer("ab"))
    assert tt.presence(flows).loc[code("a")].to_dict() == {"eye": False, "orl": True, "skin": True}
    found = tt.attainable(tt.dominant_poles(flows), flows).loc[code("a")]
    assert (found["attainable"], found["lacking"]) == ("all_but_one", "eye")


def test_why_this_specialty_and_not_another() -> None:
    """Class and territory when each one is left out."""
    rows = [
        (one, name, "a" if one in "ab" or (one == "c" and name == "eye") else "d", 50)
        for one in "abcd"
        for name in ("ear", "eye", "nose", "skin")
    ]
    communes = layer("abcd")
    found = tt.leave_one_out(
        located(rows, communes), communes, territories=2, population=(None, None)
    )
    assert found.activities["class_changed"].to_dict() == {"ear": 0, "eye": 1, "nose": 0, "skin": 0}
    assert found.communes["territory_stable"].tolist() == [1, 1, 1, 1]


def test_superposability() -> None:
    """For each pair, share of communes and population with the same pole, κ, AMI, Fleiss' κ."""
    rows = [
        (one, name, pole, 20)
        for name, line in (("eye", "aabb"), ("skin", "abbb"))
        for one, pole in zip("abcd", line, strict=True)
    ]
    communes = layer("abcd")
    found = tt.superposition(tt.dominant_poles(located(rows, communes)), communes=communes)
    pair = found.pairs.loc[("eye", "skin")]
    assert (pair["agreement"], pair["population_agreement"]) == (3 / 4, 3 / 4)
    assert pair["kappa"] == pytest.approx((3 / 4 - 1 / 2) / (1 / 2))
    chance = (3 / 8) ** 2 + (5 / 8) ** 2
    assert found.fleiss == pytest.approx((3 / 4 - chance) / (1 - chance))


# --- 7. Measures of a territory -------------------------------------------------------------------


def measured(rows: list[tuple], territories: dict[str, str], picture: str, **options) -> pd.Series:
    """Measure territory x: rows are (residence, destination, patients)."""
    communes = layer(picture, people=30_000)
    zoning = tt.Zoning.from_labels(
        {code(each): name for each, name in territories.items()}, communes=communes
    )
    flows = located([(a, "orl", b, n) for a, b, n in rows], communes)
    return tt.evaluate(zoning, flows, **options).loc["x"]


SENT = [("a", "a", 60), ("a", "b", 30), ("a", "75056", 10), ("b", "a", 15), ("50001", "a", 5)]


def test_localisation_and_market_share() -> None:
    """LI = M[c,c]/out_c; leakage = 1 − LI; MSI = M[c,c]/in_c; attraction = 1 − MSI."""
    found = measured(SENT, {"a": "x", "b": "y"}, "ab")
    assert found[["li", "leakage", "msi", "attraction"]].tolist() == [0.6, 0.4, 0.75, 0.25]


def test_net_index() -> None:
    """Net index: (in_c − M[c,c])/(out_c − M[c,c])."""
    assert measured(SENT, {"a": "x", "b": "y"}, "ab")["net_index"] == 20 / 40


def test_leakage_to_which_poles() -> None:
    """Leakage by activity, and to which poles; attraction and from where."""
    communes = layer("ab")
    zoning = tt.Zoning.from_labels({code("a"): "x", code("b"): "y"}, communes=communes)
    found = tt.exchanges(zoning, located([(a, "orl", b, n) for a, b, n in SENT], communes))
    told = found[found["territory"] == "x"].set_index(["direction", "other"])["share"]
    assert told["leakage"].to_dict() == {code("b"): 0.3, "75056": 0.1}
    assert told["attraction"].to_dict() == {"y": 15 / 80, "50": 5 / 80}


def test_undefined_is_missing() -> None:
    """NaN, never a sentinel, where undefined."""
    found = measured([("b", "b", 20)], {"a": "x", "b": "y"}, "ab")
    for name in ("li", "leakage", "msi", "attraction", "net_index", "distance_to_care_m"):
        assert math.isnan(found[name]), name
    assert pd.isna(found["pole"])
    assert pd.isna(found["cut_off"])


@pytest.mark.parametrize(("communes", "size"), [("a", 1), ("ab", 2), ("abc", 3), ("abcdef", 4)])
def test_aci_size(communes: str, size: int) -> None:
    """1: < 40 000; 2: 40 000 to < 80 000; 3: 80 000 to < 175 000; 4: ≥ 175 000 inhabitants."""
    found = measured([("a", "a", 20)], dict.fromkeys(communes, "x"), "abcdef")
    assert found["aci_size"] == size
    people = 30_000 * len(communes)
    bounds = [0, 40_000, 80_000, 175_000, math.nan]
    assert found["above_bound"] == people - bounds[size - 1]
    assert found["next_bound"] == pytest.approx(bounds[size] - people, nan_ok=True)
    assert found["aci_maximum_2019"] == [185_000, 242_000, 315_000, 380_000][size - 1]


def test_compactness() -> None:
    """Polsby–Popper 4πA/P²; PAC = P/(2√(πA)): of a square of 2 km, π/4 and 2/√π."""
    found = measured([("a", "a", 20)], dict.fromkeys("abcd", "x"), "ab cd")
    assert found["compactness"] == pytest.approx(math.pi / 4)
    assert found["pac"] == pytest.approx(2 / math.sqrt(math.pi))


def test_travel() -> None:
    """Patient-weighted mean distance to care, and to the pole (straight line)."""
    rows = [("a", "a", 10), ("c", "a", 30), ("b", "b", 20)]
    found = measured(rows, dict.fromkeys("abc", "x"), "abc")
    assert found["distance_to_care_m"] == 30 * 2_000 / 60
    assert found["distance_to_pole_m"] == (30 * 2_000 + 20 * 1_000) / 60


def test_form() -> None:
    """Number of pieces, holes, enclaves; departments crossed; communes cut off from their pole."""
    territories = dict.fromkeys("abcdfghi", "x") | {"e": "y", "D": "x"}
    found = measured([("a", "a", 20)], territories, "abc.D def.. ghi..")
    names = ["pieces", "holes", "enclosed", "cut_off", "departments"]
    assert found[names].tolist() == [2, 1, 1, 1, "00 96"]


def test_shared_communes_count_by_weight() -> None:
    """Shared communes count by weight, so totals never exceed the region's."""
    communes = layer("ab")
    rows = pd.DataFrame(
        [(code("a"), "x", 0.75), (code("a"), "y", 0.25), (code("b"), "y", 1.0)],
        columns=["code", "territory", "weight"],
    )
    flows = located([("a", "orl", "a", 40), ("b", "orl", "a", 20)], communes)
    found = tt.evaluate(tt.Zoning(communes, rows), flows)
    assert found["population"].to_dict() == {"x": 750, "y": 1250}
    assert found["sent"].to_dict() == {"x": 30, "y": 30}
    assert found["received"].to_dict() == {"x": 45, "y": 15}
    assert found["inside"].to_dict() == {"x": 30, "y": 15}


def test_white_zones() -> None:
    """White zones: communes in no territory, and enclaves, are listed."""
    communes = layer("aaa.c aba..  aaa.d")
    zoning = tt.Zoning.from_labels(
        {code("a"): "x", code("b"): "y", code("c"): "x"}, communes=communes
    )
    found = tt.white_zones(zoning)["kind"]
    assert found.to_dict() == {code("b"): "enclave", code("d"): "uncovered"}


# --- 5b. Chains ----------------------------------------------------------------------------------


def test_the_chain_matrix(tmp_path: Path) -> None:
    """The chain matrix C[a,b] sums, over professions, the patients shared between practices."""
    lines = [
        "commune_1;profession_1;commune_2;profession_2;nb_patients",
        "00001;médecin généraliste;00002;infirmier;40",
        "00002;pharmacie;00001;médecin généraliste;30",
        "00002;infirmier;00002;pharmacie;20",
    ]
    path = tmp_path / "chains.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    matrix = tt.read_chains(path).together().table.set_index(["residence", "destination"])
    assert matrix["patients"].to_dict() == {("00001", "00002"): 70, ("00002", "00002"): 20}


# --- 9. Confidentiality --------------------------------------------------------------------------


def test_nothing_from_1_to_10() -> None:
    """Nothing that leaves may show a number of patients or stays from 1 to 10. 0 may be shown."""
    shown = Secrecy().counts(pd.Series(range(13)))
    assert shown.dropna().tolist() == [0, 11, 12]


def test_below_needs_a_word() -> None:
    """Going below needs an explicit acknowledgement."""
    with pytest.raises(tt.SecrecyError):
        Secrecy(threshold=10)
    with pytest.raises(tt.SecrecyError):
        Secrecy(professionals=5)
    assert Secrecy(threshold=5, acknowledged=True).counts(pd.Series([5])).tolist() == [5]


def test_not_found_by_subtraction() -> None:
    """Nor let it be found by subtracting shown cells from shown totals."""
    shown = Secrecy().parts({"a": 7, "b": 500, "c": 40})
    assert shown == {"a": None, "b": 500, "c": None}
    assert not Secrecy().hides_total({"a": 7, "b": 500, "c": 40})


def test_nor_by_a_share_beside_its_base() -> None:
    """Nor by a share shown beside its base."""
    part, whole = pd.Series([97, 3, 50, 0, 100, 5]), pd.Series([100, 100, 100, 100, 100, 5])
    shares = Secrecy().shares(part, whole)
    assert shares.isna().tolist() == [True, True, False, False, False, True]
    assert shares[2:5].tolist() == [0.5, 0.0, 1.0]


def test_a_pole_of_few_professionals_is_a_pole() -> None:
    """A pole where an activity has few professionals is shown as a pole; figures are not."""
    communes = layer("ab", people=30_000)
    flows = Flows(seen([("a", "orl", "P", 40), ("b", "orl", "P", 20)]), communes).located()
    zoning = tt.Zoning.from_labels({code("a"): "x", code("b"): "x"}, communes=communes)
    evidence = Evidence(poles=tt.dominant_poles(flows), flows=flows)
    with using("fr"):
        told = commune_table(zoning, evidence)
        measures = territory_table(zoning, evidence)
    assert told["pole_orl"].tolist() == [code("a"), code("a")]
    assert not [name for name in measures if "orl" in name]


def test_messages_never_quote_a_count(tmp_path: Path) -> None:
    """Error messages name file, row and column, quote codes and labels, never a count."""
    lines = ["00001;orl;PS123456;;8;1", "00999;orl;PS123456;;9;1", "00001;orl;PS123456;;8 x;1"]
    file = write_text(tmp_path / "extrait.csv", SPECIALISTS, lines, seed=None)
    with pytest.raises(tt.InputError) as refusal:
        tt.read_flows(file, communes=layer("ab"))
    told = str(refusal.value)
    for words in ("extrait.csv", "commune_residence", "rows 3", "'00999'", "nb_patients", "rows 4",
                  "'ORL'"):  # fmt: skip
        assert words in told
    assert "PS123456" not in told
    assert not re.search(r"(?<![\w'])[89](?![\w'])", told)


def test_no_professional_leaves(cli: Callable, region: dict[str, Path], tmp_path: Path) -> None:
    """No identifier of a professional leaves. It holds for every door."""
    text = region["flows"].read_text(encoding="utf-8")
    region["flows"].write_text(re.sub(r"PS\w+", lambda each: f"SECRET{each[0]}", text), "utf-8")
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert told.code == 0
    assert "SECRET" not in told.said
    for file in (tmp_path / "out").iterdir():
        assert b"SECRET" not in file.read_bytes()


def test_territories_are_of_the_full_data(cli: Callable, tmp_path: Path) -> None:
    """Territories are computed on the full data; masking happens at the door.

    ::

        abcd      every number is under the threshold, and the two towns are found all the same
        efgh
    """
    communes = layer("abcd efgh", people=30_000)
    towns = {"a": "a", "b": "a", "e": "a", "f": "a", "c": "d", "d": "d", "g": "d", "h": "d"}
    rows = [f"{code(home)};orl;PS{town};;{9 if home == town else 5};1"
            for home, town in towns.items()]  # fmt: skip
    files = {
        "communes": write_layer(tmp_path / "communes.geojson", communes),
        "flows": write_text(tmp_path / "specialistes.csv", SPECIALISTS, rows),
    }
    assert cli("run", *as_options(files), "--territories", 2, "--out", tmp_path / "out").code == 0
    record = json.loads((tmp_path / "out" / "communes.geojson").read_text(encoding="utf-8"))
    told = {each["properties"]["code"]: each["properties"] for each in record["features"]}
    assert {letter(each): letter(row["territoire"]) for each, row in told.items()} == towns
    assert {row["pole"] for row in told.values()} == {None}  # not significant
