"""The card of a commune: its figures, what it hides, and what it says a move would change."""

import math

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, code, drawn, flows, grid, letters, random_flows, random_layer, shuffle
from hypothesis import given, settings
from hypothesis import strategies as st

import territories as tt
from territories._destinations import cells_of, first_places
from territories._words import using
from territories.card import commune_code, explain
from territories.revisions import Revision

FEW = settings(HEAVY, max_examples=15)


def shared_zoning(layer, rows):
    """Make a zoning of (letter, territory, weight)."""
    table = pd.DataFrame(
        [(code(letter), territory, weight) for letter, territory, weight in rows],
        columns=["code", "territory", "weight"],
    )
    return tt.Zoning(communes=layer, membership=shuffle(table))


@pytest.fixture
def world():
    """Give two territories of three communes, and flows.

    A B C | territory x: A, B, C; pole B
    D E F | territory y: D, E, F; pole E
    """
    layer = drawn("ABC\nDEF", population=[20_000, 10_000, 10_000, 30_000, 5_000, 5_000])
    zoning = tt.Zoning.from_labels(
        shuffle(pd.Series({code(each): "x" if each in "ABC" else "y" for each in "ABCDEF"})),
        communes=layer,
    )
    rows = [("AB", 60), ("AE", 40), ("BB", 100), ("CB", 30), ("CE", 70), ("CF", 4)]
    rows += [("DE", 80), ("DB", 20), ("EE", 50), ("FE", 12)]
    return zoning, letters(rows, layer)


def loop_measures(zoning, table):
    """Measure what each territory keeps and sends, pair by pair: the lesser weight is inside."""
    weights = {}
    for row in zoning.membership.itertuples():
        weights.setdefault(row.territory, {})[row.code] = row.weight
    found = {}
    for territory, held in weights.items():
        inside = sent = 0.0
        for row in table.itertuples():
            sent += row.patients * held.get(row.residence, 0.0)
            inside += row.patients * min(
                held.get(row.residence, 0.0), held.get(row.destination, 0.0)
            )
        found[territory] = (inside, sent)
    return found


def test_flows_of_a_commune(world):
    """C: 70 to E, 30 to B, 4 to F; shares of 104."""
    zoning, moving = world
    card = explain(zoning, moving, code("C"))
    own = card.flows[card.flows["scope"] == "activity"]
    assert own["kind"].tolist() == ["pole", "pole", "pole", "total"]
    assert own["pole"].tolist()[:3] == [code("E"), code("B"), code("F")]
    assert own["patients"].tolist() == [70, 30, 4, 104]
    assert own["share"].tolist() == pytest.approx([70 / 104, 30 / 104, 4 / 104, 1])
    assert (card.home, card.towards) == ("other", "y")
    assert card.agreement["concordance"] == "insufficient"


def test_a_move_before_and_after(world):
    """C goes from x to y: what x keeps of C, and y gains.

    x keeps AB 60, BB 100, CB 30 of 304 and then AB, BB of 200; y keeps DE 80, EE 50, FE 12 of 162
    and then also CE 70, CF 4 of 266.
    """
    zoning, moving = world
    moves = explain(zoning, moving, code("C")).moves
    to_y = moves[moves["target"] == "y"].set_index("territory")
    assert to_y["role"].tolist() == ["leaves", "joins"]
    assert to_y["kind"].unique().tolist() == ["neighbour"]
    assert to_y.loc["x", "li_before"] == pytest.approx(190 / 304)
    assert to_y.loc["x", "li_after"] == pytest.approx(160 / 200)
    assert to_y.loc["y", "li_before"] == pytest.approx(142 / 162)
    assert to_y.loc["y", "li_after"] == pytest.approx(216 / 266)
    assert to_y["population_before"].tolist() == [40_000, 40_000]
    assert to_y["population_after"].tolist() == [30_000, 50_000]
    assert to_y["aci_before"].tolist() == [2, 2]
    assert to_y["aci_after"].tolist() == [1, 2]
    assert to_y["adjacent"].all()
    assert not to_y["cuts"].any()
    released = moves[moves["target"].isna()]
    assert released["kind"].tolist() == ["release"]
    assert released["territory"].tolist() == ["x"]


def test_a_move_that_cuts(world):
    zoning, moving = world
    moves = explain(zoning, moving, code("B")).moves
    assert moves["cuts"].all()
    left = moves[moves["role"] == "leaves"]
    assert left["pieces_before"].tolist() == [1, 1]
    assert left["pieces_after"].tolist() == [2, 2]


def test_the_second_territory_may_be_far():
    """A B C, one territory each: C is the second of A, which it does not touch."""
    layer = grid(1, 3)
    zoning = tt.Zoning.from_labels({code("A"): "x", code("B"): "y", code("C"): "z"}, communes=layer)
    table = pd.DataFrame(
        {"core_share": 0.6, "second": "z", "second_share": 0.4, "flow_gap": 0.1},
        index=pd.Index([code("A")]),
    )
    card = explain(zoning, letters([("AC", 50), ("AA", 60)], layer), code("A"), stability=table)
    kinds = card.moves.drop_duplicates("target").set_index("target")
    assert kinds.loc["y", "kind"] == "neighbour"
    assert kinds.loc["z", "kind"] == "second"
    assert not kinds.loc["z", "adjacent"]
    emptied = card.moves[card.moves["role"] == "leaves"]
    assert (emptied["pieces_after"] == 0).all()
    assert emptied["li_after"].isna().all()
    assert emptied["aci_after"].isna().all()


def random_case(seed, *, shared):
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 4, 4)
    moving = random_flows(generator, layer, 120)
    rows = []
    for each in layer.index:
        names = generator.choice(["x", "y", "z"], 2, replace=False)
        draw = generator.random()
        if shared and draw < 0.35:
            rows += [(each, names[0], 0.75), (each, names[1], 0.25)]
        elif draw < 0.9:
            rows.append((each, names[0], 1.0))
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    return layer, moving, tt.Zoning(communes=layer, membership=shuffle(table, seed % 97))


@FEW
@given(st.integers(0, 2**32 - 1))
def test_moves_are_those_of_revise_and_evaluate(seed):
    """Without shared communes, before and after are `evaluate` before and after `revise`."""
    _, moving, zoning = random_case(seed, shared=False)
    own = zoning.membership["code"].iloc[0]
    moves = explain(zoning, moving, own).moves
    before = tt.evaluate(zoning, moving)
    for target, rows in moves.groupby("target", dropna=False):
        action = ("release", None) if pd.isna(target) else ("move", target)
        revised = zoning.revise([Revision(action[0], own, target=action[1])], force=True)
        after = tt.evaluate(revised, moving)
        cut = revised.pieces().reindex(zoning.pieces().index).fillna(0) > zoning.pieces()
        for row in rows.itertuples():
            assert row.population_before == before.loc[row.territory, "population"]
            assert row.li_before == pytest.approx(before.loc[row.territory, "li"], nan_ok=True)
            assert row.aci_before == before.loc[row.territory, "aci_size"]
            assert row.pieces_before == before.loc[row.territory, "pieces"]
            if row.territory in after.index:
                assert row.population_after == after.loc[row.territory, "population"]
                assert row.li_after == pytest.approx(after.loc[row.territory, "li"], nan_ok=True)
                assert row.aci_after == after.loc[row.territory, "aci_size"]
                assert row.pieces_after == after.loc[row.territory, "pieces"]
            else:
                assert row.pieces_after == 0
        left = rows.loc[rows["role"] == "leaves", "territory"]
        assert rows["cuts"].all() == cut.reindex(left).any()


@FEW
@given(st.integers(0, 2**32 - 1))
def test_moves_of_shared_communes(seed):
    """With weights: a loop over all pairs, the lesser weight being inside, before and after."""
    _, moving, zoning = random_case(seed, shared=True)
    listed = zoning.shared["code"]
    own = listed.iloc[0] if len(listed) else zoning.membership["code"].iloc[0]
    before = loop_measures(zoning, moving.table)
    moves = explain(zoning, moving, own).moves
    targets = set(zoning.membership.loc[zoning.membership["code"] == own, "territory"])
    if len(targets) > 1:
        assert targets <= set(moves.loc[moves["kind"] == "shared", "target"])
    for target, rows in moves.groupby("target", dropna=False):
        action = ("release", None) if pd.isna(target) else ("move", target)
        revised = zoning.revise([Revision(action[0], own, target=action[1])], force=True)
        after = loop_measures(revised, moving.table)
        people = revised.territories["population"]
        for row in rows.itertuples():
            assert (row.inside_before, row.sent_before) == pytest.approx(before[row.territory])
            expected = after.get(row.territory, (0.0, 0.0))
            assert (row.inside_after, row.sent_after) == pytest.approx(expected, abs=1e-6)
            assert row.population_after == people.get(row.territory, 0)


def test_own_patients_of_a_shared_commune_are_not_leakage():
    """A is shared by halves and sees its own patients: all of it is inside."""
    layer = grid(1, 3)
    zoning = shared_zoning(
        layer, [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 1.0), ("C", "y", 1.0)]
    )
    moves = explain(zoning, letters([("AA", 100)], layer), code("A")).moves
    assert moves["li_before"].dropna().eq(1).all()


def test_order_of_rows_does_not_matter(world):
    zoning, moving = world
    texts = set()
    for seed in range(4):
        other = tt.Flows(shuffle(moving.table, seed), communes=shuffle(zoning.communes, seed))
        again = tt.Zoning(shuffle(zoning.communes, seed), shuffle(zoning.membership, seed))
        texts.add(str(explain(again, other, code("C"))))
    assert len(texts) == 1


def test_equal_poles_in_order_of_code(world):
    zoning, _ = world
    moving = letters([("AE", 20), ("AB", 20), ("AD", 20), ("AC", 20)], zoning.communes)
    card = explain(zoning, moving, code("A"))
    poles = card.flows.loc[card.flows["kind"] == "pole", "pole"]
    assert poles.tolist()[:3] == [code(each) for each in "BCD"]
    assert card.flows["kind"].tolist().count("elsewhere") == 2
    assert card.home == "tied"


# What a card hides


def test_small_counts_are_hidden_with_another(world):
    """C: 70, 30 and 4 of 104: the 4 is hidden, and the 30 with it, or 104 would give it away."""
    zoning, moving = world
    shown = explain(zoning, moving, code("C")).shown.flows
    own = shown[shown["scope"] == "activity"]
    assert own["patients"].isna().tolist() == [False, True, True, False]
    assert own["share"].isna().tolist() == [False, True, True, False]
    assert own["hidden"].tolist() == [False, True, True, False]


def test_zero_is_shown_and_nothing_is_said_of_nobody(world):
    zoning, _ = world
    card = explain(zoning, letters([("AB", 0)], zoning.communes), code("A"))
    assert card.shown.flows["patients"].tolist() == [0]
    assert card.home == "unknown"
    assert "has no patients" in str(card)


def test_few_professionals_are_hidden():
    """Five practise at B: its figures are hidden, and the total or another with them."""
    layer = grid(1, 3, population=5_000)
    rows = [(code("A"), "eyes", f"p{number}", 40) for number in range(12)]
    rows += [(code("B"), "eyes", f"p{number}", 60) for number in range(5)]
    rows += [(code("C"), "eyes", f"p{number}", 70) for number in range(5, 12)]
    table = pd.DataFrame(rows, columns=["residence", "activity", "practitioner", "patients"])
    moving = tt.Flows(shuffle(table), communes=layer).located()
    assert moving.professionals.to_dict() == {("eyes", code("B")): 5, ("eyes", code("C")): 7}
    zoning = tt.Zoning.from_labels(dict.fromkeys(layer.index, "x"), communes=layer)
    card = explain(zoning, moving, code("A"))
    shown = card.shown.flows.set_index(["scope", "kind", "pole"])["patients"]
    assert pd.isna(shown["activity", "pole", code("B")])
    assert pd.isna(shown["all", "pole", code("B")])
    known = shown["activity"].isna()
    assert known.sum() >= 2
    pole = pd.Series({code("A"): code("C"), code("B"): code("C")})
    together = moving.grouped(pole).professionals
    assert together.to_dict() == {("eyes", code("C")): 12}


def test_masked_cells_have_bounds(world):
    """One masked cell of A counts as 5, from 1 to 10: hidden, and its bounds are exact."""
    zoning, _ = world
    table = pd.DataFrame(
        {
            "residence": code("A"),
            "activity": "eyes",
            "destination": [code("B"), code("C"), code("D")],
            "patients": [50, 5, 60],
            "masked": [0, 1, 0],
        }
    )
    card = explain(zoning, tt.Flows(shuffle(table), communes=zoning.communes), code("A"))
    one = card.flows[card.flows["pole"] == code("C")].iloc[0]
    assert (one["patients"], one["low"], one["high"]) == (5, 1, 10)
    total = card.flows[card.flows["kind"] == "total"].iloc[0]
    assert (total["low"], total["high"]) == (111, 120)
    shown = card.shown.flows
    assert shown.loc[shown["pole"] == code("C"), "hidden"].all()
    # Several masked cells that may be 3 in all are hidden though they count as 15.
    several = tt.Flows(table.assign(patients=[50, 15, 60], masked=[0, 3, 0]))
    shown = explain(zoning, several, code("A")).shown.flows
    assert shown.loc[shown["pole"] == code("C"), "hidden"].all()


@FEW
@given(st.integers(0, 2**32 - 1))
def test_no_small_count_is_shown(seed):
    """No count of 1 to 10, nor a share of which part, whole or rest is one, is among the shown."""
    layer, moving, zoning = random_case(seed, shared=True)
    own = min(layer.index)
    shown = explain(zoning, moving, own).shown.flows
    exact = explain(zoning, moving, own).flows
    assert not shown["patients"].between(1, 10).fillna(value=False).any()
    totals = (
        exact["activity"]
        .fillna("")
        .map(
            exact[exact["kind"] == "total"]
            .assign(activity=lambda rows: rows["activity"].fillna(""))
            .set_index("activity")["patients"]
        )
    )
    for part, whole, share in zip(exact["patients"], totals, shown["share"], strict=True):
        if not math.isnan(share):
            assert not any(0 < count < 11 for count in (part, whole, whole - part))


# Kinds of communes


def test_poles_are_those_of_dominant_poles():
    for seed in range(6):
        layer, moving, zoning = random_case(seed, shared=False)
        poles = tt.dominant_poles(moving)
        stays = random_flows(np.random.default_rng(seed + 1), layer, 80)
        classes = tt.concordance(poles, minimum=3)
        hospital = tt.hospital_agreement(classes, tt.dominant_poles(stays.together()))
        for own in layer.index:
            alone = explain(zoning, moving, own, stays=stays).agreement
            given_poles = explain(zoning, moving, own, poles=poles, stays=stays).agreement
            pd.testing.assert_series_equal(alone, given_poles)
            for name in ("concordance", "matched", "activities"):
                assert alone[name] == classes.loc[own, name]
            assert alone["agreement"] == hospital.loc[own, "agreement"]
            expected = hospital.loc[own, "hospital"]
            assert alone["hospital"] == expected or (
                pd.isna(alone["hospital"]) and pd.isna(expected)
            )


def test_a_hospital_pole_known_by_its_department():
    """Poles of A: 00002 and the department 00, which agrees with any place of it; 75 does not."""
    layer = grid(1, 3)
    zoning = tt.Zoning.from_labels(dict.fromkeys(layer.index, "x"), communes=layer)
    moving = flows([(code("A"), code("B"), 40, each) for each in "abc"], layer)
    for pole in ("00", "75", code("B"), code("C")):
        stays = flows([(code("A"), pole, 40)], layer)
        expected = tt.hospital_agreement(
            tt.concordance(tt.dominant_poles(moving)), tt.dominant_poles(stays.together())
        )
        found = explain(zoning, moving, code("A"), stays=stays).agreement
        assert found["agreement"] == expected.loc[code("A"), "agreement"]


def test_without_flows_without_territory_without_neighbour():
    """An island in no territory, where nobody goes and from where nobody comes."""
    layer = drawn("AB.C", population=[100, 200, 50])
    zoning = tt.Zoning.from_labels({code("A"): "x", code("B"): "x"}, communes=layer)
    card = explain(zoning, letters([("AB", 50)], layer), code("C"))
    assert card.territories.empty
    assert card.moves.empty
    assert "in no territory" in str(card)
    with using("fr"):
        assert "n'est dans aucun territoire" in str(card)
        assert "Aucun territoire ne la touche" in card._repr_html_()
    beside = explain(
        zoning,
        letters([("AB", 50)], layer),
        code("C"),
        neighbours=pd.DataFrame({"left": [code("B")], "right": [code("C")]}),
    )
    assert beside.moves["target"].tolist() == ["x"]
    assert beside.moves["role"].tolist() == ["joins"]


def test_one_territory(world):
    zoning, moving = world
    one = tt.Zoning.from_labels(dict.fromkeys(zoning.communes.index, "x"), communes=zoning.communes)
    card = explain(one, moving, code("A"))
    assert card.moves["kind"].tolist() == ["release"]
    assert card.home == "most"


@pytest.mark.parametrize("kind", ["float64", "Int64"])
def test_unknown_population(kind):
    layer = grid(1, 3).astype({"population": kind})
    layer.loc[code("A"), "population"] = None
    zoning = tt.Zoning.from_labels({code("A"): "x", code("B"): "x", code("C"): "y"}, communes=layer)
    card = explain(zoning, letters([("AB", 20)], layer), code("A"))
    assert card.population is None
    assert card.moves["population_before"].isna().all()
    assert card.moves["population_after"].tolist() == [1_000]
    assert "unknown number" in str(card)


# Finding a commune


def test_names_and_codes():
    layer = grid(1, 4)
    layer["name"] = pd.Series(
        {code("A"): "Vendœuvres", code("B"): "Chambon", code("C"): "Chambon", code("D"): "Ély"}
    )
    assert commune_code("Vendoeuvres", layer) == code("A")
    assert commune_code("vendœuvres ", layer) == code("A")
    assert commune_code("ely", layer) == code("D")
    assert commune_code("1004", layer.set_axis(["01004", *layer.index[1:]])) == "01004"
    with pytest.raises(tt.CodeError, match=r"Chambon.*00002.*00003"):
        commune_code("Chambon", layer)
    with pytest.raises(tt.CodeError, match=r"nearest: Vendœuvres \(00001\)"):
        commune_code("Vendeuvre", layer)
    with pytest.raises(tt.CodeError, match="No commune of the layer has"):
        commune_code("zzzzzz", layer)
    with pytest.raises(tt.CodeError, match="No commune of the layer has"):
        commune_code("", layer)


def test_flows_must_be_located(world):
    zoning, _ = world
    table = pd.DataFrame(
        {"residence": [code("A")], "activity": ["x"], "practitioner": ["p"], "patients": [20]}
    )
    with pytest.raises(tt.InputError, match="located"):
        explain(zoning, tt.Flows(table), code("A"))


# What is read


def test_hostile_names_and_width(world):
    zoning, moving = world
    layer = zoning.communes.copy()
    layer["name"] = [
        f"<script>alert({at})</script>\n\x1b[31m" + "é" * 90 for at in range(len(layer))
    ]
    named = tt.Zoning(layer, zoning.membership, names={"x": "<b>x</b>", "y": "y" * 200})
    for language in ("fr", "en"):
        with using(language):
            card = explain(named, moving, code("C"), stays=moving)
            page = card._repr_html_()
            assert "<script" not in page
            assert "<b>" not in page
            assert "&lt;b&gt;" in page
            text = str(card)
            assert repr(card) == text
            assert "\x1b" not in text
            assert max(map(len, text.splitlines())) <= 100


def test_first_sentence(world):
    zoning, _ = world
    rows = [(code("A"), code("B"), 50, name) for name in ("a", "b", "c", "d")]
    rows.append((code("A"), code("E"), 40, "e"))
    moving = flows(rows, zoning.communes)
    card = explain(zoning, moving, code("A"))
    assert str(card).startswith("Commune 00001 goes to Commune 00002 for 4 of 5 specialties; more")
    with using("fr"):
        assert str(card).startswith(
            "Commune 00001 va à Commune 00002 pour 4 spécialités sur 5 ; plus de la moitié"
        )
        assert "20\N{NARROW NO-BREAK SPACE}000" in str(card)
        assert "masqué" not in str(card).split("habitants")[0]


def test_cells_add_up():
    """Activities and places, with what goes elsewhere, add up to the totals."""
    table = pd.DataFrame(
        [("a", "", place, 20 + at, 20 + at, 20 + at) for at, place in enumerate("ABCDE")]
        + [("b", "", "A", 3, 3, 3)],
        columns=["activity", "group", "destination", "patients", "low", "high"],
    )
    exact, shown = first_places(cells_of(shuffle(table)), secrecy=tt.Secrecy())
    for _, rows in exact.groupby(exact["activity"].fillna("*")):
        total = rows.loc[rows["kind"] == "total", "patients"].item()
        assert rows.loc[rows["kind"] != "total", "patients"].sum() == total
    # 3 for activity b is its total too, and what is left of all without a.
    assert shown.loc[shown["activity"] == "b", "hidden"].all()


def test_cvl(cvl_communes, cvl_located):
    """On the region: every commune answers, and small counts are never shown."""
    grouped = cvl_located.grouped()
    department = pd.Series(cvl_communes.index.str[:2], index=cvl_communes.index)
    zoning = tt.Zoning.from_labels(department, communes=cvl_communes)
    poles = tt.dominant_poles(grouped)
    for own in sorted(cvl_communes.index)[::120]:
        card = explain(zoning, grouped, own, poles=poles)
        assert not card.shown.flows["patients"].between(1, 10).fillna(value=False).any()
        assert max(map(len, str(card).splitlines())) <= 100
    measured = tt.evaluate(zoning, grouped)
    moves = explain(zoning, grouped, "Ligny-le-Ribault", poles=poles).moves
    assert moves["li_before"].tolist() == pytest.approx(
        measured["li"].reindex(moves["territory"]).tolist()
    )
    with pytest.raises(tt.CodeError, match="Chambon"):
        explain(zoning, grouped, "Chambon", poles=poles)
