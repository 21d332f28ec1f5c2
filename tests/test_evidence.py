"""The evidence beside a second reading of METHOD.md: `oracle_evidence`, in loops and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import oracle_evidence as oracle
import pandas as pd
import pytest
from grids import (
    code,
    drawn,
    flows,
    random_flows,
    random_layer,
    shuffle,
    shuffled_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

import territories as tt
from territories.concordance import Concordance

PARIS, LYON = "75056", "69123"
SEEDS = settings(max_examples=14, deadline=None, derandomize=True, database=None)
FEW = settings(SEEDS, max_examples=6)
SPREAD = ("18", "28", "2A", "45")  # departments of the drawn communes


def same(found, expected, rel=1e-9):
    """Tell whether a figure is the exact one: missing where that is None."""
    if expected is None:
        return bool(pd.isna(found))
    return not pd.isna(found) and found == pytest.approx(float(expected), rel=rel, abs=1e-6)


def none_or(value):
    return None if pd.isna(value) else value


class World:
    """A drawn layer over several departments, a zoning with shared communes, and flows."""

    def __init__(self, seed, *, shape=None, masked=3, unknown=False, count=None, weights=True):
        generator = self.generator = np.random.default_rng(seed)
        shapes = [(3, 4), (2, 3), (1, 3), (1, 1)]
        layer = random_layer(generator, *(shape or shapes[seed % 4]), most=[3, 90_000][seed % 2])
        names = {
            each: f"{SPREAD[at % len(SPREAD)]}{each[2:]}" for at, each in enumerate(layer.index)
        }
        layer = layer.rename(index=names)
        layer["name"] = [f"Commune {each}" for each in layer.index]
        if unknown:
            layer["population"] = layer["population"].astype("Int64")
            layer.iloc[0, layer.columns.get_loc("population")] = pd.NA
        self.layer = layer
        count = [40, 25, 3, 0][seed % 5 % 4] if count is None else count
        given_flows = random_flows(generator, layer, count, most=[30, 3, 400][seed % 3])
        table = given_flows.table.reset_index(drop=True)
        hidden = generator.permutation(len(table))[:masked]
        table["masked"] = 0
        table.loc[hidden, "masked"] = 1
        table.loc[hidden, "patients"] = oracle.MASK
        if not masked:
            table = table.drop(columns="masked")
        self.flows = tt.Flows(shuffle(table, seed), communes=layer)
        self.zoning = self.zoned(["north", "east", "south"], shared=weights)

    def zoned(self, names, *, shared=True, white=0.15):
        """Draw a zoning: white zones, communes shared in two or in thirds."""
        rows = []
        for each in sorted(self.layer.index):
            chance = self.generator.random()
            number = 0 if chance < white else 1
            if shared and chance > 0.7:
                number = 3 if chance > 0.9 and len(names) > 2 else 2
            chosen = self.generator.choice(names, number, replace=False)
            parts = {0: [], 1: [1.0], 2: [0.75, 0.25], 3: [1 / 3] * 3}[number]
            rows += zip([each] * number, chosen.tolist(), parts, strict=True)
        frame = pd.DataFrame(rows, columns=["code", "territory", "weight"])
        frame = frame.astype({"code": "str", "territory": "str", "weight": "float64"})
        return tt.Zoning(communes=self.layer, membership=shuffle(frame))

    @property
    def people(self):
        """Inhabitants by commune; None where they are not known."""
        return {
            each: None if pd.isna(n) else int(n) for each, n in self.layer["population"].items()
        }

    @property
    def rows(self):
        """Flows as the oracle takes them."""
        return rows_of(self.flows)

    @property
    def distances(self):
        """Straight lines between the communes."""
        points = dict(self.layer.geometry.representative_point().items())
        return {(a, b): points[a].distance(points[b]) for a in points for b in points}

    def zones(self, by):
        """List the communes of each zone, with their weights."""
        if by == "territory":
            return members(weights_of(self.zoning))
        found = {}
        for each in sorted(self.layer.index):
            found.setdefault(each[:2] if by == "department" else each, {})[each] = Fraction(1)
        return found


def rows_of(given_flows):
    table = given_flows.table
    masked = table["masked"] if "masked" in table else pd.Series(0, index=table.index)
    columns = [table[name] for name in ("residence", "activity", "destination", "patients")]
    listed = zip(*columns, masked, strict=True)
    return [(a, b, c, Fraction(n).limit_denominator(10**6), int(m)) for a, b, c, n, m in listed]


def weights_of(zoning):
    found = {}
    for row in zoning.membership.itertuples():
        part = Fraction(row.weight).limit_denominator(100)
        found.setdefault(row.code, {})[row.territory] = part
    return found


def members(weights):
    found = {}
    for each in sorted(weights):
        for territory, weight in weights[each].items():
            found.setdefault(territory, {})[each] = weight
    return dict(sorted(found.items()))


# --- Territories ---------------------------------------------------------------------------------


@SEEDS
@given(st.integers(0, 10**6), st.booleans())
def test_territories(seed, unknown):
    """Populations, ACI, exchanges with their bounds, hospital, classes, stability, by weight."""
    world = World(seed, unknown=unknown)
    zoning, people, rows = world.zoning, world.people, world.rows
    weights = weights_of(zoning)
    stays = random_flows(world.generator, world.layer, 15)
    listed = sorted(world.layer.index)
    named = dict(
        zip(listed, world.generator.choice([str(c) for c in Concordance], len(listed)), strict=True)
    )
    agreement = pd.DataFrame({"concordance": pd.Series(named)}).iloc[1:]
    core = pd.Series(world.generator.choice([0.5, 0.9, 1.0, np.nan], len(listed)), index=listed)
    found = tt.evaluate(
        zoning, world.flows, stays=stays, agreement=shuffle(agreement),
        stability=shuffle(core.rename("core_share").to_frame()),
    )  # fmt: skip
    assert found.index.tolist() == sorted({t for own in weights.values() for t in own})
    for territory, row in found.iterrows():
        size = oracle.people_in(weights, people, territory)
        assert pd.isna(row["population"]) == (size is None)
        if size is not None:
            assert abs(row["population"] - size) < 1
            known = oracle.aci(row["population"])
            assert row["aci_size"] == known[0]
            assert same(row["next_bound"], known[1])
            assert same(row["above_bound"], known[2])
        low = oracle.bounds(weights, rows, territory)
        if "li_low" in found:
            for name, value in zip(("li_low", "li_high", "msi_low", "msi_high"), low, strict=True):
                assert same(row[name], value), name
        inside, sent, _ = oracle.exchanged(weights, rows_of(stays), territory)
        assert (row["hospital_inside"], row["hospital_sent"]) == pytest.approx(
            (float(inside), float(sent))
        )
        staying = oracle.ratio(inside, sent)
        assert same(row["hospital_leakage"], None if staying is None else 1 - staying)
        for each in Concordance:
            chosen = set(agreement.index[agreement["concordance"] == str(each)])
            expected = oracle.share_of_people(weights, people, territory, chosen)
            assert same(row[f"share_{each}"], expected), each
        stable = set(core.index[core >= 0.9])
        assert same(row["stable_share"], oracle.share_of_people(weights, people, territory, stable))
        own = members(weights)[territory]
        departments = {c[:2] for c in own}
        assert row["departments"].split() == sorted(departments)
        area = sum(w * Fraction(float(world.layer.area[c])) for c, w in own.items()) / 10**6
        assert same(row["density"], None if size is None else size / area, rel=1e-3) or size < 50
    if not unknown and len(found):
        covered = sum(n for each, n in people.items() if each in weights)
        assert found["population"].sum() == covered


@SEEDS
@given(st.integers(0, 10**6))
def test_minutes(seed):
    """Times to care and to the pole, patients by weight; what the table lacks is told."""
    world = World(seed, masked=0)
    weights, people, rows = weights_of(world.zoning), world.people, world.rows
    pairs = [(a, b) for a in world.layer.index for b in [*world.layer.index, PARIS]]
    kept = [pair for pair in pairs if world.generator.random() < 0.7]
    minutes = {pair: int(world.generator.integers(0, 90)) for pair in kept}
    times = pd.DataFrame(
        [(*pair, float(value)) for pair, value in minutes.items()],
        columns=["residence", "destination", "minutes"],
    ).astype({"residence": "str", "destination": "str"})
    found = tt.evaluate(world.zoning, world.flows, times=shuffle(times, seed))
    for territory, row in found.iterrows():
        pole = oracle.pole(weights, people, rows, territory)
        assert none_or(row["pole"]) == pole
        mean, lacking = oracle.mean_minutes(weights, rows, territory, minutes)
        assert same(row["minutes_to_care"], mean)
        assert same(row["untimed"], lacking)
        mean = pole and oracle.mean_minutes(weights, rows, territory, minutes, towards=pole)[0]
        assert same(row["minutes_to_pole"], mean)


@SEEDS
@given(st.integers(0, 10**6))
def test_candidates(seed):
    world = World(seed, masked=0)
    zoning, rows, layer = world.zoning, world.rows, world.layer
    listed = sorted(layer.index)
    blank = {each for each in listed if world.generator.random() < 0.3}
    loose = {each for each in listed if world.generator.random() < 0.3}
    agreement = pd.DataFrame({"concordance": ["none" if c in blank else "always" for c in listed]},
                             index=listed)  # fmt: skip
    core = pd.DataFrame({"core_share": [0.89 if c in loose else 0.9 for c in listed]}, index=listed)
    white = tt.white_zones(zoning)
    told = {
        "uncovered": set(white.index[white["kind"] == "uncovered"]),
        "enclave": set(white.index[white["kind"] == "enclave"]),
        "no_pole": blank,
        "frontier": loose,
    }
    assert told["uncovered"] == set(listed) - set(weights_of(zoning))
    reasons = {c: " ".join(name for name, of in told.items() if c in of) for c in listed}
    reasons = {c: text for c, text in reasons.items() if text}
    found = tt.candidates(zoning, world.flows, agreement=agreement, stability=core, most=2)
    columns = ["commune", "reasons", "rank", "pole", "pole_territory", "patients", "share"]
    expected = oracle.candidates(weights_of(zoning), rows, world.distances, reasons, most=2)
    assert len(found) == len(expected)
    for row, mine in zip(found[columns].itertuples(index=False), expected, strict=True):
        assert tuple(map(none_or, row[:5])) == mine[:5]
        assert same(row[5], mine[5])
        assert same(row[6], mine[6])


@FEW
@given(st.integers(0, 10**6))
def test_selection(seed):
    """A set, a territory with shared communes, the departments and the region: the same rules."""
    world = World(seed, masked=0)
    weights, people, rows = weights_of(world.zoning), world.people, world.rows
    stays = random_flows(world.generator, world.layer, 15)
    poles = tt.dominant_poles(world.flows)
    for territory, own in members(weights).items():
        found = tt.selection(world.flows, territory, zoning=world.zoning, stays=stays)
        assert found.communes.to_dict() == pytest.approx({c: float(w) for c, w in own.items()})
        sets = {"selection": own}
        for name, zone in world.zones("department").items():
            if zone.keys() & own.keys():
                sets[f"department {name}"] = zone
        sets["region"] = dict.fromkeys(people, Fraction(1))
        assert found.table.columns.tolist() == list(sets)
        for column, chosen in sets.items():
            mine = {c: {"x": w} for c, w in chosen.items()}
            told = found.table[column]
            size = oracle.people_in(mine, people, "x")
            assert abs(told["population", ""] - size) < 1
            assert told["aci_size", ""] == oracle.aci(told["population", ""])[0]
            inside, sent, received = oracle.exchanged(mine, rows, "x")
            assert same(told["patients", ""], sent)
            assert same(told["li", ""], oracle.ratio(inside, sent))
            assert same(told["msi", ""], oracle.ratio(inside, received))
            assert same(told["net_index", ""], oracle.ratio(received - inside, sent - inside))
            for activity in world.flows.activities:
                only = [row for row in rows if row[1] == activity]
                inside, sent, _ = oracle.exchanged(mine, only, "x")
                kept = oracle.ratio(inside, sent)
                assert same(told["leakage", activity], None if kept is None else 1 - kept)
            inside, sent, _ = oracle.exchanged(mine, rows_of(stays), "x")
            kept = oracle.ratio(inside, sent)
            assert same(told["hospital_stays", ""], sent)
            assert same(told["hospital_leakage", ""], None if kept is None else 1 - kept)
            area = sum(w * Fraction(float(world.layer.area[c])) for c, w in chosen.items())
            expected = told["population", ""] / float(area) * 10**6
            assert told["density", ""] == pytest.approx(expected)
            for each in Concordance:
                classes = {
                    c: oracle.concordance(own)[0]
                    for c, own in oracle.poles_by_activity(rows, people).items()
                }
                holds = {c for c, name in classes.items() if name == str(each)}
                expected = oracle.share_of_people(mine, people, "x", holds)
                assert same(told["concordance", str(each)], expected)
        again = tt.selection(
            shuffled_rows(world.flows, seed), territory, zoning=world.zoning, stays=stays,
            poles=poles,
        )  # fmt: skip
        pd.testing.assert_frame_equal(again.table, found.table)
        break


# --- Poles, classes, and the choice of activities ------------------------------------------------


def many_activities(seed, masked):
    """Draw flows of four activities, few places, so that ties and modes are many."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 2, 3)
    places = [*sorted(layer.index)[:3], PARIS]
    rows = [
        (each, str(generator.choice(places)), int(generator.choice([0, 5, 6, 20, 20])), activity)
        for each in sorted(layer.index)
        for activity in "pqrs"
        for _ in range(generator.integers(0, 4))
    ]
    given_flows = flows(rows, layer, seed)
    if masked and rows:
        table = given_flows.table.assign(masked=0)
        table.loc[table["patients"] == 5, "masked"] = 1
        given_flows = tt.Flows(table, communes=layer)
    return layer, given_flows


@SEEDS
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 4))
def test_poles_classes_and_what_can_be_reached(seed, masked, minimum):
    layer, given_flows = many_activities(seed, masked)
    rows = rows_of(given_flows)
    own = oracle.poles_by_activity(rows, layer.index)
    poles = tt.dominant_poles(given_flows)
    told = poles.table["pole"].dropna().to_dict()
    assert told == {(c, a): place for c, named in own.items() for a, place in named.items()}
    here = {}
    for _, activity, place, patients, _ in rows:
        if patients:
            here.setdefault(place, set()).add(activity)
    found = tt.attainable(poles, given_flows, minimum=minimum)
    classes = tt.concordance(poles, minimum=minimum)
    for commune, named in own.items():
        row = classes.loc[commune]
        assert (row["concordance"], none_or(row["pole"])) == oracle.concordance(named, minimum)
        pole, present, lacking, reached = oracle.attainable(named, here, minimum)
        row = found.loc[commune]
        assert none_or(row["pole"]) == pole
        assert (row["present"], row["attainable"]) == (present, reached)
        assert none_or(row["lacking"]) == (lacking if named else None)


@FEW
@given(st.integers(0, 10**6), st.booleans())
def test_superposition_with_masked_cells_and_people(seed, masked):
    """Beside scikit-learn and statsmodels, the people by loops."""
    layer, given_flows = many_activities(seed, masked)
    own = oracle.poles_by_activity(rows_of(given_flows), layer.index)
    found = tt.superposition(tt.dominant_poles(given_flows), communes=layer)
    people = layer["population"]
    for (one, two), row in found.pairs.iterrows():
        both = [(c, named[one], named[two]) for c, named in own.items() if {one, two} <= set(named)]
        assert row["communes"] == len(both)
        alike = [c for c, a, b in both if a == b]
        assert same(row["agreement"], oracle.ratio(len(alike), len(both)))
        expected = oracle.ratio(
            int(people[alike].sum()), int(people[[c for c, _, _ in both]].sum())
        )
        assert same(row["population_agreement"], expected)
        first, second = [a for _, a, _ in both], [b for _, _, b in both]
        if not both or len({*first, *second}) == 1:
            assert math.isnan(row["kappa"])
        else:
            assert row["kappa"] == pytest.approx(cohen_kappa_score(first, second))
        if not both or len({*first}) == len({*second}) == 1:
            assert math.isnan(row["ami"])
        else:
            assert row["ami"] == pytest.approx(adjusted_mutual_info_score(first, second))
    rated = [list(named.values()) for named in own.values() if len(named) == 4]
    assert found.fleiss_communes == len(rated)
    if rated and len({place for each in rated for place in each}) > 1:
        assert found.fleiss == pytest.approx(fleiss_kappa(aggregate_raters(np.array(rated))[0]))


@FEW
@given(st.integers(0, 10**6))
def test_leaving_one_out(seed):
    """Classes and poles without each activity, and what is stable whichever is left out."""
    layer, given_flows = many_activities(seed, masked=False)
    activities = given_flows.activities
    if len(activities) < 2:
        return
    rows, people = rows_of(given_flows), layer["population"]
    zoning = tt.Zoning.from_labels(
        {each: "xy"[at % 2] for at, each in enumerate(sorted(layer.index))}, communes=layer
    )
    options = {"population": (None, None), "resolution": 1.0}
    found = tt.leave_one_out(given_flows, layer, zoning=zoning, **options)
    own = oracle.poles_by_activity(rows, layer.index)
    now = {c: oracle.concordance(named) for c, named in own.items()}
    steady = {"class": set(layer.index), "pole": set(layer.index)}
    for left in activities:
        without = {
            c: oracle.concordance({a: p for a, p in named.items() if a != left})
            for c, named in own.items()
        }
        for at, name in enumerate(("class", "pole")):
            changed = [c for c in layer.index if now[c][at] != without[c][at]]
            steady[name] -= set(changed)
            assert found.activities.loc[left, f"{name}_changed"] == len(changed)
            assert found.activities.loc[left, f"{name}_population"] == people[changed].sum()
        told = found.changes.loc[left]
        assert {c: (row.concordance, none_or(row.pole)) for c, row in told.iterrows()} == without
    for name, kept in steady.items():
        assert same(found.stable.loc[name, "communes"], oracle.ratio(len(kept), len(layer)))
        expected = oracle.ratio(int(people[sorted(kept)].sum()), int(people.sum()))
        assert same(found.stable.loc[name, "population"], expected)


@SEEDS
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 1]))
def test_basins_of_sites(seed, share):
    """Two sites in one commune: each has its own basin, the commune that of both."""
    world = World(seed, shape=(2, 3), masked=0)
    generator = world.generator
    listed = [*sorted(world.layer.index), "75", PARIS]
    where = {"180000001": listed[0], "180000002": listed[0], "280000001": listed[1]}
    rows = [
        (str(generator.choice(list(where))), str(generator.choice(listed)), int(n), "all")
        for n in generator.integers(0, 30, 25)
    ]
    sites = pd.DataFrame(rows, columns=["site", "residence", "patients", "activity"])
    sites["destination"] = sites["site"].map(where)
    table = sites.drop(columns="site")
    given_flows = tt.Flows(
        shuffle(table, seed), communes=world.layer, unit="stays", sites=shuffle(sites, seed)
    )
    for key, places in (("site", where), ("destination", dict.fromkeys(where.values()))):
        for place in places:
            stays = {}
            for row in sites.itertuples():
                if getattr(row, key) == place and row.patients:
                    stays[row.residence] = stays.get(row.residence, 0) + row.patients
            if stays:
                found = tt.recruitment_basin(given_flows, place, share)
                assert found.index.tolist() == oracle.basin(stays, share)
                assert found["stays"].tolist() == [stays[each] for each in found.index]
                supplied = oracle.ratio(int(found["stays"].sum()), sum(stays.values()))
                assert same(found["cumulated"].iloc[-1], supplied)


@SEEDS
@given(st.integers(0, 10**6))
def test_following_chains(seed):
    generator = np.random.default_rng(seed)
    order = ("gp", "nurse", "pharmacy")
    steps = [("gp", "nurse"), ("nurse", "pharmacy"), ("gp", "pharmacy"), ("gp", "gp")]
    rows = [
        (*generator.choice(list("ABCD"), 2).tolist(), *steps[generator.integers(0, 4)], int(n))
        for n in generator.integers(0, 20, [12, 4, 1][seed % 3])
    ]
    chain = flows([(code(a), code(b), n, f"{one} → {two}") for a, b, one, two, n in rows],
                  seed=seed)  # fmt: skip
    expected = oracle.followed(
        [(code(a), one, two, code(b), n) for a, b, one, two, n in rows if one != two],
        code("A"), order,
    )  # fmt: skip
    found = tt.followed(chain, code("A"), order=order)["share"]
    assert found.to_dict() == pytest.approx({key: float(value) for key, value in expected.items()})
    keys = sorted(expected, key=lambda key: (order.index(key[0]), -expected[key], key[1]))
    assert found.index.tolist() == keys


# --- Comparison ----------------------------------------------------------------------------------


@SEEDS
@given(st.integers(0, 10**6))
def test_cuts_differences_and_the_table(seed):
    world = World(seed, masked=0)
    people = world.people
    other = world.zoned(["p", "q"], white=0.1)
    one, two = weights_of(world.zoning), weights_of(other)
    found = tt.compare(world.zoning, other)
    assert found.differs.index.tolist() == oracle.differing(one, two, people)
    for side, (mine, theirs) in {"zoning": (one, two), "other": (two, one)}.items():
        for zone, (meets, share, bare) in oracle.cut(mine, theirs, people).items():
            row = found.cut.loc[(side, zone)]
            assert row["meets"] == meets
            assert same(row["share"], share)
            assert same(row["uncovered"], bare)
    beyond = pd.DataFrame(
        [("93001", "p", 1.0, 70_000.0), ("93002", "p", 0.5, 3.0), ("93002", "z", 0.5, 3.0)],
        columns=["code", "territory", "weight", "population"],
    )
    wider = tt.Zoning(other.communes, other.membership, beyond=shuffle(beyond, seed))
    row = tt.comparisons(world.zoning, {"o": wider}).loc["o"]
    zones = members(two)
    assert (row["zones"], row["crossing"]) == (len(zones), sum(zone == "p" for zone in zones))
    every = sum(people.values())
    changed = sum(people[c] for c in oracle.differing(one, two, people))
    assert same(row["differing"], oracle.ratio(changed, every))
    both = set(one) & set(two)
    assert row["left_out"] == len(people) - len(both)
    assert same(row["jaccard"], oracle.ratio(
        sum(people[c] * Fraction(found.jaccard[c]) for c in both), sum(people[c] for c in both)
    ))  # fmt: skip
    for side, mine, theirs in (("territories", one, two), ("zones", two, one)):
        split = {z for z, (meets, _, _) in oracle.cut(mine, theirs, people).items() if meets > 1}
        assert row[f"{side}_cut"] == len(split)
        sizes = {zone: oracle.people_in(mine, people, zone) for zone in members(mine)}
        expected = oracle.ratio(sum(sizes[zone] for zone in split), sum(sizes.values()))
        assert same(row[f"{side}_cut_share"], expected)
    edge = tt.crossing(wider)
    assert edge.index.tolist() == list(zones)
    extra = {"p": Fraction(70_000) + Fraction(3, 2)}
    for zone, own in zones.items():
        size = oracle.people_in(two, people, zone)
        assert (edge.loc[zone, "inside"], edge.loc[zone, "outside"]) == (
            len(own), 2 if zone == "p" else 0,
        )  # fmt: skip
        assert same(edge.loc[zone, "people_inside"], size)
        assert same(edge.loc[zone, "people"], size + extra.get(zone, 0))
        assert edge.loc[zone, "crosses"] == (zone == "p")


@SEEDS
@given(st.integers(0, 10**6))
def test_changes_between_zonings(seed):
    """Counts by loops over the communes, given how `compare` matches the territories."""
    world = World(seed, masked=0)
    after = world.zoned(["north", "west", "p"])
    found = tt.changes(world.zoning, after)
    matches = tt.compare(world.zoning, after).matches.dropna().to_dict()
    one = oracle.main_of(weights_of(world.zoning))
    two = oracle.main_of(weights_of(after))
    renamed = {zone: matches.get(zone) for zone in {*one.values()}}
    for each in world.layer.index:
        row = found.communes.loc[each]
        was, now = one.get(each), two.get(each)
        assert (none_or(row["before"]), none_or(row["after"])) == (was, now)
        assert none_or(row["matched"]) == (renamed[was] if was else None)
        changed = None if was is None or now is None else renamed[was] != now
        assert none_or(row["changed"]) is changed or none_or(row["changed"]) == changed
    for zone in {*two.values()}:
        before = {c for c, name in one.items() if renamed[name] == zone}
        later = {c for c, name in two.items() if name == zone}
        row = found.poles.loc[zone, ["communes_before", "communes_after", "kept", "won", "lost"]]
        numbers = [len(before), len(later), len(before & later)]
        assert row.tolist() == [*numbers, numbers[1] - numbers[2], numbers[0] - numbers[2]]


@SEEDS
@given(st.integers(0, 10**6))
def test_changes_between_years(seed):
    """Poles of all activities together; patients of all communes, their shares and change."""
    one, two = World(seed), World(seed, count=0)
    after = random_flows(one.generator, one.layer, 30, most=40)
    found = tt.changes(one.flows, after)
    sides = one.rows, rows_of(after)
    first, second = (
        {
            c: place
            for c in one.layer.index
            if (place := oracle.winner([row for row in rows if row[0] == c]))
        }
        for rows in sides
    )
    for each in one.layer.index:
        row = found.communes.loc[each]
        assert (none_or(row["before"]), none_or(row["after"])) == (
            first.get(each),
            second.get(each),
        )
        if each in first and each in second:
            assert row["changed"] == (first[each] != second[each])
        else:
            assert pd.isna(row["changed"])
    for place, row in found.poles.iterrows():
        old = {c for c, name in first.items() if name == place}
        new = {c for c, name in second.items() if name == place}
        counts = row[["communes_before", "communes_after", "kept", "won", "lost"]].tolist()
        expected = [len(old), len(new), len(old & new), len(new - old), len(old - new)]
        assert counts == expected
        sums = [sum(r[3] for r in rows if r[2] == place) for rows in sides]
        assert (row["patients_before"], row["patients_after"]) == tuple(map(float, sums))
        for at, name in enumerate(("share_before", "share_after")):
            assert same(row[name], oracle.ratio(sums[at], sum(r[3] for r in sides[at])))
        change = oracle.ratio(sums[1], sums[0])
        assert same(row["change"], None if change is None else change - 1)
    assert two.flows.table.empty


# --- Supply and recourse -------------------------------------------------------------------------


@SEEDS
@given(st.integers(0, 10**6), st.sampled_from(["commune", "territory", "department"]),
       st.booleans())  # fmt: skip
def test_density(seed, by, unknown):
    world = World(seed, count=0, unknown=unknown)
    generator = world.generator
    choices = ([40.0, 55.5, np.nan], [0, 0.25, np.nan])
    rows = [
        (each, activity, float(generator.integers(0, 8)) / 2,
         *(none_or(generator.choice(values)) for values in choices))
        for each in [*world.layer.index, PARIS]
        for activity in ("MG", "ORL")
        if generator.random() < 0.7
    ]  # fmt: skip
    if not rows:
        return
    columns = ["commune", "activity", "professionals", "mean_age", "share_over_60"]
    table = pd.DataFrame(rows, columns=columns).astype({"mean_age": float, "share_over_60": float})
    supply = tt.Supply(shuffle(table, seed), communes=world.layer)
    found = tt.density(supply, world.layer, by=by, zoning=world.zoning)
    zones = world.zones(by)
    activities = sorted({row[1] for row in rows})
    assert found.index.tolist() == [(zone, a) for zone in sorted(zones) for a in activities]
    exact = [(c, a, *(None if v is None else Fraction(v) for v in rest)) for c, a, *rest in rows]
    people = oracle.zone_people(zones, world.people)
    for (zone, activity), row in found.iterrows():
        number, age, old = oracle.density(exact, zones[zone], activity)
        assert same(row["population"], people[zone])
        assert same(row["professionals"], number)
        # Numbers and people are rounded at six decimals first.
        assert same(row["density"], oracle.ratio(100_000 * number, people[zone]), rel=1e-5)
        assert same(row["mean_age"], age, rel=1e-5)
        assert same(row["share_over_60"], old, rel=1e-5)


@SEEDS
@given(
    st.integers(0, 10**6), st.sampled_from(["commune", "territory", "department"]), st.booleans()
)
def test_recourse(seed, by, unknown):
    """Rates, their bounds and the region's, and where the hospital fills the gap."""
    world = World(seed, unknown=unknown)
    rows, zones = world.rows, world.zones(by)
    stays = random_flows(world.generator, world.layer, 20, most=30)
    options = {"by": by, "zoning": world.zoning}
    found = tt.recourse(world.flows, world.layer, stays=stays, **options)
    people = oracle.zone_people(zones, world.people)
    every = dict.fromkeys(world.people, Fraction(1))
    region = oracle.plus(world.people.values())
    sides = {"liberal": rows, "hospital": rows_of(stays)}
    activities = {name: {row[1] for row in of} for name, of in sides.items()}
    for (zone, activity), row in found.iterrows():
        own, rates = zones[zone], {}
        assert same(row["population"], people[zone])
        for name, of in sides.items():
            if activity not in activities[name]:
                assert pd.isna(row[name])
                continue
            number = oracle.recourse(of, own, activity)
            rate = oracle.ratio(1_000 * number, people[zone])
            whole = oracle.ratio(1_000 * oracle.recourse(of, every, activity), region)
            assert same(row[name], number)
            assert same(row[f"{name}_rate"], rate, rel=1e-5)
            assert same(row[f"{name}_region"], whole)
            known = rate is not None and whole is not None
            assert same(row[f"{name}_difference"], rate - whole if known else None, rel=1e-3)
            rates[name] = number, rate, whole
        if "liberal_rate_low" in found and "liberal" in rates:
            for name, extra in (("low", -4), ("high", 5)):
                most = oracle.recourse(rows, own, activity, extra)
                most = oracle.ratio(1_000 * most, people[zone])
                assert same(row[f"liberal_rate_{name}"], most, rel=1e-5)
        if len(rates) == 2:
            total = rates["liberal"][0] + rates["hospital"][0]
            assert same(row["total"], total)
            assert same(row["hospital_share"], oracle.ratio(rates["hospital"][0], total))
            if None not in (*rates["liberal"], *rates["hospital"]):
                filled = (
                    rates["liberal"][1] < rates["liberal"][2]
                    and rates["hospital"][1] > rates["hospital"][2]
                )
                assert row["filled"] == filled
        else:
            assert pd.isna(row["total"])


@SEEDS
@given(
    st.integers(0, 10**6),
    st.sampled_from(["commune", "territory", "department"]),
    st.sampled_from(["nearest", "patients"]),
    st.sampled_from([0.25, 0.5, 1]),
)
def test_distances_and_gaps(seed, by, rule, share):
    """Distances of both rules, and the ranks of what is far and little used."""
    world = World(seed, unknown=seed % 2 == 0)
    rows, zones = world.rows, world.zones(by)
    options = {"by": by, "zoning": world.zoning}
    people = oracle.zone_people(zones, world.people)
    every, region = dict.fromkeys(world.people, Fraction(1)), oracle.plus(world.people.values())
    far = tt.care_distance(world.flows, world.layer, rule=rule, **options)
    zones_given = {}
    for (zone, activity), value in far.items():
        if rule == "patients":
            expected = oracle.travelled(rows, world.distances, zones[zone], activity)
        else:
            each = oracle.nearest(rows, sorted(world.people), world.distances, activity)
            expected = oracle.zone_mean(each, zones[zone], world.people)
        assert same(value, expected, rel=1e-5), (zone, activity)
        zones_given[zone, activity] = (
            people[zone],
            None if pd.isna(value) else Fraction(float(value)).limit_denominator(10**6),
            oracle.ratio(1_000 * oracle.recourse(rows, zones[zone], activity), people[zone]),
            oracle.ratio(1_000 * oracle.recourse(rows, every, activity), region),
        )
    table = tt.recourse(world.flows, world.layer, **options)
    ranked = tt.gaps(shuffle(table, seed), distance=shuffle(far, seed), share=share)
    listed = [(row["rank"], *key) for key, row in ranked.iterrows()]
    assert listed == oracle.gaps(zones_given, share)
    for key, row in ranked.iterrows():
        size, _, rate, whole = zones_given[key]
        assert same(row["missing"], (whole - rate) * size / 1_000, rel=1e-3)


@FEW
@given(st.integers(0, 10**6), st.sampled_from(["commune", "territory", "department"]))
def test_priority(seed, by):
    world = World(seed, count=0)
    classes = world.zoned(["ZIP", "ZAC"], white=0.4)
    found = tt.priority_shares(classes, world.layer, by=by, zoning=world.zoning)
    weights = weights_of(classes)
    for zone, own in world.zones(by).items():
        expected = oracle.priority(own, weights, world.people)
        for name in found.columns:
            assert same(found.loc[zone, name], expected.get(name, 0)), (zone, name)


# --- One commune, one territory, nobody ----------------------------------------------------------

FLOWS = {
    "none": [],
    "zero": [("A", "B", 0)],
    "outside": [("A", PARIS, 20)],
    "from outside": [(PARIS, "A", 20)],
    "elsewhere": [(PARIS, LYON, 20)],
    "at home": [("A", "A", 20)],
}


@pytest.mark.parametrize(
    ("name", "people"),
    [(name, [1_000, None][at % 2]) for at, name in enumerate(FLOWS)] + [("at home", 0)],
)
def test_nothing_breaks(name, people):
    """Every measure of one commune, or of two of which one is covered: no error, no infinity."""
    rows = FLOWS[name]
    picture = "AB" if people == 0 or (rows and rows[0][1] == "B") else "A"
    layer = drawn(picture).astype({"population": "Int64"})
    layer["population"] = pd.array([people] * len(layer), dtype="Int64")
    listed = [tuple(code(e) if len(e) == 1 else e for e in row[:2]) + row[2:] for row in rows]
    given_flows = flows(listed, layer)
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=layer)
    nobody = tt.Zoning.from_labels({}, communes=layer)
    poles = tt.dominant_poles(given_flows)
    agreement = tt.concordance(poles, minimum=1)
    table = pd.DataFrame({"commune": [code("A")], "activity": ["MG"], "professionals": [2.0]})
    supply = tt.Supply(table, communes=layer)
    results = [
        tt.activity_scale(given_flows),
        tt.superposition(poles, communes=layer).pairs,
        tt.odds_ratios(given_flows),
        tt.pole_hierarchy(given_flows),
        tt.recruitment_basins(given_flows),
        tt.attainable(poles, given_flows),
        tt.agreement_figures(tt.hospital_agreement(agreement, poles), communes=layer).table,
        tt.chains(given_flows, given_flows).table,
        tt.explain(zoning, given_flows, code("A"), stays=given_flows).moves,
        tt.selection(given_flows, "x", zoning=zoning, stays=given_flows).table,
        tt.changes(given_flows, given_flows).poles,
        tt.accessibility(supply, layer, activity="MG").to_frame(),
    ]
    for each in (zoning, nobody):
        recourse = tt.recourse(given_flows, layer, by="territory", zoning=each)
        far = tt.care_distance(given_flows, layer, by="territory", zoning=each)
        results += [
            tt.evaluate(each, given_flows, stays=given_flows, agreement=agreement),
            tt.evaluate_by_activity(each, given_flows),
            tt.exchanges(each, given_flows),
            tt.candidates(each, given_flows, agreement=agreement),
            tt.comparisons(each, {"a": zoning, "b": nobody}),
            tt.changes(each, zoning).poles,
            tt.crossing(each),
            tt.density(supply, layer, by="territory", zoning=each),
            tt.recourse_table(recourse),
            tt.gap_table(tt.gaps(recourse, distance=far), recourse),
        ]
    for found in results:
        numbers = found.select_dtypes("number").to_numpy(dtype="float64", na_value=np.nan)
        assert not np.isinf(numbers).any()
