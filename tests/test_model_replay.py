"""The log of the page, applied in Python, gives the page's territories and figures to the digit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from browser import started
from grids import random_flows, random_layer
from workshops import divided, model_page

import territories as tt
from territories.aci import aci_measures
from territories.form import white_zones
from territories.replay import replay
from territories.workshop import payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from playwright.sync_api import Browser, Page

DATA = Path(__file__).parents[1] / "data"
STEPS = 200
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


def demo() -> tuple[tt.Zoning, tt.Flows]:
    """Give the fictional region, divided by steps from commune to commune, ferry included."""
    communes = tt.read_communes(DATA / "communes.geojson")
    bridges = tt.read_bridges(DATA / "bridges.csv")
    flows = tt.read_flows(DATA / "specialists.csv", communes=communes).located()
    pairs = tt.contiguity(communes, bridges=bridges)
    return divided(communes, 12, pairs=pairs), flows


def hard_grid(seed: int = 7, *, known: bool = False) -> tuple[tt.Zoning, tt.Flows]:
    """Give a grid with seas, ferries, shared and uncovered communes, and people nobody counted."""
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 9, 11, sea=0.15)
    listed = sorted(communes.index)
    pairs = tt.contiguity(communes, bridges=[(listed[0], listed[-1]), (listed[3], listed[40])])
    if not known:
        communes["population"] = communes["population"].astype("float64")
        communes.loc[[listed[5], listed[31]], "population"] = np.nan
    zoning = divided(communes, 7, pairs=pairs)
    member = zoning.membership.set_index("code")["territory"]
    rows = []
    for place, each in enumerate(sorted(member.index)):
        beside = sorted({member[other] for other in zoning.graph[each]} - {member[each]})
        if place % 13 == 4:
            continue
        if beside and place % 5 == 1:
            rows += [(each, member[each], 0.7), (each, beside[0], 0.3)]
        else:
            rows.append((each, member[each], 1.0))
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(communes=communes, membership=table, pairs=pairs)
    return zoning, random_flows(generator, communes, count=900, most=60)


def compared(
    page: Page,
    folder: Path,
    zoning: tt.Zoning,
    flows: tt.Flows,
    *,
    seed: int,
    overlaps: bool = True,
) -> dict[str, int]:
    """Take random decisions in the page; apply its log in Python; compare all figures."""
    data = payload(zoning, flows, overlaps=overlaps)
    tally, state, text = page.evaluate(
        """([data, seed, steps]) => {
            const model = createModel(data);
            const tally = randomSteps(model, seed, steps);
            const saved = createModel(data);
            saved.restore(JSON.parse(JSON.stringify(model.save())));
            const state = modelState(model);
            if (JSON.stringify(state) !== JSON.stringify(modelState(saved))) {
              throw new Error("restored otherwise than saved");
            }
            return [tally, state, logText(model)];
        }""",
        [data, seed, STEPS],
    )
    log = folder / f"log-{seed}.csv"
    log.write_text(text, encoding="utf-8", newline="")
    found = replay(zoning, tt.read_revisions(log), overlaps=overlaps)
    same_state(found.zoning, state, data)
    results = {"fault": "refused"}
    assert list(zip(found.lines["order"], found.lines["result"], strict=True)) == [
        (order, results.get(result, result)) for order, result in state["results"]
    ]
    within(tt.evaluate(found.zoning, flows), state["figures"])
    return dict(tally, log=len(found.lines))


def same_state(zoning: tt.Zoning, state: dict[str, Any], data: dict[str, Any]) -> None:
    """Check members, claims, names, people, sizes, pieces and white zones, to the digit."""
    codes, figures = data["codes"], state["figures"]
    rows = [
        (codes[place], territory, weight)
        for place, members in enumerate(state["members"])
        for territory, weight in members
    ]
    columns = ["code", "territory", "weight"]
    assert list(zoning.membership[columns].itertuples(index=False, name=None)) == rows
    claims = {codes[k]: tuple(ids) for k, ids in enumerate(state["claims"]) if ids}
    assert dict(zoning.claims) == claims
    listed = [each["id"] for each in state["territories"]]
    known = {*zoning.names, *zoning.membership["territory"]}
    assert sorted(known) == listed
    assert [each for each in listed if each in zoning.locked] == [
        each["id"] for each in state["territories"] if each["locked"]
    ]
    said = {each["id"]: each["status"] for each in state["territories"] if each["status"]}
    assert dict(zoning.statuses) == said
    table = zoning.territories
    sizes = aci_measures(table["population"])
    pieces = zoning.pieces()
    for territory in listed:
        page = figures[territory]
        if territory not in table.index:
            assert page["communes"] == 0
            continue
        people = table.loc[territory, "population"]
        assert page["communes"] == table.loc[territory, "communes"]
        assert page["population"] == (None if pd.isna(people) else people)
        assert page["size"] == _plain(sizes.loc[territory, "aci_size"])
        assert page["next"] == _plain(sizes.loc[territory, "next_bound"])
        assert len(page["pieces"]) == pieces[territory]
    white = white_zones(zoning)
    assert [codes[each["commune"]] for each in state["white"]] == white.index.tolist()
    for name in ("kind", "territory", "within"):
        assert [each[name] for each in state["white"]] == [_plain(each) for each in white[name]]


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def within(measures: pd.DataFrame, figures: dict[str, Any]) -> None:
    """Check that the exact leakage is inside the bounds that the page tells."""
    for territory, row in measures.iterrows():
        page = figures[territory]
        for name in ("li", "leakage"):
            if pd.isna(row[name]):
                continue
            bounds = page[name]
            assert bounds["low"] - ROUNDING <= row[name] <= bounds["high"] + ROUNDING


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with model_page(browser, tmp_path_factory.mktemp("replay")) as found:
        yield found


@pytest.mark.parametrize("seed", range(1, 7))
def test_random_decisions_on_the_fictional_region(page: Page, tmp_path: Path, seed: int) -> None:
    zoning, flows = demo()
    tally = compared(page, tmp_path, zoning, flows, seed=seed)
    assert tally["refused"] > 10
    assert tally["log"] > 50


@pytest.mark.parametrize("seed", range(20, 28))
def test_random_decisions_on_grids(page: Page, tmp_path: Path, seed: int) -> None:
    """Seas, ferries, shared, uncovered and unknown; every third one without overlaps."""
    zoning, flows = hard_grid(seed, known=seed % 2 == 0)
    tally = compared(page, tmp_path, zoning, flows, seed=seed, overlaps=seed % 3 > 0)
    assert tally["forced"] + tally["cuts"] > 5


def test_random_decisions_on_cvl(
    page: Page, tmp_path: Path, cvl_communes: gpd.GeoDataFrame, cvl_located: tt.Flows
) -> None:
    zoning = divided(cvl_communes, 24)
    for seed in (1, 2):
        compared(page, tmp_path, zoning, cvl_located, seed=seed)
