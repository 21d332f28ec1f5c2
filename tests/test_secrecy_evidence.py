"""What is shown of the evidence, attacked: no small count is found from the tables of one report.

The attacker knows the map, the inhabitants, the tables of the report and their rounding, and that
patients are whole numbers. A linear programme gives the least and the most that each count may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import codes, drawn, flows
from scipy.optimize import linprog

import territories as tt
from territories._words import say, using
from territories.communes import place_names
from territories.export import Evidence, territory_table
from territories.findings import findings

STEPS = [head * 10.0**power for power in range(-1, 4) for head in (1, 2, 5)]

FINE = [*(head * 10.0**power for power in range(-3, 0) for head in (1, 2, 5))]

if TYPE_CHECKING:
    from pathlib import Path

    from territories.ledger import Export

A, B, C, D, E, F, G, H = codes("ABCDEFGH")


@dataclass
class Audit:
    """Linear constraints on the cells (residence, destination, activity) of a region."""

    table: pd.DataFrame
    rows: list[np.ndarray] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def at_most(self, row: np.ndarray, value: float) -> None:
        """Say that a sum is under a value."""
        self.rows.append(row)
        self.most.append(value)

    def about(self, row: np.ndarray, value: float, error: float) -> None:
        """Say that a sum is a number that was rounded."""
        self.at_most(row, value + error + 1e-9)
        self.at_most(-row, -value + error + 1e-9)

    def share(self, part: np.ndarray, whole: np.ndarray, value: float, error: float) -> None:
        """Say that a sum is a rounded part of another."""
        self.at_most(part - (value + error + 1e-12) * whole, 1e-9)
        self.at_most((value - error - 1e-12) * whole - part, 1e-9)

    def rate(self, row: np.ndarray, value: float, people: float, known: float) -> None:
        """Say that a sum is a rate per 1 000 people, rounded to what 11 of those known make."""
        if not pd.isna(value):
            step = min(each for each in STEPS if each * known >= 11_000)
            self.about(row, value * people / 1000, step / 2 * people / 1000)

    def rounded(self, part: np.ndarray, whole: np.ndarray, value: float) -> None:
        """Say that a sum is a part of another, rounded to what 11 of them make or finer."""
        patients = float(whole @ self.table["patients"].to_numpy(dtype="float64"))
        step = min(each for each in FINE if each * patients >= 11 or each == 0.5)
        if value > step + 1e-9:
            self.at_most((value - step / 2 - 1e-9) * whole - part, 1e-6)
        if value < 1 - step - 1e-9:
            self.at_most(part - (value + step / 2 + 1e-9) * whole, 1e-6)
        if value in (0, 1):  # nothing else is shown so
            self.share(part, whole, value, 0.0)

    def range(self, row: np.ndarray) -> tuple[float, float]:
        """Return the least and the most that a sum may be."""
        ends = []
        for sign in (1, -1):
            found = linprog(sign * row, A_ub=np.array(self.rows), b_ub=np.array(self.most))
            assert found.status in (0, 3), found.message
            ends.append(sign * found.fun if found.status == 0 else -sign * np.inf)
        return ends[0], ends[1]

    def found(self, sums: dict[object, np.ndarray]) -> dict[object, int]:
        """Return the small sums of which only one whole number is possible."""
        patients = self.table["patients"].to_numpy(dtype="float64")
        given = {}
        for name, row in sums.items():
            true = float(row @ patients)
            if 0 < true < 11:
                least, most = self.range(row)
                assert least - 1e-4 <= true <= most + 1e-4, (name, true, least, most)
                if np.floor(most + 1e-6) - np.ceil(least - 1e-6) < 1:
                    given[name] = int(true)
        return given


def audited(  # noqa: C901, PLR0912, PLR0915 - one list of what is told, table after table
    given: tt.Flows, zoning: tt.Zoning, *, earlier: tuple[Export, ...] = ()
) -> Audit:
    """Gather what the tables of a report tell of flows whose every possible cell is known to be."""
    layer = zoning.communes
    table = _every_cell(given, layer)
    audit = Audit(table)
    with using("en"):
        known = Evidence(flows=given, earlier=earlier)
        sheets = {each.key: each.table for each in findings(zoning, known, language="en")}
        measures = territory_table(zoning, known)
        words = {name: say(f"supply.{name}") for name in ("zone", "activity", "liberal_rate",
                 "liberal_region", "rate", "expected_rate", "population")}  # fmt: skip
        columns = {name: say(f"column.{name}") for name in ("li", "msi", "undrawn",
                   "distance_to_care", "distance_to_pole")}  # fmt: skip
        finding = {name: say(f"findings.{name}") for name in ("activity", "distance_km",
                   "first_pole", "first_share", "territory", "direction", "place",
                   "share_of_all", "leakage", "attraction")}  # fmt: skip
        heads = {name: say("findings.leakage_of", activity=name) for name in given.activities}
    weight = {
        (row.code, row.territory): row.weight for row in zoning.membership.itertuples(index=False)
    }
    ends = {name: table[name].tolist() for name in ("residence", "destination")}
    activity = table["activity"].to_numpy()
    points = layer.geometry.representative_point()
    one = np.ones(len(table))

    def held(territory: str, end: str) -> np.ndarray:
        return np.array([weight.get((each, territory), 0.0) for each in ends[end]])

    def metres(destinations: list[str]) -> np.ndarray:
        return np.array(
            [
                points[a].distance(points[b]) if {a, b} <= set(points.index) else np.nan
                for a, b in zip(ends["residence"], destinations, strict=True)
            ]
        )

    audit.about(one, float(table["patients"].sum()), 0.0)  # the account of the file
    living = np.array([each in layer.index for each in ends["residence"]], dtype=float)
    people = float(layer["population"].sum())
    zones = float(sheets["recourse"].drop_duplicates(words["zone"])[words["population"]].sum())
    for row in sheets["recourse"].to_dict("records"):
        own = activity == row[words["activity"]]
        base = float(row[words["population"]])
        here = held(row[words["zone"]], "residence")
        audit.rate(own * here, row[words["liberal_rate"]], base, base)
        audit.rate(own * living, row[words["liberal_region"]], people, zones)
    for row in sheets.get("gaps", pd.DataFrame()).to_dict("records"):
        own = activity == row[words["activity"]]
        here = (table["residence"] == row[words["zone"]]).to_numpy(dtype=float)
        base = float(row[words["population"]])
        audit.rate(own * here, row[words["rate"]], base, base)
        audit.rate(own * living, row[words["expected_rate"]], people, people)
    far = metres(ends["destination"])
    drawn_there = (~np.isnan(far)).astype(float)
    far = np.nan_to_num(far) / 1000
    poles = tt.evaluate(zoning, given)["pole"]
    place_of = {
        name: each for each, name in place_names(layer, sorted(set(ends["destination"]))).items()
    }
    for territory, row in measures.iterrows():
        sent, received = held(territory, "residence"), held(territory, "destination")
        kept = np.minimum(sent, received)
        for name, part, whole, error in (
            ("li", kept, sent, 5e-5),
            ("msi", kept, received, 5e-5),
            ("distance_to_care", sent * drawn_there * far, sent * drawn_there, 0.05),
        ):
            if not pd.isna(row[columns[name]]):
                audit.share(part, whole, row[columns[name]], error)
        if not pd.isna(row[columns["undrawn"]]):
            audit.rounded(sent * (1 - drawn_there), sent, row[columns["undrawn"]])
        if not pd.isna(row[columns["distance_to_pole"]]):
            there = np.nan_to_num(metres([poles[territory]] * len(table))) / 1000
            audit.share(sent * there, sent, row[columns["distance_to_pole"]], 0.05)
        told = sheets["activities"].set_index(finding["territory"]).loc[territory]
        for name, head in heads.items():
            if not pd.isna(told[head]):
                own = activity == name
                audit.rounded((sent - kept) * own, sent * own, told[head])
        for each in sheets.get("leakage", pd.DataFrame()).to_dict("records"):
            if each[finding["territory"]] != territory:
                continue
            place = each[finding["place"]]
            if each[finding["direction"]] == finding["leakage"] and place in place_of:
                here = (table["destination"] == place_of[place]).to_numpy(dtype=float)
                audit.rounded((sent - kept) * here, sent, each[finding["share_of_all"]])
            elif each[finding["direction"]] == finding["attraction"] and place in measures.index:
                theirs = held(place, "residence") * (received - kept)
                if not len(zoning.shared):
                    audit.rounded(theirs, received, each[finding["share_of_all"]])
    for row in sheets["scale"].to_dict("records"):
        own = (activity == row[finding["activity"]]).astype(float)
        if not pd.isna(row[finding["distance_km"]]):
            audit.share(
                own * living * drawn_there * far, own * living * drawn_there,
                row[finding["distance_km"]], 0.05,
            )  # fmt: skip
        if not pd.isna(row[finding["first_share"]]):
            here = (table["destination"] == place_of[row[finding["first_pole"]]]).to_numpy(float)
            audit.rounded(own * here, own, row[finding["first_share"]])
    return audit


def _every_cell(given: tt.Flows, layer: pd.DataFrame) -> pd.DataFrame:
    """List the cells that may hold patients: all places known to receive any, and all homes."""
    keys = ["residence", "destination", "activity"]
    places = given.table.groupby("activity")["destination"].unique()
    homes = sorted({*layer.index, *given.table["residence"]})
    pairs = [(home, place, name) for name in places.index for place in sorted(places[name])
             for home in homes]  # fmt: skip
    every = pd.DataFrame(pairs, columns=keys).set_index(keys)
    counts = given.table.groupby(keys)["patients"].sum()
    every["patients"] = counts.reindex(every.index).fillna(0.0)
    return every.reset_index()


def secrets(audit: Audit, zoning: tt.Zoning) -> dict[object, np.ndarray]:
    """List the sums that must not be found: cells, and what each end sends or receives."""
    table = audit.table
    sums: dict[object, np.ndarray] = dict(enumerate(np.eye(len(table))))
    sums = {tuple(table.loc[place, ["residence", "destination", "activity"]]): row
            for place, row in sums.items()}  # fmt: skip
    main = zoning.labels
    groups = table.assign(
        home=table["residence"].map(main).fillna("outside"),
        there=table["destination"].map(main).fillna("outside"),
    )
    for keys in (
        ["residence"], ["residence", "activity"], ["destination", "activity"],
        ["home", "activity"], ["home"], ["activity"], ["home", "there"],
        ["home", "there", "activity"],
    ):  # fmt: skip
        for key, rows in groups.groupby(keys).indices.items():
            one = np.zeros(len(table))
            one[rows] = 1.0
            sums[*keys, key] = one
    return sums


def attack(given: tt.Flows, zoning: tt.Zoning) -> dict[object, int]:
    audit = audited(given, zoning)
    return audit.found(secrets(audit, zoning))


def zoned_as(layer: pd.DataFrame, labels: str) -> tt.Zoning:
    """Give each commune, in order, the territory of a letter; a dot is none."""
    named = {
        each: None if label == "." else label
        for each, label in zip(sorted(layer.index), labels, strict=True)
    }
    return tt.Zoning.from_labels(pd.Series(named, dtype="object"), communes=layer)


def test_communes_beside_their_territory_tell_nothing() -> None:
    """U = {C, D}: C's 40 patients stand in the gaps, U's 43 in the rates, so D's are 3."""
    layer = drawn("ABCDEFGH", population=[5000, 5000, 1000, 1000, 5000, 5000, 5000, 5000])
    given = flows([(A, A, 900), (B, A, 800), (G, A, 40), (H, A, 3), (C, A, 700), (D, A, 600),
                   (E, A, 500), (F, A, 300)], layer)  # fmt: skip
    zoning = zoned_as(layer, "TTUUVVWW")
    assert attack(given, zoning) == {}


def region(seed: int) -> tuple[tt.Flows, tt.Zoning]:
    """Make a region of 3 to 7 communes, half of whose cells are 0 or small."""
    draw = np.random.default_rng(seed)
    size = int(draw.integers(3, 8))
    layer = drawn("ABCDEFGH"[:size], population=[int(n) for n in draw.integers(100, 3000, size)])
    own = codes("ABCDEFGH"[:size])
    places = list(draw.choice(own, min(size, int(draw.integers(1, 4))), replace=False))
    places += ["75056"] if draw.random() < 0.4 else []
    homes = own + (["69123"] if draw.random() < 0.3 else [])
    rows = []
    for name in ["dermatology", "radiology", "orl"][: int(draw.integers(1, 4))]:
        for home in homes:
            for place in places:
                kind = draw.random()
                most = (0, 15, 400)[int(kind >= 0.3) + int(kind >= 0.6)]
                if most:
                    rows.append((home, place, int(draw.integers(1 + 10 * (most > 15), most)), name))
    labels = "".join(sorted(draw.choice(list("TUV"), size)))
    labels = labels[:-1] + "." if draw.random() < 0.3 else labels
    return flows(rows, layer), zoned_as(layer, labels)


@pytest.mark.parametrize("seed", [4, 15, 21, 30, 31, 37, 39, 57])
def test_no_small_count_is_found_in_the_tables_of_a_report(seed: int) -> None:
    """In each of these, one was, when rates and shares were told to more digits."""
    assert attack(*region(seed)) == {}


def test_a_mean_distance_tells_no_count() -> None:
    """All of U = {B, F} go to A: 40 by one kilometre, 3 by five; the mean would tell the 3."""
    layer = drawn("ABCDEF")
    given = flows([(A, A, 300), (B, A, 40), (F, A, 3)], layer)
    with using("en"):
        table = territory_table(zoned_as(layer, "TUTTTU"), Evidence(flows=given))
    assert pd.isna(table.loc["U", "distance_to_care_km"])


def test_figures_of_few_practitioners_are_not_shown() -> None:
    """Two dermatologists in A, many radiologists: A is told as their pole, not their share."""
    layer = drawn("ABCD")
    number = pd.Series(
        [2, 30, 30],
        index=pd.MultiIndex.from_tuples(
            [("dermatology", A), ("radiology", A), ("radiology", D)],
            names=["activity", "destination"],
        ),
    )
    rows = [(B, A, 300, "dermatology"), (A, A, 200, "dermatology"), (A, A, 500, "radiology"),
            (A, D, 400, "radiology"), (D, D, 900, "radiology"),
            (B, D, 300, "radiology")]  # fmt: skip
    given = replace(flows(rows, layer), professionals=number)
    zoning = zoned_as(layer, "TTUU")
    with using("en"):
        found = {s.key: s.table for s in findings(zoning, Evidence(flows=given), language="en")}
    scale = found["scale"].set_index("specialty")
    assert scale["first pole"]["dermatology"] == "Commune 00001"
    assert scale.loc["dermatology", ["its share", "distance (km)"]].isna().all()
    assert scale.loc["radiology", ["its share", "distance (km)"]].notna().all()
    activities = found["activities"].set_index("territory")
    # Radiology is hidden with it, or the share of T would tell it.
    assert activities.loc["T"].isna().all()
    assert activities.loc["U", "leakage radiology"] == 0


def test_patients_of_poles_where_few_practise_are_not_in_the_changes() -> None:
    """Three practise in D: its 123 patients are not told, nor the 456 of B, which would tell."""
    layer = drawn("ABCD")
    number = pd.Series(
        [9, 9, 3],
        index=pd.MultiIndex.from_product([["dermatology"], [A, B, D]]).set_names(
            ["activity", "destination"]
        ),
    )
    given = flows([(A, A, 789), (B, B, 456), (D, D, 123)], layer)
    told = tt.changes(given, replace(given, professionals=number))._repr_html_()
    assert "789" in told
    assert "123" not in told
    assert "456" not in told


def test_a_few_who_move_with_their_commune_are_not_found() -> None:
    """C brings 40 patients to T, 3 of whom leave it: both shares would tell them."""
    layer = drawn("ABCD")
    given = flows([(A, A, 300), (B, B, 200), (B, A, 50), (C, A, 37), (C, D, 3), (A, D, 20),
                   (D, D, 90), (B, D, 30), (D, A, 25)], layer)  # fmt: skip
    card = tt.explain(zoned_as(layer, "TTUU"), given, C)
    joins = card.shown.moves.query("role == 'joins'")
    assert joins[["li_before", "li_after", "leakage_before", "leakage_after"]].isna().all(axis=None)


def test_departments_beside_a_region_do_not_tell_the_last_one() -> None:
    """Two of three departments are shown: the region less both is the third, of 4 patients."""
    layer = drawn("ABCDE")
    own = dict(zip(codes("ABCDE"), ["18001", "18002", "28001", "28002", "36001"], strict=True))
    layer = layer.rename(index=own).rename_axis("code")
    rows = [("18001", 300), ("18002", 90), ("28001", 200), ("28002", 80), ("36001", 4)]
    given = flows([(each, "18001", number) for each, number in rows], layer)
    found = tt.selection(given, ["18001", "28001"])
    assert pd.isna(found.shown["region"]["patients", ""])
    assert found.shown["department 18"]["patients", ""] == 390


def test_a_list_without_candidates_is_no_fault() -> None:
    layer = drawn("AB")
    given = flows([(A, A, 300), (B, B, 200)], layer)
    found = findings(zoned_as(layer, "TU"), Evidence(flows=given))
    assert "candidates" not in {each.key for each in found}


def test_signs_that_command_a_screen_stay_out_of_files(tmp_path: Path) -> None:
    layer = drawn("AB")
    layer["name"] = ["\x1b[31mred\x07", "=cmd|' /C calc'!A0\u202e"]
    tt.export_csv(zoned_as(layer, "TU"), tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text(encoding="utf-8-sig")
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\u202e]", text)
    assert ";=cmd" not in text
