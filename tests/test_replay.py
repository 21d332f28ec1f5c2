"""Replay of decisions: one test for each rule, on drawn layers; logs in halves, and undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from grids import HEAVY, code, drawn, zoned
from hypothesis import given
from hypothesis import strategies as st
from logs import any_log, base

import territories as tt
from territories.colours import territory_colours
from territories.revisions import STATUSES, Revision


def halves():
    """North is above, south below; communes are A to F by rows."""
    zoning = zoned("nnn\nsss")
    return replace(zoning, names={"n": "Nord-Loire", "s": "Sud"})


def done(*revisions, zoning=None, **options):
    """Replay and give the zoning; nothing may be refused."""
    found = tt.replay(zoning or halves(), revisions, **options)
    assert not found.faults, [str(each) for each in found.faults]
    return found.zoning


def refused(*revisions, zoning=None, **options):
    """Replay and give the keys of what is refused."""
    found = tt.replay(zoning or halves(), revisions, **options)
    return [each.key.removeprefix("error.revision_") for each in found.faults]


def where(zoning, letter):
    rows = zoning.membership[zoning.membership["code"] == code(letter)]
    return list(zip(rows["territory"], rows["weight"].round(9), strict=True))


def move(letter, target, **more):
    return Revision("move", code(letter), target, **more)


def same(one, other):
    assert one.membership.equals(other.membership)
    for name in ("names", "colours", "statuses", "locks", "claims", "revisions", "unmet"):
        assert getattr(one, name) == getattr(other, name), name


# --- communes ------------------------------------------------------------------------------------


def test_move_takes_a_commune_from_all_its_territories_and_clears_its_claims():
    shared = Revision("share", code("A"), "n|s", order=1)
    claimed = Revision("claim", code("A"), "w", order=2)
    new = Revision("new", territory="w", order=0)
    zoning = done(new, shared, claimed)
    assert zoning.claims == {code("A"): ("w",)}
    zoning = done(move("A", "s"), zoning=zoning)
    assert where(zoning, "A") == [("s", 1.0)]
    assert zoning.claims == {}


def test_release_leaves_a_commune_uncovered_and_unclaimed():
    zoning = done(Revision("claim", code("C"), "s"), Revision("release", code("C")))
    assert zoning.uncovered == [code("C")]
    assert zoning.claims == {}


def test_share_weighs_by_parts_or_equally():
    zoning = done(Revision("share", code("A"), "s|n", parts=(2, 1)))
    assert where(zoning, "A") == [("s", round(2 / 3, 9)), ("n", round(1 / 3, 9))]
    zoning = done(Revision("share", code("A"), "Sud | NORD LOIRE"))
    assert where(zoning, "A") == [("n", 0.5), ("s", 0.5)]


@pytest.mark.parametrize(
    ("target", "parts"),
    [("n", ()), ("n|n", ()), ("n|s", (1,)), ("n|s", (1, 0)), ("n|s", (1, -1)), ("n|s", (1.5, 1))],
)
def test_a_share_is_between_two_or_three_with_whole_parts(target, parts):
    assert refused(Revision("share", code("A"), target, parts=parts)) == ["share"]


def test_a_commune_is_not_shared_between_four():
    zoning = done(*(Revision("new", territory=each) for each in "abc"))
    four = Revision("share", code("A"), "n|a|b|c")
    assert refused(four, zoning=zoning, force=True) == ["share"]
    assert len(where(done(replace(four, target="n|a|b"), zoning=zoning), "A")) == 3


def test_overlaps_can_be_forbidden():
    assert refused(Revision("share", code("A"), "n|s"), overlaps=False) == ["overlap"]
    with pytest.raises(tt.ConstraintError):
        halves().revise([Revision("share", code("A"), "n|s")], overlaps=False)


def test_claims_are_taken_and_withdrawn_and_those_of_members_are_nothing():
    claim = Revision("claim", code("A"), "s")
    assert done(claim).claims == {code("A"): ("s",)}
    assert done(claim).membership.equals(halves().membership)
    assert done(Revision("claim", code("A"), "n")).claims == {}
    assert done(claim, Revision("withdraw", code("A"), "s")).claims == {}
    assert done(Revision("withdraw", code("A"), "s")).claims == {}
    locked = Revision("lock", territory="*")
    assert done(locked, claim).claims == {code("A"): ("s",)}


# --- territories ---------------------------------------------------------------------------------


def test_a_new_territory_is_empty_and_may_be_filled_in_the_same_step():
    zoning = done(
        Revision("new", territory="w", target="Ouest", order=1), move("A", "Ouest", order=1)
    )
    assert where(zoning, "A") == [("w", 1.0)]
    assert zoning.names["w"] == "Ouest"
    empty = done(Revision("new", territory="w"))
    assert empty.names["w"] == "w"
    assert "w" not in empty.territories.index


@pytest.mark.parametrize("territory", ["n", "Sud"])
def test_a_new_territory_has_an_id_and_a_name_of_its_own(territory):
    assert refused(Revision("new", territory=territory)) == ["exists"]
    assert refused(Revision("new", territory="w", target=territory)) == ["exists"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\x00b", "a\nb"])
def test_names_can_be_read(name):
    assert refused(Revision("rename", territory="n", target=name)) == ["name"]
    assert refused(Revision("new", territory=name)) == ["name"]


def test_rename():
    assert done(Revision("rename", territory="n", target="Beauce")).names["n"] == "Beauce"
    assert done(Revision("rename", territory="n", target="Nord-Loire")).names["n"] == "Nord-Loire"
    assert done(Revision("rename", territory="n", target="n")).names["n"] == "n"
    assert refused(Revision("rename", territory="n", target="Sud")) == ["exists"]
    assert refused(Revision("rename", territory="n", target="s")) == ["exists"]


def test_colour():
    zoning = done(Revision("colour", territory="n", target="#1B5FA8"))
    assert zoning.colours == {"n": "#1b5fa8"}
    assert territory_colours(zoning)["n"] == "#1b5fa8"
    for wrong in ("", "red", "#12345", "#1234567", "#12345g"):
        assert refused(Revision("colour", territory="n", target=wrong)) == ["colour"]


def test_merge_adds_weights_and_moves_claims():
    start = done(
        Revision("new", territory="w"),
        Revision("share", code("A"), "n|w", parts=(1, 3)),
        Revision("share", code("B"), "n|s", parts=(1, 3)),
        Revision("claim", code("F"), "n"),
        Revision("claim", code("C"), "s"),
        Revision("colour", territory="n", target="#000000"),
        Revision("colour", territory="s", target="#ffffff"),
        force=True,
    )
    zoning = done(Revision("merge", territory="n", target="s"), zoning=start)
    assert where(zoning, "A") == [("w", 0.75), ("s", 0.25)]
    assert where(zoning, "B") == [("s", 1.0)]
    assert zoning.claims == {}
    assert "n" not in zoning.names
    assert zoning.colours == {"s": "#ffffff"}
    assert refused(move("A", "n"), zoning=zoning) == ["target"]
    claims = done(Revision("claim", code("D"), "w"), zoning=start).claims
    assert claims[code("D")] == ("w",)
    moved = done(
        Revision("claim", code("D"), "w"),
        Revision("merge", territory="w", target="n"),
        zoning=start,
        force=True,
    )
    assert moved.claims[code("D")] == ("n",)


def test_a_territory_does_not_merge_with_itself():
    assert refused(Revision("merge", territory="n", target="Nord-Loire")) == ["self"]


def test_a_territory_without_communes_still_is_a_target():
    emptied = done(*(move(each, "s", order=1) for each in "ABC"))
    assert set(emptied.territories.index) == {"s"}
    assert where(done(move("A", "Nord-Loire"), zoning=emptied), "A") == [("n", 1.0)]


# --- locks and statuses --------------------------------------------------------------------------


def test_locks_close_a_territory_and_force_does_not_open_them():
    lock = Revision("lock", territory="Sud")
    for revision in (
        move("A", "s"),
        move("F", "n"),
        Revision("release", code("F")),
        Revision("share", code("A"), "n|s"),
        Revision("merge", territory="n", target="s"),
        Revision("merge", territory="s", target="n"),
    ):
        assert refused(lock, revision, force=True) == ["locked"]
        done(lock, Revision("unlock", territory="s"), revision, force=True)
    done(lock, move("F", "s"))  # it is there already
    for revision in (
        Revision("rename", territory="s", target="x"),
        Revision("colour", territory="s", target="#000000"),
        Revision("status", territory="s", target="initiative"),
    ):
        done(lock, revision)


def test_all_are_locked_at_once():
    zoning = done(Revision("lock", territory="*"))
    assert zoning.locked == ("n", "s")
    assert done(Revision("unlock", territory="*"), zoning=zoning).locked == ()


def test_a_status_locks_those_under_contract_and_an_explicit_lock_wins():
    for status in STATUSES:
        zoning = done(Revision("status", territory="n", target=status))
        assert zoning.statuses == {"n": status}
        assert zoning.locked == (("n",) if status in ("contracting", "running") else ())
    unlocked = done(Revision("unlock", territory="n"), zoning=zoning)
    assert unlocked.locked == ()
    assert unlocked.locks == {"n": False}
    again = done(Revision("status", territory="n", target="contractualisation"), zoning=unlocked)
    assert again.locks == {}
    assert again.locked == ("n",)
    assert done(Revision("status", territory="n"), zoning=again).statuses == {}
    assert refused(Revision("status", territory="n", target="done")) == ["status"]


# --- references ----------------------------------------------------------------------------------


def test_references_are_ids_then_names_then_names_folded():
    zoning = replace(halves(), names={"n": "s", "s": "Été"})
    assert where(done(move("A", "s"), zoning=zoning), "A") == [("s", 1.0)]
    assert where(done(move("A", " ETE"), zoning=zoning), "A") == [("s", 1.0)]
    alike = replace(halves(), names={"n": "Été", "s": "ete"})
    assert where(done(move("A", "ete"), zoning=alike), "A") == [("s", 1.0)]
    assert refused(move("A", "ETE"), zoning=alike) == ["ambiguous"]
    twice = replace(halves(), names={"n": "x", "s": "x"})
    assert refused(move("A", "x"), zoning=twice) == ["target"]
    assert where(done(move("A", "x (s)"), zoning=twice), "A") == [("s", 1.0)]


def test_territories_without_a_name_bear_that_of_their_commune():
    zoning = tt.Zoning.from_labels({code("A"): code("A"), code("B"): "b"}, communes=drawn("AB"))
    assert refused(
        Revision("rename", territory="b", target=f"Commune {code('A')}"), zoning=zoning
    ) == ["exists"]
    found = done(move("B", f"commune {code('A')}"), zoning=zoning)
    assert where(found, "B") == [(code("A"), 1.0)]
    assert found.names == {code("A"): f"Commune {code('A')}", "b": "b"}


def test_what_is_not_known_is_refused():
    assert refused(Revision("paint")) == ["action"]
    assert refused(Revision("move", "99999", "n")) == ["commune"]
    assert refused(move("A", "west")) == ["target"]
    assert refused(move("A", None)) == ["target"]
    assert refused(Revision("rename", territory="west", target="x")) == ["territory"]
    assert refused(Revision("lock")) == ["territory"]


# --- steps ---------------------------------------------------------------------------------------


def test_a_step_that_cuts_is_not_applied_at_all_unless_forced():
    cut = [Revision("release", code("B"), order=1), Revision("claim", code("A"), "s", order=1)]
    found = tt.replay(halves(), cut)
    assert [each.key for each in found.faults] == ["error.revision_cuts"]
    assert found.zoning.membership.equals(halves().membership)
    assert found.zoning.claims == {}
    assert found.lines["result"].tolist() == ["refused", "refused"]
    for forced in (
        tt.replay(halves(), cut, force=True),
        tt.replay(halves(), [cut[0], replace(cut[1], force=True)]),
    ):
        assert not forced.faults
        assert forced.zoning.pieces()["n"] == 2
        assert [each.key for each in forced.zoning.unmet] == ["unmet.revision_cuts"]


def test_a_step_is_judged_by_its_end():
    """B alone cuts the north; with A it does not."""
    assert refused(move("B", "s", order=1), move("A", "s", order=2)) == ["cuts"]
    done(move("B", "s", order=1), move("A", "s", order=1))


def test_a_new_territory_may_not_be_in_two_pieces_and_an_old_one_may_stay_so():
    new = Revision("new", territory="w", order=1)
    assert refused(new, move("A", "w", order=1), move("F", "w", order=1)) == ["cuts"]
    cut = done(Revision("release", code("B")), force=True)
    done(move("D", "n"), zoning=cut)
    emptied = done(*(move(each, "s", order=1) for each in "ABC"))
    assert refused(move("A", "n", order=1), move("C", "n", order=1), zoning=emptied) == ["cuts"]


def test_a_line_that_is_refused_does_not_stop_its_step():
    found = tt.replay(halves(), [move("A", "west", order=1), move("C", "s", order=1)])
    assert found.lines["result"].tolist() == ["refused", "applied"]
    assert where(found.zoning, "C") == [("s", 1.0)]
    assert "west" in str(found.lines["refusal"].iloc[0])


def test_steps_go_by_their_numbers_and_those_without_go_first():
    log = [move("A", "n", order=2), move("A", "s", order=1), Revision("release", code("A"))]
    found = tt.replay(halves(), log)
    assert found.lines.index.tolist() == [2, 1, 0]
    assert where(found.zoning, "A") == [("n", 1.0)]
    assert [each.order for each in found.zoning.revisions] == [0, 1, 2]


# --- undo ----------------------------------------------------------------------------------------


def undo(target, order):
    return Revision("undo", target=str(target), order=order)


def test_an_undone_step_does_not_count_and_is_no_fault():
    found = tt.replay(halves(), [move("A", "west", order=1), move("C", "s", order=2), undo(1, 3)])
    assert not found.faults
    assert found.lines["result"].tolist() == ["undone", "applied", "applied"]
    assert len(found.zoning.revisions) == 1


def test_an_undo_can_be_undone():
    log = [move("A", "s", order=1), undo(1, 2), undo(2, 3)]
    assert where(done(*log), "A") == [("s", 1.0)]
    assert where(done(*log, undo(3, 4)), "A") == [("n", 1.0)]


def test_what_follows_an_undone_step_is_judged_without_it():
    log = [Revision("new", territory="w", order=1), move("A", "w", order=2), undo(1, 3)]
    assert refused(*log) == ["target"]


@pytest.mark.parametrize("target", ["", "9", "2", "3", "x", None])
def test_only_earlier_steps_are_undone(target):
    log = [move("A", "s", order=1), Revision("undo", target=target, order=2), move("F", "s")]
    assert refused(*log) == ["undo"]


# --- properties ----------------------------------------------------------------------------------


@HEAVY
@given(seed=st.integers(0, 10**6))
def test_a_log_in_two_halves_is_the_log(seed):
    log = any_log(seed, undos=False)
    whole = tt.replay(base(seed), log)
    middle = log[len(log) // 2].order
    first = tt.replay(base(seed), [each for each in log if each.order < middle])
    second = tt.replay(first.zoning, [each for each in log if each.order >= middle])
    same(whole.zoning, second.zoning)
    assert whole.faults == first.faults + second.faults


@HEAVY
@given(seed=st.integers(0, 10**6))
def test_all_undone_is_the_base(seed):
    log = any_log(seed)
    steps = sorted({each.order for each in log})
    last = max(steps)
    undos = [undo(step, last + 1 + k) for k, step in enumerate(steps)]
    found = tt.replay(base(seed), [*log, *undos])
    assert not found.faults
    same(found.zoning, tt.replay(base(seed), []).zoning)
    assert found.zoning.membership.equals(base(seed).membership)


@HEAVY
@given(seed=st.integers(0, 10**6))
def test_replay_leaves_a_zoning_that_holds(seed):
    found = tt.replay(base(seed), any_log(seed))
    zoning = found.zoning
    exists = set(zoning.names)
    assert set(zoning.membership["territory"]) <= exists
    assert {*zoning.colours, *zoning.statuses, *zoning.locks} <= exists
    for commune, ids in zoning.claims.items():
        inside = zoning.membership.loc[zoning.membership["code"] == commune, "territory"]
        assert set(ids) <= exists - set(inside)
    assert len(found.lines) == 30
    assert (found.lines["refusal"].astype(str) != "").equals(found.lines["result"] == "refused")
    again = tt.replay(base(seed), sorted(any_log(seed), key=lambda each: each.order))
    same(zoning, again.zoning)
