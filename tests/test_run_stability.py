"""How far territories depend on chance: in the files of a run and on its map."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from browser import opened, started
from layers import code, layer, located
from test_maps import choose, embedded, fills, html, ready, search

import territories as tt
from territories import maps
from territories._words import using
from territories.cli import main
from territories.evaluation import stable_share
from territories.export import Evidence, commune_table, territory_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Opened
    from playwright.sync_api import Browser

# Two basins: a and h are their towns; d goes to both alike, by a few patients.
PICTURE = """
    abcdefgh
    ijklmnop
"""
RUNS = 40


def flows() -> tt.Flows:
    """People go to the town of their side, those of d to either: 12 patients each."""
    rows = []
    for place, letters in ((0, "abcijkl"), (1, "efghmnop")):
        near, far = "ah"[place], "ha"[place]
        for each in letters:
            rows += [(each, "orl", near, 900), (each, "orl", far, 30)]
    rows += [("d", "orl", "a", 12), ("d", "orl", "h", 12), ("d", "orl", "d", 1)]
    return located(rows, layer(PICTURE))


@pytest.fixture(scope="module")
def runs() -> tt.Runs:
    communes = layer(PICTURE, people=5_000)
    return tt.runs_of(flows(), communes, runs=RUNS, territories=2)


@pytest.fixture(scope="module")
def held(runs: tt.Runs) -> float:
    """Give the share of runs in which d is with its pole: neither never nor always."""
    share = float(runs.communes.loc[code("d"), "core_share"])
    assert 0.2 < share < 0.9
    return share


# --- files ---------------------------------------------------------------------------------------


def test_communes_tell_their_stability(runs: tt.Runs, held: float) -> None:
    with using("fr"):
        table = commune_table(runs.zoning, Evidence(stability=runs))
        bare = commune_table(runs.zoning)
    columns = ["stabilite", "deuxieme_territoire", "part_deuxieme"]
    assert [each for each in table.columns if each not in bare.columns] == columns
    d = table.loc[code("d")]
    own = runs.zoning.labels[code("d")]
    other = ({code("a"), code("h")} - {own}).pop()
    assert d["stabilite"] == round(held, 4)
    assert d["deuxieme_territoire"] == runs.zoning.names[other]
    assert d["part_deuxieme"] == pytest.approx(1 - held)
    a = table.loc[code("a")]
    assert a["stabilite"] == 1.0
    assert pd.isna(a["deuxieme_territoire"])
    assert pd.isna(a["part_deuxieme"])


def test_the_gap_of_flow_stays_in(runs: tt.Runs) -> None:
    """A share of a commune's own patients would tell how many they are."""
    with using("en"):
        communes = commune_table(runs.zoning, Evidence(stability=runs))
        territories = territory_table(runs.zoning, Evidence(stability=runs))
    assert {"stability", "second_territory", "second_share"} <= set(communes)
    assert "stable_share" in territories
    for table in (communes, territories):
        assert not [each for each in table.columns if "gap" in each or "flow" in each]
    assert "gap" not in html(maps.territory_map(runs.zoning, stability=runs)).split("<script")[-2]


def test_the_stable_share_is_of_the_people(runs: tt.Runs) -> None:
    """Of communes of 5 000 inhabitants each, all but d."""
    share = territory_table(runs.zoning, Evidence(stability=runs))
    own = runs.zoning.labels[code("d")]
    size = (runs.zoning.labels == own).sum()
    column = share.filter(like="stable").iloc[:, 0]
    assert column[own] == pytest.approx((size - 1) / size, abs=1e-4)
    assert column.drop(own).tolist() == [1.0]


def test_shared_communes_count_by_weight() -> None:
    communes = layer("abc", people={"a": 1_000, "b": 1_000, "c": 0})
    rows = [("a", "x", 1.0), ("b", "x", 0.25), ("b", "y", 0.75), ("c", "z", 1.0)]
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(communes=communes, membership=table.assign(code=table["code"].map(code)))
    share = stable_share(zoning, pd.Series({code("a"): 0.9, code("b"): 0.5, code("c"): np.nan}))
    assert share["x"] == pytest.approx(1_000 / 1_250)
    assert share["y"] == 0.0
    assert pd.isna(share["z"])


def test_a_run_tells_its_stability(
    region: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--communes", str(region["communes"]), "--flows", str(region["flows"])]
    one, none = tmp_path / "1", tmp_path / "2"
    assert main([*words, "--territories", "2", "--runs", "10", "--out", str(one)]) == 0
    told = capsys.readouterr().out
    assert "100,0 % des habitants sont avec leur pôle" in told
    assert "des 10 tirages ; communes frontières : 0." in told
    record = json.loads((one / "run.json").read_text(encoding="utf-8"))["stability"]
    assert record == {
        "runs": 10,
        "kind": "resamples",
        "agreement": 1.0,
        "stable_share": 1.0,
        "frontier_communes": 0,
    }
    communes = gpd_columns(one / "communes.geojson")
    assert {"stabilite", "deuxieme_territoire", "part_deuxieme"} <= communes
    assert "part_stable" in gpd_columns(one / "territories.geojson")
    assert main([*words, "--territories", "2", "--runs", "0", "--out", str(none)]) == 0
    assert "tirages" not in capsys.readouterr().out
    assert json.loads((none / "run.json").read_text(encoding="utf-8"))["stability"] == {}
    assert "stabilite" not in gpd_columns(none / "communes.geojson")
    page = (none / "map.html").read_text(encoding="utf-8")
    assert '"stability":' not in page.replace('"map.stability":', "")


def gpd_columns(path: Path) -> set[str]:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return set(features[0]["properties"])


# --- the page ------------------------------------------------------------------------------------


def test_the_page_holds_what_is_not_certain_only(runs: tt.Runs, held: float) -> None:
    data = embedded(maps.territory_map(runs.zoning, stability=runs))
    told = data["stability"]
    place = data["codes"].index(code("d"))
    other = [each["commune"] for each in data["territories"]]
    assert (told["runs"], told["kind"]) == (RUNS, "resamples")
    share, second, away = told["communes"].pop(str(place))
    assert share == int(100 * held + 1e-6)
    assert other[second] in (data["codes"].index(code("a")), data["codes"].index(code("h")))
    assert share + away in (99, 100)
    assert all(each[0] < 100 for each in told["communes"].values())
    borders = np.array(told["borders"]).reshape(-1, 3)
    assert (borders[:, 2] < 100).all()
    assert place in borders[:, :2]
    exact = runs.borders.set_index(["left", "right"])["solidity"]
    for left, right, percent in borders:
        pair = tuple(sorted((data["codes"][left], data["codes"][right])))
        assert percent == int(100 * exact[pair] + 1e-6)


def test_seeds_have_their_own_words() -> None:
    communes = layer(PICTURE, people=5_000)
    found = tt.runs_of(flows(), communes, runs=3, territories=2, resample=False)
    data = embedded(maps.territory_map(found.zoning, stability=found))
    assert f"map.help_stability_{data['stability']['kind']}" in data["words"]
    assert data["stability"]["kind"] == "seeds"


def test_a_zoning_that_has_lost_a_territory_is_drawn(runs: tt.Runs) -> None:
    labels = dict.fromkeys(runs.zoning.communes.index, code("a"))
    one = tt.Zoning.from_labels(labels, communes=runs.zoning.communes)
    told = embedded(maps.territory_map(one, stability=runs))["stability"]
    assert all(len(each) == 1 or each[1] == 0 for each in told["communes"].values())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def drawn(browser: Browser, tmp_path: Path, runs: tt.Runs) -> Iterator[Opened]:
    path = tmp_path / "carte.html"
    rows = runs.zoning.membership
    labels = rows.set_index("code")["territory"].drop(code("p"))  # a white zone
    zoning = tt.Zoning.from_labels(labels, communes=runs.zoning.communes)
    maps.territory_map(zoning, stability=runs).save(path)
    with opened(browser, path) as found:
        ready(found)
        yield found
        assert found.requests == []
        assert found.errors == []


@pytest.mark.browser
def test_frontiers_are_seen_and_explained(drawn: Opened, held: float) -> None:
    choose(drawn, "Stabilité")
    shown = dict(zip([code(each) for each in "abcdefghijklmnop"], fills(drawn), strict=True))
    assert len({shown[code(each)] for each in "abcefgh"}) == 1
    assert shown[code("d")] not in (shown[code("a")], "#ffffff")
    assert shown[code("p")] == "#ffffff"
    text = drawn.page.inner_text(".tm-legend")
    for words in (
        f"les patients sont retirés au sort {RUNS}\u00a0fois",
        "Stable",
        "avec son pôle dans 90\u00a0% des tirages ou plus",
        "Frontière",
        "Zone blanche",
        "Limite solide",
        "Limite incertaine",
        "Limite fragile",
    ):
        assert words in text
    search(drawn, code("d"))
    drawn.page.keyboard.press("Enter")
    card = drawn.page.inner_text(".tm-pinned")
    percent = int(100 * held + 1e-6)
    assert re.search(rf"avec son pôle dans {percent}\s% des tirages ; sinon avec ", card)
    search(drawn, "Ville-a")
    drawn.page.keyboard.press("Enter")  # the territory stands first
    assert "Habitants stables" in drawn.page.inner_text(".tm-pinned")


@pytest.mark.browser
def test_borders_are_as_solid_as_they_are(drawn: Opened) -> None:
    dashes = (
        "() => [...document.querySelectorAll('.leaflet-borders-pane path')]"
        ".filter((one) => one.getAttribute('d') !== 'M0 0')"
        ".map((one) => one.getAttribute('stroke-dasharray')).filter(Boolean)"
    )
    before = drawn.page.evaluate(dashes)  # departments
    choose(drawn, "Stabilité")
    dashed = drawn.page.evaluate(dashes)
    assert len(dashed) > len(before)
    drawn.page.get_by_role("checkbox", name="Territoires").uncheck()
    assert drawn.page.evaluate(dashes) == before
    choose(drawn, "Territoires")
    assert drawn.page.evaluate(dashes) == before
    drawn.page.get_by_role("checkbox", name="Territoires").check()
    assert drawn.page.evaluate(dashes) == before  # of a theme without solidity
    choose(drawn, "Stabilité")
    assert drawn.page.evaluate(dashes) == dashed


@pytest.mark.browser
def test_the_theme_is_reached_by_the_keyboard(drawn: Opened) -> None:
    drawn.page.get_by_role("radio", name="Territoires", exact=True).focus()
    drawn.page.keyboard.press("ArrowDown")
    assert drawn.page.get_by_role("radio", name="Stabilité", exact=True).is_checked()
    assert "tirages" in drawn.page.inner_text(".tm-legend")
