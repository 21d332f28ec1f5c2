"""Comparison of two divisions: a worked example, a slow oracle in fractions, and properties."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, code, codes, drawn, random_layer, shuffle, zoning_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

import territories as tt
from territories._words import using

POPULATION = [1_000, 2_000, 3_000, 4_000, 500, 500, 1_000, 8_000]


def labelled(communes, text, seed=0):
    """Make labels, a letter for each commune in the order of codes; a dot: none."""
    labels = [None if letter == "." else letter for letter in text]
    return shuffle(pd.Series(labels, index=sorted(communes.index), dtype="object"), seed)


def worked():
    """Draw two zonings of eight communes.

    communes   inhabitants   zoning   other
    ABCD       1 2 3 4 k     xxyy     ppqq
    EFGH       .5 .5 1 8 k   xxy.     pqq.   in other, D is in r and H in none

    x = {A, B, E, F}, 4 000 people: A, B, E in p (3 500), F in q (500)
    y = {C, D, G}, 8 000: C, G in q (4 000), D in r (4 000)
    H, 8 000, is in neither.
    """
    communes = drawn("ABCD\nEFGH", population=POPULATION)
    zoning = tt.Zoning.from_labels(labelled(communes, "xxyyxxy."), communes=communes)
    return zoning, labelled(communes, "ppqrpqq.", seed=1)


def test_worked_example():
    zoning, other = worked()
    found = tt.compare(zoning, other)
    assert (found.compared, found.left_out) == (7, 1)
    # Pairs together in both: A B E in p (3), C G in q (1); in x and y 6 + 3, in p q r 3 + 3.
    expected = 9 * 6 / 21
    assert found.ari == pytest.approx((4 - expected) / ((9 + 6) / 2 - expected))
    # x–p 3 500 and y–q 4 000 (or y–r) of the 12 000 people of the seven.
    assert found.population_agreement == pytest.approx(7_500 / 12_000)
    jaccard = dict(zip("ABCDEFGH", found.jaccard, strict=True))
    assert found.jaccard.index.tolist() == codes("ABCDEFGH")
    assert math.isnan(jaccard.pop("H"))
    # F: x and q have it alone in common, of A B C E F G.
    assert jaccard == pytest.approx(
        dict.fromkeys("ABE", 3 / 4) | {"C": 2 / 4, "G": 2 / 4, "D": 1 / 3, "F": 1 / 6}
    )


def test_worked_cuts():
    zoning, other = worked()
    cut = tt.compare(zoning, other).cut
    assert cut.index.names == ["side", "territory"]
    assert list(cut.index) == [("zoning", t) for t in "xy"] + [("other", t) for t in "pqr"]
    assert cut["meets"].tolist() == [2, 2, 1, 2, 1]
    # q and r hold as many of y: the first in order.
    assert cut["largest"].tolist() == ["p", "q", "x", "y", "y"]
    shares = [3_500 / 4_000, 4_000 / 8_000, 1, 4_000 / 4_500, 1]
    assert cut["share"].tolist() == pytest.approx(shares)
    assert cut["uncovered"].tolist() == [0, 0, 0, 0, 0]


def test_repr_and_page():
    found = tt.compare(*worked())
    assert repr(found) == (
        f"<Comparison: ARI {found.ari:.2f}, AMI {found.ami:.2f}, 62% of people in agreement, "
        "7 communes compared, 1 left out>"
    )
    with using("fr"):
        page = found._repr_html_()
    assert "Indice de Rand ajusté" in page
    assert "<td>0,62</td>" in page
    assert "coupés par l’autre\u00a0: 2 sur 2" in page
    assert "coupés par le zonage\u00a0: 1 sur 3" in page
    with using("en"):
        assert "Adjusted mutual information" in found._repr_html_()


def test_the_page_quotes_names():
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels({code("A"): "<b>", code("B"): "<b>"}, communes=communes)
    page = tt.compare(zoning, labelled(communes, "xy"))._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


# --- What is uncovered, unknown, outside, or shared -----------------------------------------------


def test_only_communes_covered_by_both_are_compared():
    """B is uncovered by one, D by the other.

    ABCD   x.yy   ppq.
    """
    communes = drawn("ABCD", population=[10, 20, 30, 40])
    zoning = tt.Zoning.from_labels(labelled(communes, "x.yy"), communes=communes)
    found = tt.compare(zoning, labelled(communes, "ppq."))
    assert (found.compared, found.left_out) == (2, 2)
    assert found.ari == 1
    assert found.population_agreement == 1
    assert found.jaccard.isna().tolist() == [False, True, False, True]
    # p has B too, y has D too.
    assert found.jaccard.dropna().tolist() == [1 / 2, 1 / 2]
    assert found.cut["share"].tolist() == pytest.approx([1, 30 / 70, 10 / 30, 1])
    assert found.cut["uncovered"].tolist() == pytest.approx([0, 40 / 70, 20 / 30, 0])
    assert found.cut["meets"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("first", "second"), [("....", "xxyy"), ("xxyy", "...."), ("xx..", "..xx")]
)
def test_nothing_in_common_is_undefined(first, second):
    communes = drawn("ABCD")
    zoning = tt.Zoning.from_labels(labelled(communes, first), communes=communes)
    other = tt.Zoning.from_labels(labelled(communes, second), communes=communes)
    found = tt.compare(zoning, other)
    assert (found.compared, found.left_out) == (0, 4)
    for value in (found.ari, found.ami, found.population_agreement):
        assert math.isnan(value)
    assert found.jaccard.isna().all()
    assert set(found.cut["meets"]) <= {0}
    assert found.cut["largest"].isna().all()
    assert "nan" in repr(found)
    assert "–" in found._repr_html_()


def test_unknown_population():
    """Nobody knows how many live in B: what depends on it is missing, the rest stays."""
    communes = drawn("ABCD", population=[10, 20, 30, 40])
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("B"), "population"] = pd.NA
    zoning = tt.Zoning.from_labels(labelled(communes, "xxyy"), communes=communes)
    found = tt.compare(zoning, labelled(communes, "xxzy"))
    assert found.ari == pytest.approx(tt.compare(zoning, labelled(communes, "qqrs")).ari)
    assert math.isnan(found.population_agreement)
    assert found.cut["meets"].tolist() == [1, 2, 1, 1, 1]
    assert found.cut["share"].isna().tolist() == [True, False, True, False, False]
    assert found.cut["share"].dropna().tolist() == pytest.approx([40 / 70, 1, 1])
    assert found.cut["uncovered"].isna().tolist() == [True, False, True, False, False]


def test_nobody_lives_there():
    communes = drawn("AB", population=0)
    zoning = tt.Zoning.from_labels(labelled(communes, "xy"), communes=communes)
    found = tt.compare(zoning, zoning)
    assert found.ari == 1
    assert math.isnan(found.population_agreement)
    assert found.cut["share"].isna().all()


def test_what_lies_outside_the_layer_is_left_aside():
    zoning, other = worked()
    wider = pd.concat([other, pd.Series(["p", "q"], index=["75056", "69123"])])
    pd.testing.assert_frame_equal(tt.compare(zoning, wider).cut, tt.compare(zoning, other).cut)
    assert tt.compare(zoning, wider).left_out == 1
    larger = drawn("ABCDI\nEFGHJ", population=[*POPULATION, 9, 9])
    beyond = tt.Zoning.from_labels(labelled(larger, "ppqrpqq.pp"), communes=larger)
    found = tt.compare(zoning, beyond)
    assert found.population_agreement == tt.compare(zoning, other).population_agreement
    pd.testing.assert_series_equal(found.jaccard, tt.compare(zoning, other).jaccard)


def test_shared_communes_count_by_weight():
    """B is in x by 0.7 and y by 0.3; the other side has it in y by 0.4 and in x by 0.6.

    ABC   10, 100, 10 people
    """
    communes = drawn("ABC", population=[10, 100, 10])
    rows = [("A", "x", 1), ("B", "x", 0.7), ("B", "y", 0.3), ("C", "y", 1)]
    others = [("A", "x", 1), ("B", "x", 0.6), ("B", "y", 0.4), ("C", "y", 1)]
    zoning, other = (
        tt.Zoning(
            communes=communes,
            membership=shuffle(
                pd.DataFrame(
                    [
                        (code(letter), territory, float(weight))
                        for letter, territory, weight in each
                    ],
                    columns=["code", "territory", "weight"],
                )
            ),
        )
        for each in (rows, others)
    )
    found = tt.compare(zoning, other)
    assert found.population_agreement == pytest.approx((10 + 60 + 30 + 10) / 120)
    assert found.cut.loc[("zoning", "x"), "share"] == pytest.approx((10 + 60) / 80)
    assert found.cut.loc[("zoning", "x"), "meets"] == 2
    assert found.ari == 1  # by main territory
    assert tt.compare(zoning, zoning).population_agreement == pytest.approx(1)


# --- Refusals -------------------------------------------------------------------------------------


def test_refusals():
    zoning, other = worked()
    with pytest.raises(tt.InputError, match="not with a dict"):
        tt.compare(zoning, other.to_dict())
    with pytest.raises(tt.InputError, match=r"None of the communes .*'1', '2'.*5 characters"):
        tt.compare(zoning, pd.Series(["x", "y"], index=[1, 2]))
    with pytest.raises(tt.InputError, match=r"weights of a commune .*'00001'"):
        tt.compare(zoning, pd.concat([other, other[[code("A")]]]))


# --- A slow oracle --------------------------------------------------------------------------------


def naive(zoning, other):
    """Work all out again by loops over communes, pairs and matchings, in fractions."""
    people = {each: int(n) for each, n in zoning.communes["population"].items()}
    sides = []
    for each in (zoning, other):
        members: dict[str, dict[str, Fraction]] = {}
        for row in each.membership.itertuples():
            members.setdefault(row.code, {})[row.territory] = Fraction(row.weight)
        sides.append(members)
    both = sorted(set(sides[0]) & set(sides[1]))
    main = [
        {
            place: min(members, key=lambda name: (-members[name], name))
            for place, members in side.items()
        }
        for side in sides
    ]

    def ari():
        pairs = list(itertools.combinations(both, 2))
        one = [main[0][a] == main[0][b] for a, b in pairs]
        two = [main[1][a] == main[1][b] for a, b in pairs]
        if one == two:
            return 1
        expected = Fraction(sum(one) * sum(two), len(pairs))
        agreed = sum(a and b for a, b in zip(one, two, strict=True))
        return (agreed - expected) / (Fraction(sum(one) + sum(two), 2) - expected)

    names = [sorted({name for members in side.values() for name in members}) for side in sides]

    def held(a, b):
        return sum(
            people[c] * min(sides[0][c].get(a, 0), sides[1][c].get(b, 0))
            for c in set(sides[0]) & set(sides[1])
        )

    def agreement():
        few, many = sorted(names, key=len)
        turned = few is not names[0]
        return max(
            sum(held(b, a) if turned else held(a, b) for a, b in zip(few, chosen, strict=True))
            for chosen in itertools.permutations(many, len(few))
        ) / Fraction(sum(people[c] for c in both))

    def jaccard(place):
        sets = [{c for c, name in each.items() if name == each[place]} for each in main]
        return Fraction(len(sets[0] & sets[1]), len(sets[0] | sets[1]))

    def size(a):
        return sum(people[c] * members.get(a, 0) for c, members in sides[0].items())

    return ari, agreement, {place: jaccard(place) for place in both}, names, held, size


@st.composite
def zonings(draw, *, shared=True):
    """Draw a layer and two zonings of it, white zones and shared communes too."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(4, 4), (3, 4), (2, 3), (1, 3), (1, 1)]))
    communes = random_layer(generator, *shape)
    found = []
    for names in (["north", "east", "south", "west"], ["a", "b", "c"]):
        rows = []
        white = generator.choice([0, 0.2])
        for each in communes.index:
            chance = generator.random()
            number = 0 if chance < white else 2 if shared and chance > 0.85 else 1
            chosen = generator.choice(names, number, replace=False)
            weights = [0.75, 0.25] if number == 2 else [1.0] * number
            rows += zip([each] * number, chosen.tolist(), weights, strict=True)
        frame = pd.DataFrame(rows, columns=["code", "territory", "weight"])
        frame = frame.astype({"code": "str", "territory": "str", "weight": "float64"})
        found.append(tt.Zoning(communes=communes, membership=shuffle(frame)))
    return found


@HEAVY
@given(zonings())
def test_against_the_oracle(both):
    found = tt.compare(*both)
    ari, agreement, jaccard, names, held, size = naive(*both)
    assert found.compared + found.left_out == len(both[0].communes)
    assert found.jaccard.dropna().to_dict() == pytest.approx(jaccard)
    assert found.compared == len(jaccard)
    if found.compared:
        assert found.ari == pytest.approx(float(ari()))
        people = both[0].communes["population"]
        if people[found.jaccard.dropna().index].sum():
            assert found.population_agreement == pytest.approx(float(agreement()))
    for a in names[0]:
        parts = {b: held(a, b) for b in names[1]}
        row = found.cut.loc[("zoning", a)]
        total = size(a)
        best = max(parts.values(), default=0)
        assert (
            row["share"] == pytest.approx(float(best / total) if total else math.nan, nan_ok=True)
            or not best
        )
        if best:
            assert row["largest"] == min(b for b in parts if parts[b] == best)


# --- Properties -----------------------------------------------------------------------------------


def side(found, name):
    """Give what one side's territories become; there may be none."""
    return found.cut[found.cut.index.get_level_values("side") == name].droplevel("side")


def figures(found):
    return [found.ari, found.ami, found.population_agreement]


@HEAVY
@given(zonings())
def test_both_ways(both):
    found, back = tt.compare(*both), tt.compare(*both[::-1])
    assert figures(found) == pytest.approx(figures(back), nan_ok=True)
    pd.testing.assert_series_equal(found.jaccard, back.jaccard)
    pd.testing.assert_frame_equal(side(found, "zoning"), side(back, "other"))
    pd.testing.assert_frame_equal(side(found, "other"), side(back, "zoning"))


@HEAVY
@given(zonings())
def test_with_itself(both):
    zoning = both[0]
    found = tt.compare(zoning, zoning)
    if found.compared:
        assert (found.ari, found.ami) == pytest.approx((1, 1))
        assert found.population_agreement == pytest.approx(1) or not found.cut["share"].any()
        assert set(found.jaccard.dropna()) == {1.0}
    if not len(zoning.shared):
        assert set(found.cut["meets"]) <= {1}
        assert set(found.cut["share"].dropna()) <= {1.0}


@HEAVY
@given(zonings(), st.permutations(["north", "east", "south", "west"]))
def test_names_do_not_matter(both, names):
    zoning, other = both
    renamed = dict(zip(["north", "east", "south", "west"], names, strict=True))
    table = zoning.membership.assign(territory=zoning.membership["territory"].map(renamed))
    again = tt.Zoning(communes=zoning.communes, membership=shuffle(table))
    found, other_names = tt.compare(zoning, other), tt.compare(again, other)
    if zoning.labels.map(renamed).equals(again.labels):  # ties of weights go by name
        assert figures(found) == pytest.approx(figures(other_names), nan_ok=True)
        pd.testing.assert_series_equal(found.jaccard, other_names.jaccard)


@HEAVY
@given(zonings(), st.integers(0, 2**31))
def test_rows_may_come_in_any_order(both, seed):
    zoning, other = both
    again = tt.Zoning(
        communes=shuffle(zoning.communes, seed), membership=shuffle(zoning.membership, seed)
    )
    found, shuffled = tt.compare(zoning, other), tt.compare(again, other)
    assert figures(found) == pytest.approx(figures(shuffled), abs=0, rel=0, nan_ok=True)
    pd.testing.assert_series_equal(found.jaccard, shuffled.jaccard, check_exact=True)
    pd.testing.assert_frame_equal(found.cut, shuffled.cut, check_exact=True)


@HEAVY
@given(zonings(shared=False), st.integers(0, 2**31))
def test_labels_are_as_good_as_a_zoning(both, seed):
    zoning, other = both
    found, by_labels = tt.compare(zoning, other), tt.compare(zoning, shuffle(other.labels, seed))
    assert figures(found) == pytest.approx(figures(by_labels), nan_ok=True)
    pd.testing.assert_frame_equal(found.cut, by_labels.cut)
    labels = pd.concat([zoning.labels, other.labels], axis=1).dropna()
    if len(labels) and found.ami != 1:
        expected = adjusted_mutual_info_score(labels.iloc[:, 0], labels.iloc[:, 1])
        assert found.ami == pytest.approx(expected)


def test_cvl_against_its_epci(cvl, cvl_communes):
    """The planted territories against the groupings of communes of the layer's file."""
    truth = pd.read_csv(cvl / "truth_territories.csv", dtype="str").set_index("code")["territory"]
    zoning = tt.Zoning.from_labels(
        truth[truth.index.isin(cvl_communes.index)], communes=cvl_communes
    )
    zones = pd.read_csv(cvl.parent / "france" / "communes_zonages_2024.csv", dtype="str")
    column = next(name for name in zones if "epci" in name.lower())
    key = next(name for name in zones if name.lower() in ("code", "codgeo", "com"))
    found = tt.compare(zoning, shuffle(zones.set_index(key)[column]))
    assert (found.compared, found.left_out) == (1_756, 0)
    assert 0.2 < found.ari < found.population_agreement < 1
    assert len(found.cut.loc["zoning"]) == 24
    assert found.cut["share"].between(0, 1).all()
    assert (found.cut["meets"] >= 1).all()


# --- Cross table, matches, communes that differ ---------------------------------------------------


def test_worked_cross_table():
    zoning, other = worked()
    cross = tt.compare(zoning, other).cross
    assert list(cross.index) == [("x", "p"), ("x", "q"), ("y", "q"), ("y", "r")]
    assert cross.index.names == ["territory", "other"]
    assert cross["communes"].tolist() == [3, 1, 2, 1]
    assert cross["population"].tolist() == [3_500, 500, 4_000, 4_000]
    assert cross["share"].tolist() == pytest.approx([7 / 8, 1 / 8, 1 / 2, 1 / 2])
    assert cross["share_other"].tolist() == pytest.approx([1, 1 / 9, 8 / 9, 1])


def test_worked_matches_and_differences():
    """F is in q, of which most is y, and its x is mostly p; D is in r, which is all y's."""
    zoning, other = worked()
    found = tt.compare(zoning, other)
    assert found.matches.to_dict() in ({"x": "p", "y": "q"}, {"x": "p", "y": "r"})
    differs = found.differs
    assert differs.index.tolist() == [code("F")]
    row = differs.loc[code("F")]
    assert (row["territory"], row["other"], row["population"]) == ("x", "q", 500)
    assert differs.crs == zoning.communes.crs


def test_a_refinement_differs_nowhere():
    """Each of x and y in two parts: nothing differs, either way, though few people are matched.

    AABB   xxyy   pqrs
    """
    communes = drawn("ABCD", population=[10, 20, 30, 40])
    coarse = tt.Zoning.from_labels(labelled(communes, "xxyy"), communes=communes)
    fine = tt.Zoning.from_labels(labelled(communes, "pqrs"), communes=communes)
    for one, other in ((coarse, fine), (fine, coarse)):
        found = tt.compare(one, other)
        assert found.differs.empty
        assert found.population_agreement == pytest.approx(60 / 100)
    assert tt.compare(fine, coarse).matches.isna().sum() == 2
    assert tt.compare(coarse, fine).matches.to_dict() == {"x": "q", "y": "s"}


def test_crumbs_of_weights_make_no_difference():
    """Of x, one has 0.1 of A and 0.2 of B, the other 0.3 of C: equals, of which p is the first.

    ABC, one inhabitant each.
    """
    communes = drawn("ABC", population=1)
    rows = [("A", "x", 0.1), ("B", "x", 0.2), ("C", "x", 0.3)]
    rows += [("A", "y", 0.9), ("B", "y", 0.8), ("C", "y", 0.7)]
    for names in ("qqp", "ppq"):
        found = tt.compare(zoning_of(communes, rows), labelled(communes, names))
        assert found.cut.loc[("zoning", "x"), "largest"] == "p"


def test_differences_at_ties():
    """As many people of x in p as in q: the one with more communes, then the first in order.

    ABCD   1 1 2 1 people, then none   xxxy   ppqq and pqqq
    """
    communes = drawn("ABCD", population=[1, 1, 2, 1])
    zoning = tt.Zoning.from_labels(labelled(communes, "xxxy"), communes=communes)
    # x is mostly p, by communes; q mostly x, by people; y is all q: nothing differs.
    assert tt.compare(zoning, labelled(communes, "ppqq")).differs.empty
    nobody = drawn("ABCD", population=0)
    zoning = tt.Zoning.from_labels(labelled(nobody, "xxyy"), communes=nobody)
    found = tt.compare(zoning, labelled(nobody, "pqqq"))
    # p and q hold one commune of x each: p comes first, and q is mostly y. So B differs.
    assert found.differs.index.tolist() == [code("B")]
    assert found.cross["share"].isna().all()


@HEAVY
@given(zonings())
def test_cross_table_against_the_oracle(both):
    zoning, other = both
    found = tt.compare(zoning, other)
    *_, names, held, size = naive(zoning, other)
    pairs = {(a, b): held(a, b) for a in names[0] for b in names[1]}
    for pair, population in found.cross["population"].items():
        assert population == pytest.approx(float(pairs.pop(pair)))
    assert not any(pairs.values())
    for (territory, zone), share in found.cross["share"].items():
        whole = size(territory)
        if whole:
            assert share == pytest.approx(float(held(territory, zone) / whole))
        else:
            assert math.isnan(share)
    # Who is in a pair of matches is in agreement.
    matched = found.matches.dropna()
    assert matched.is_unique
    if not math.isnan(found.population_agreement):
        people = sum(held(a, b) for a, b in matched.items())
        both = sum(zoning.communes["population"][found.jaccard.notna()[lambda each: each].index])
        assert found.population_agreement == pytest.approx(float(people) / both)


@HEAVY
@given(zonings(shared=False))
def test_indices_against_scikit_learn(both):
    zoning, other = both
    found = tt.compare(zoning, other)
    one, two = zoning.labels, other.labels
    known = one.notna() & two.notna()
    if not known.any():
        assert math.isnan(found.ari)
        return
    one, two = one[known].tolist(), two[known].tolist()
    alone = len(set(zip(one, two, strict=True))) == len(set(one)) == len(set(two))
    assert found.ari == pytest.approx(1 if alone else adjusted_rand_score(one, two))
    assert found.ami == pytest.approx(1 if alone else adjusted_mutual_info_score(one, two))


# --- Several zonings in one table -----------------------------------------------------------------


def test_several_zonings_in_one_table():
    zoning, labels = worked()
    other = tt.Zoning.from_labels(labels, communes=zoning.communes)
    table = tt.comparisons(zoning, {"b": other, "a": zoning})
    assert table.index.tolist() == ["b", "a"]  # as given
    row, found = table.loc["b"], tt.compare(zoning, other)
    assert (row["ari"], row["ami"]) == (found.ari, found.ami)
    assert (row["zones"], row["crossing"], row["left_out"]) == (3, 0, 1)
    people = np.array(POPULATION[:7])
    weighted = (found.jaccard.dropna().to_numpy() * people).sum() / people.sum()
    assert row["jaccard"] == pytest.approx(weighted)
    assert row["differing"] == pytest.approx(500 / 20_000)
    assert (row["territories_cut"], row["territories_cut_share"]) == (2, 1)
    assert (row["zones_cut"], row["zones_cut_share"]) == (1, pytest.approx(4_500 / 12_000))
    assert [row[f"aci_{size}"] for size in range(1, 5)] == [3, 0, 0, 0]
    same = table.loc["a"]
    assert (same["population_agreement"], same["jaccard"], same["zones_cut"]) == (1, 1, 0)
    assert tt.comparisons(zoning, {}).empty


def test_zonings_of_nobody_in_the_table():
    """A zoning without a territory is compared all the same, on either side."""
    communes = drawn("AB", population=[10, 20])
    some, none = (
        tt.Zoning.from_labels(labelled(communes, text), communes=communes) for text in ("xy", "..")
    )
    row = tt.comparisons(none, {"o": some}).loc["o"]
    assert (row["zones"], row["territories_cut"], row["zones_cut"], row["left_out"]) == (2, 0, 0, 2)
    assert math.isnan(row["territories_cut_share"])
    back = tt.comparisons(some, {"o": none}).loc["o"]
    assert (back["zones"], back["territories_cut"], back["zones_cut"]) == (0, 0, 0)
    assert math.isnan(back["zones_cut_share"])


def test_zones_beyond_the_layer_in_the_table():
    """The other zoning is of a larger layer: x has 90 000 people outside.

    AB   10, 20 people; C 90 000 outside   xx   xyx
    """
    communes = drawn("AB", population=[10, 20])
    larger = drawn("ABC", population=[10, 20, 90_000])
    zoning = tt.Zoning.from_labels(labelled(communes, "xx"), communes=communes)
    other = tt.Zoning.from_labels(labelled(larger, "xyx"), communes=larger)
    row = tt.comparisons(zoning, {"o": other}).loc["o"]
    assert (row["zones"], row["crossing"]) == (2, 1)
    assert [row[f"aci_{size}"] for size in range(1, 5)] == [2, 0, 0, 0]
    assert [row[f"aci_{size}_whole"] for size in range(1, 5)] == [1, 0, 1, 0]
