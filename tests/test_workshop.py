"""What the page of the workshop holds: the draft as it is, and bounds that hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from grids import (
    HEAVY,
    OUTSIDE,
    code,
    codes,
    drawn,
    flows,
    grid,
    shuffle,
    shuffled_rows,
    zoned,
    zoning_of,
    zonings,
)
from hypothesis import given
from layers import as_options
from test_maps import grid_poles, grid_zoning, layer

import territories as tt
from territories import maps
from territories._outside import rim
from territories._page_flows import STEP, physicians
from territories._words import using
from territories.concordance import concordance
from territories.export import Evidence, territory_table
from territories.form import white_zones
from territories.secrecy import Secrecy
from territories.workshop import payload, workshop_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

    from territories._words import Language

A, B, C, D, E = codes("ABCDE")


def text_of(data: dict[str, object]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


# ---------------------------------------------------------------- the draft


@pytest.mark.parametrize(
    ("name", "language", "told"),
    [
        ("draft", "fr", "Brouillon"),
        ("draft-3", "fr", "Brouillon 3"),
        ("draft", "en", "Draft"),
        ("draft of us", "fr", "draft of us"),
    ],
)
def test_a_draft_nobody_named_is_named_in_the_language_of_the_page(
    name: str, language: Language, told: str
) -> None:
    communes = layer()
    zoning = replace(grid_zoning(communes), name=name)
    assert payload(zoning, language=language)["draft"]["name"] == told


def test_the_draft_is_laid_out_as_it_is() -> None:
    layer = drawn("ABCD")
    zoning = replace(
        zoning_of(layer, [("A", "U", 0.75), ("A", "T", 0.25), ("B", "T", 1), ("C", "U", 1)]),
        names={"T": "Nord", "U": "Sud", "Z": "Vide"},
        statuses={"T": "running"},
        locks={"U": True},
        colours={"Z": "#123456"},
        claims={C: ("T",)},
        name="brouillon 2",
    )
    log = [tt.Revision("share", A, "T|U", 3, "Mme X", "2026-11-22", "essai", parts=(1, 3))]
    data = payload(zoning, revisions=log, origin={"parent": "brouillon"}, overlaps=False)
    states = [
        [row[each] for each in ("id", "name", "status", "lock")] for row in data["territories"]
    ]
    assert states == [
        ["T", "Nord", "running", None], ["U", "Sud", None, True], ["Z", "Vide", None, None]
    ]  # fmt: skip
    assert data["territories"][2]["colour"] == "#123456"
    assert data["territory"] == [1, 0, 1, -1]
    assert data["shared"] == {0: [(1, 0.75), (0, 0.25)]}
    assert data["claims"] == {2: [0]}
    assert data["draft"] == {"name": "brouillon 2", "date": None, "parent": "brouillon"}
    assert data["settings"]["overlaps"] is False
    assert data["flows"] is None
    assert data["log"] == [
        {"action": "share", "code": A, "target": "T|U", "order": 3, "author": "Mme X",
         "date": "2026-11-22", "reason": "essai", "territory": "", "parts": [1, 3],
         "force": False}
    ]  # fmt: skip
    assert data["pairs"] == [0, 1, 1, 2, 2, 3]
    assert data["touch"] == [1, 1, 1]
    assert re.fullmatch("[0-9a-f]{12}", data["id"])
    assert payload(zoning)["id"] == data["id"]
    other = replace(zoning, statuses={})
    assert payload(other)["id"] != data["id"]


def test_the_same_page_whatever_the_order_of_rows() -> None:
    communes = layer()
    rows = [(each, "45001", 400 + number) for number, each in enumerate(sorted(communes.index))]
    rows += [(each, "45003", 7) for each in sorted(communes.index)]
    given_flows = flows(rows, communes)
    poles = grid_poles(communes)

    def page(communes: gpd.GeoDataFrame, seed: int) -> str:
        zoning = grid_zoning(communes)
        mixed = replace(zoning, membership=shuffle(zoning.membership, seed))
        return workshop_page(
            payload(
                mixed,
                shuffled_rows(replace(given_flows, communes=communes), seed),
                agreement=concordance(poles),
                poles=poles,
                outlines={"EPCI": mixed},
                drafts={"autre": mixed},
            )
        )

    assert page(communes, 1) == page(communes.sample(frac=1, random_state=8), 2)


def test_drafts_are_of_the_same_communes() -> None:
    with pytest.raises(tt.InputError, match="'other' is not about the same communes"):
        payload(zoned("AB"), drafts={"other": zoned("ABC")})


def test_outlines_begin_with_departments() -> None:
    communes = layer()
    found = payload(grid_zoning(communes), outlines={"Moi": grid_zoning(communes)})["outlines"]
    assert [each["name"] for each in found] == ["Départements", "Moi"]
    assert found[0]["zones"] == ["28", "45"]
    assert sorted(set(found[1]["zone"])) == [-1, 0, 1]


# ---------------------------------------------------------------- white zones


@pytest.mark.parametrize(
    ("picture", "inside"),
    [
        ("AAA\nABA\nAAA", "B"),
        ("AAA\nA.A\nAAA", ""),  # a hole of the layer
        ("AAAA\nABCA\nAAAA", "BC"),
        ("ABC", ""),
        ("AB D", ""),
        ("AAAAA\nA   A\nA B A\nA   A\nAAAAA", "B"),  # an island of a lake
        ("AAC\nABA\nAAA", "B"),
    ],
)
def test_the_rim_is_what_has_a_border_with_the_outside(picture: str, inside: str) -> None:
    communes = drawn(picture).sort_index()
    places = [communes.index.get_loc(code(each)) for each in inside]
    assert set(range(len(communes))) - set(rim(communes)) == set(places)


def enclosed(data: dict[str, object]) -> set[int]:
    """Find uncovered and enclosed communes as the page does, by borders and rim alone."""
    size = len(data["codes"])
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    pairs = zip(data["pairs"][::2], data["pairs"][1::2], strict=True)
    graph.add_edges_from(
        pair for pair, touching in zip(pairs, data["touch"], strict=True) if touching
    )
    label = data["territory"]
    found = {place for place, own in enumerate(label) if own < 0}
    for territory in range(len(data["territories"])):
        own = [place for place in range(size) if label[place] == territory]
        for piece in nx.connected_components(graph.subgraph(own)):
            for part in nx.connected_components(graph.subgraph(set(graph) - piece)):
                if not part & set(data["rim"]):
                    found |= {place for place in part if label[place] != territory}
    return found


@HEAVY
@given(zonings())
def test_white_zones_of_the_page_are_those_of_python(world: tuple[tt.Zoning, tt.Flows]) -> None:
    zoning, _ = world
    data = payload(zoning)
    white = {data["codes"].index(each) for each in white_zones(zoning).index}
    assert enclosed(data) == white


# ---------------------------------------------------------------- flows


def bounds(data: dict[str, object], territory: int) -> tuple[float, float] | None:
    """Bound the share that a territory keeps, as the page does."""
    told = data["flows"]
    size = len(data["codes"])
    weight = np.zeros(size)
    for place, own in enumerate(data["territory"]):
        members = dict(data["shared"].get(place, [(own, 1.0)]))
        weight[place] = members.get(territory, 0.0)
    kept = known = rest = 0.0
    for home in range(size):
        for at in range(told["start"][home], told["start"][home + 1]):
            to, number = told["to"][at], told["patients"][at]
            known += weight[home] * number
            kept += min(weight[home], weight[to] if to >= 0 else 0.0) * number
        rest += weight[home] * told["rest_high"][home]
    every = known + rest
    return (kept / every, (kept + rest) / every) if every else None


@HEAVY
@given(zonings())
def test_bounds_hold_what_is_exact(world: tuple[tt.Zoning, tt.Flows]) -> None:
    zoning, given_flows = world
    masked = given_flows.table.assign(masked=(given_flows.table["patients"] % 7 == 3).astype(int))
    for each in (given_flows, replace(given_flows, table=masked)):
        data = payload(zoning, each)
        measures = tt.evaluate(zoning, each)
        for number, row in enumerate(data["territories"]):
            found = bounds(data, number)
            exact = measures.loc[row["id"]]
            names = ["li", *(["li_low", "li_high"] if "li_low" in measures else [])]
            for name in names:
                if found is not None and not pd.isna(exact[name]):
                    assert found[0] - 1e-9 <= exact[name] <= found[1] + 1e-9


def test_which_cells_are_shown() -> None:
    layer = drawn("ABCD")
    rows = [(A, A, 400, "x"), (A, A, 103, "y"), (A, B, 6, "x"), (A, B, 10, "y"), (A, C, 14, "x"),
            (A, D, 90, "x"), (A, OUTSIDE[0], 30, "x"), (B, A, 3, "x")]  # fmt: skip
    given_flows = flows(rows, layer)
    people = pd.Series(
        [3, 4, 6, 6, 2],
        index=pd.MultiIndex.from_tuples(
            [("x", D), ("y", D), ("x", A), ("x", B), ("x", C)], names=["activity", "destination"]
        ),
    )
    zoning = tt.Zoning.from_labels(dict.fromkeys(layer.index, "T"), communes=layer)
    told = payload(zoning, given_flows)["flows"]
    assert (told["to"], told["patients"]) == ([-1, 0, 1, 3], [26, 501, 16, 86])
    assert told["start"] == [0, 4, 4, 4, 4]
    assert told["outside"] == ["commune 75056 (hors région)"]
    assert (told["rest_low"][0], told["rest_high"][0]) == (0, 25)  # 4 + 2 + 14 + 4, of at most 43
    assert told["step"] == STEP
    few = payload(zoning, replace(given_flows, professionals=people))["flows"]
    assert few["to"] == [0, 1]  # D: 3 and 4 may be the same ones; nobody is known elsewhere
    assert (few["rest_low"][0], few["rest_high"][0]) == (125, 150)
    masked = given_flows.table.assign(masked=(given_flows.table["destination"] == A).astype(int))
    told = payload(zoning, replace(given_flows, table=masked))["flows"]
    assert 0 not in told["to"]
    wider = payload(zoning, given_flows, secrecy=Secrecy(threshold=30))["flows"]
    assert min(wider["patients"]) >= 30
    assert all(each % 75 == 0 for each in wider["rest_high"])


def test_shares_kept_are_those_of_the_tables() -> None:
    communes = layer()
    rows = [(each, "45001", 400) for each in sorted(communes.index)]
    given_flows = flows(rows, communes)
    told = payload(grid_zoning(communes), given_flows)["flows"]
    with using("fr"):
        shares = territory_table(grid_zoning(communes), Evidence(flows=given_flows))["li"]
    assert told["kept"] == shares.dropna().to_dict()
    assert [each for each, kind in zip(sorted(communes.index), told["receives"], strict=True)
            if kind] == ["45001"]  # fmt: skip
    # Of 7 patients in all, who leave, nothing is told.
    few = payload(grid_zoning(communes), flows([("45001", "45003", 7)], communes))["flows"]
    assert few is None


def test_few_practitioners_are_not_counted() -> None:
    layer = drawn("ABC", population=[10_000, 10_000, 0])
    places = pd.DataFrame({"commune": [A] * 7 + [B] * 5 + [C]})
    given_flows = replace(flows([(A, A, 50)], layer), practices=places)
    assert physicians(given_flows, layer.sort_index(), secrecy=Secrecy()) == [7.0, -1, -1]


# ---------------------------------------------------------------- the public copy


def public_zoning() -> tt.Zoning:
    layer = drawn("ABCD")
    rows = [("A", "T", 1), ("B", "T", 0.6), ("B", "U", 0.4), ("C", "U", 1), ("D", "V", 1)]
    return replace(
        zoning_of(layer, rows),
        names={"T": "Nord", "U": "Sud secret", "V": "Est"},
        statuses={"T": "running", "U": "initiative", "V": "running"},
        claims={A: ("U",)},
    )


def test_a_public_copy_has_what_may_be_shown_and_nothing_else() -> None:
    zoning = public_zoning()
    given_flows = flows([(A, A, 400), (B, A, 300), (C, C, 777)], zoning.communes)
    log = [tt.Revision("move", A, "T", 1, "Mme Auteur", "", "motif secret")]
    whole = payload(zoning, given_flows, revisions=log)
    data = payload(
        zoning, given_flows, revisions=log, drafts={"autre": zoning}, statuses=["Fonctionnement"],
        origin={"parent": "parent secret"}, poles=None,
    )  # fmt: skip
    assert [each["name"] for each in data["territories"]] == ["Nord", "Est"]
    assert data["territory"] == [0, 0, -1, 1]
    assert data["shared"] == {1: [(0, 0.6)]}
    assert data["settings"]["public"] is True
    for name in ("claims", "drafts", "log", "flows"):
        assert not data[name], name
    assert data["id"] != whole["id"]
    page = workshop_page(data)
    for secret in ("Sud secret", "Mme Auteur", "motif secret", "parent secret"):
        assert secret not in page
    assert '"physicians"' not in text_of(data)


@pytest.mark.parametrize(
    ("statuses", "words"),
    [(["secret"], "Unknown: 'secret'"), ([], "Unknown"), (["contracting"], "would be empty")],
)
def test_public_copies_that_are_refused(statuses: list[str], words: str) -> None:
    with pytest.raises(tt.InputError, match=words):
        payload(public_zoning(), statuses=statuses, language="en")


# ---------------------------------------------------------------- files


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    zoning = public_zoning()
    path = tmp_path / "editor.html"
    maps.save_editor(path, zoning, title="Réunion & <b>", note="Simulé", language="en")
    page = path.read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert "<title>Réunion &amp; &lt;b&gt;</title>" in page
    with pytest.raises(tt.InputError, match="exists already"):
        maps.save_editor(path, zoning)
    with pytest.raises(tt.InputError, match="would be empty"):
        maps.save_editor(path, zoning, statuses=["contracting"], overwrite=True)
    assert path.read_text(encoding="utf-8") == page
    assert [each.name for each in tmp_path.iterdir()] == ["editor.html"]


def test_a_large_layer_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("territories.workshop._LARGE", 8)
    monkeypatch.setattr("territories.workshop._FINE", 4)
    communes = grid(3, 3)
    zoning = tt.Zoning.from_labels(dict.fromkeys(communes.index, "T"), communes=communes)
    data = payload(zoning, flows([(A, A, 400)], communes))
    assert data["flows"] is None
    assert len(data["settings"]["limited"]) == 2
    assert "220 m" in data["settings"]["limited"][1]
    assert payload(zoned("AB"))["settings"]["limited"] == []


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(cli: Callable, region: dict[str, Path], tmp_path: Path) -> Path:
    out = tmp_path / "out"
    options = ("--territories", 2, "--runs", 3, "--out", out)
    assert cli("run", *as_options(region), *options).code == 0
    return out


def data_of(path: Path) -> dict[str, object]:
    found = re.search(
        r'id="territories-data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL
    )
    return json.loads(found[1])


def test_edit_writes_the_workshop_of_a_run(
    cli: Callable, region: dict[str, Path], run: Path, tmp_path: Path
) -> None:
    told = cli("edit", run, *as_options(region))
    assert told.code == 0
    assert str(run / "editor.html") in told.out
    data = data_of(run / "editor.html")
    assert len(data["territories"]) == 2
    assert data["flows"]["rest_high"][0] >= 25
    assert data["stability"]["runs"] == 3
    again = cli("edit", run, *as_options(region))
    assert again.code == 1
    assert "existe déjà" in again.err
    out = tmp_path / "other.html"
    options = ("--draft", run, "--against", f"Moi={run / 'communes.csv'}", "--no-overlaps")
    words = ("--title", "Réunion", "--note", "Simulé", "--lang", "en", "--out", out)
    assert cli("edit", run, *as_options(region), *options, *words).code == 0
    data = data_of(out)
    assert [each["name"] for each in data["outlines"]][1:] == ["Moi"]
    assert len(data["drafts"]) == 1
    assert (data["language"], data["title"], data["note"]) == ("en", "Réunion", "Simulé")
    assert data["settings"]["overlaps"] is False
    cleared = cli("run", *as_options(region), "--runs", 0, "--out", run, "--overwrite")
    assert cleared.code == 0
    assert not (run / "editor.html").exists()


def test_edit_takes_the_draft_of_the_folder(
    cli: Callable, region: dict[str, Path], run: Path
) -> None:
    record = json.loads((run / "draft.json").read_text(encoding="utf-8"))
    first, second = (each["id"] for each in record["territories"])
    record["membership"] = {each: {first: 1.0} for each in record["membership"]}
    record["territories"][0] |= {"status": "running", "name": "Tout"}
    record["parent"] = {"name": "brouillon", "sha256": "0" * 64}
    (run / "draft.json").write_text(json.dumps(record), encoding="utf-8")
    assert cli("edit", run, *as_options(region)).code == 0
    data = data_of(run / "editor.html")
    assert set(data["territory"]) == {0}
    assert data["draft"]["parent"] == "brouillon"
    assert [each["id"] for each in data["territories"]] == [first, second]
    assert cli("edit", run, *as_options(region), "--public", "fonctionnement").code == 0
    data = data_of(run / "editor_public.html")
    assert [each["name"] for each in data["territories"]] == ["Tout"]
    assert data["flows"] is None


def test_edit_refuses_before_the_work(
    cli: Callable, region: dict[str, Path], run: Path, tmp_path: Path
) -> None:
    told = cli("edit", run, *as_options(region), "--public", "secret", "--draft", tmp_path,
               "--out", tmp_path / "none" / "a.html")  # fmt: skip
    assert told.code == 1
    for words in ("« secret »", "draft.json", "none"):
        assert words in told.err
    assert cli("edit", tmp_path, *as_options(region)).code == 1
    region["flows"].write_bytes(region["flows"].read_bytes() + b"\n")
    assert cli("edit", run, *as_options(region)).code == 1
    assert not (run / "editor.html").exists()
