"""Drafts on disk: the same bytes for the same draft, read back whole, refused when changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from grids import HEAVY, code, drawn, grid, shuffle, zoned
from hypothesis import given
from hypothesis import strategies as st
from logs import any_log, base

import territories as tt
from territories.drafts import FILE, draft_hash, draft_text
from territories.revisions import Revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARENT = {"name": "draft", "sha256": "0" * 64}


def rich() -> tt.Zoning:
    """Give a draft of which everything was said."""
    zoning = replace(zoned("nnn\nss."), names={"n": "Nord", "s": "Sud"}, name="brouillon")
    return zoning.revise(
        [
            Revision("share", code(1), "s|n", parts=(2, 1)),
            Revision("claim", code(2), "s"),
            Revision("new", territory="w", target="Été"),
            Revision("colour", territory="n", target="#1b5fa8"),
            Revision("status", territory="n", target="contracting"),
            Revision("unlock", territory="s"),
            Revision("lock", territory="w"),
        ]
    )


def kept(zoning: tt.Zoning, folder: Path, **more: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(draft_text(zoning, **more), encoding="utf-8", newline="\n")
    return folder


def test_a_draft_is_read_back_as_it_was(tmp_path: Path) -> None:
    zoning = rich()
    again = tt.read_draft(kept(zoning, tmp_path, parent=PARENT), zoning.communes)
    assert again.membership.equals(zoning.membership)
    for name in ("names", "name", "colours", "statuses", "locks", "claims", "unmet", "locked"):
        assert getattr(again, name) == getattr(zoning, name), name
    assert again.parameters == zoning.parameters
    assert draft_text(again, parent=PARENT) == draft_text(zoning, parent=PARENT)
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["parent"] == PARENT


def test_the_order_of_rows_changes_no_byte(tmp_path: Path) -> None:
    zoning = rich()
    other = replace(
        zoning,
        membership=shuffle(zoning.membership, 3),
        communes=shuffle(zoning.communes, 4),
        names=dict(reversed(list(zoning.names.items()))),
    )
    assert draft_text(zoning) == draft_text(other)
    one, two = kept(zoning, tmp_path / "one"), kept(other, tmp_path / "two")
    assert draft_hash(one) == draft_hash(two)
    assert len(draft_hash(one)) == 64


def test_what_was_forced_is_told_again(tmp_path: Path) -> None:
    forced = zoned("nnn").revise([Revision("release", code(2), order=3)], force=True)
    again = tt.read_draft(kept(forced, tmp_path), forced.communes)
    assert list(map(str, again.unmet)) == list(map(str, forced.unmet))
    assert again.uncovered == [code(2)]


def test_forbidden_overlaps_stay_forbidden(tmp_path: Path) -> None:
    zoning = replace(rich(), parameters={"overlaps": False})
    again = tt.read_draft(kept(zoning, tmp_path), zoning.communes)
    assert again.parameters["overlaps"] is False


def test_communes_that_left_or_joined_the_layer_are_told(tmp_path: Path) -> None:
    folder = kept(zoned("nns"), tmp_path)
    layer = drawn("ABD")
    again = tt.read_draft(folder, layer)
    assert again.uncovered == [code("D")]
    assert set(again.membership["code"]) == {code("A"), code("B")}
    assert [each.key for each in again.unmet] == ["unmet.draft_gone", "unmet.draft_new"]
    assert "s" in again.names  # it has no commune left, and still exists
    assert code("C") in str(again.unmet[0])
    # Said once: the next draft knows the new layer.
    assert len(tt.read_draft(kept(again, tmp_path), layer).unmet) == 2


def test_a_folder_without_a_draft_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tt.InputError, match="draft"):
        tt.read_draft(tmp_path, drawn("A"))


def change(**more: object) -> Callable[[dict], dict]:
    return lambda record: {**record, **more}


@pytest.mark.parametrize(
    "spoil",
    [
        change(format=2),
        change(territories=[]),
        change(territories=[{"id": 3}]),
        change(membership={"00001": {"nowhere": 1.0}}),
        change(membership={"00001": "n"}),
        change(membership=[]),
        change(claims={"00001": ["nowhere"]}),
        change(name=3),
        change(unmet=[["error.nothing", {}]]),
        change(unmet=[["unmet.small", {}]]),
        change(unmet=3),
        change(parameters=3),
        lambda _: [],
        lambda _: {},
    ],
)
def test_a_draft_that_was_changed_by_hand_is_refused(
    tmp_path: Path, spoil: Callable[[dict], object]
) -> None:
    zoning = rich()
    record = json.loads(draft_text(zoning))
    kept(zoning, tmp_path)
    (tmp_path / FILE).write_text(json.dumps(spoil(record)), encoding="utf-8")
    with pytest.raises(tt.InputError):
        tt.read_draft(tmp_path, zoning.communes)


@pytest.mark.parametrize(
    "said",
    [
        {"colour": "red"},
        {"colour": "#00000g"},
        {"status": "done"},
        {"lock": 1},
        {"lock": "yes"},
        {"name": None},
    ],
)
def test_what_is_said_of_a_territory_is_checked(tmp_path: Path, said: dict) -> None:
    zoning = rich()
    record = json.loads(draft_text(zoning))
    record["territories"][0] |= said
    kept(zoning, tmp_path)
    (tmp_path / FILE).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(tt.InputError, match="draft"):
        tt.read_draft(tmp_path, zoning.communes)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(tt.InputError):
        tt.read_draft(tmp_path, drawn("A"))


@HEAVY
@given(seed=st.integers(0, 10**6))
def test_a_replay_goes_on_from_a_draft_as_from_the_zoning(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    first = tt.replay(base(seed), any_log(seed)).zoning
    folder = kept(first, tmp_path_factory.mktemp("draft"))
    again = tt.read_draft(folder, grid(4, 5))
    one = tt.replay(first, any_log(seed + 1))
    two = tt.replay(again, any_log(seed + 1))
    assert one.zoning.membership.equals(two.zoning.membership)
    assert draft_text(one.zoning) == draft_text(two.zoning)
    assert one.lines["result"].equals(two.lines["result"])
