"""The rules by which decisions change a draft; the page of the workshop has the same ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from territories._words import Sentence
from territories.errors import fault
from territories.revisions import (
    ACTIONS,
    ALL,
    COLOUR,
    LOCKING,
    STATUSES,
    Revision,
    folded,
    is_name,
    known_word,
    with_zeros,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Result = Literal["applied", "undone", "refused"]
Members = tuple[tuple[str, float], ...]

# Weights nearer than this are the same.
_SAME: Final = 1e-9
_MOST: Final = 3  # territories that share a commune


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """A line that cannot be applied, and what is wrong with it."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass
class Draft:
    """The territories while decisions apply: who is where, and what is said of each.

    Parameters
    ----------
    codes
        Communes of the layer.
    names
        Name by id, of all the territories that exist.
    members
        Territories of each commune with their weights, in decreasing weight, then by id.
    claims
        Territories that claim a commune besides its own.
    colours, statuses, locks
        What was said of territories, by id.
    overlaps
        Whether communes may be shared.
    """

    codes: frozenset[str]
    names: dict[str, str]
    members: dict[str, Members]
    claims: dict[str, set[str]] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    locks: dict[str, bool] = field(default_factory=dict)
    overlaps: bool = True
    inside: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        """List the communes of each territory."""
        self.inside = {each: set() for each in self.names}
        for code, members in self.members.items():
            for territory, _ in members:
                self.inside[territory].add(code)

    def copy(self) -> Draft:
        """Return a draft that changes apart from this one."""
        return Draft(
            codes=self.codes,
            names=dict(self.names),
            members=dict(self.members),
            claims={code: set(ids) for code, ids in self.claims.items()},
            colours=dict(self.colours),
            statuses=dict(self.statuses),
            locks=dict(self.locks),
            overlaps=self.overlaps,
        )

    def locked(self, territory: str) -> bool:
        """Tell whether a territory may neither gain nor lose communes."""
        own = self.locks.get(territory)
        return self.statuses.get(territory) in LOCKING if own is None else own

    def has(self, code: str, territory: str) -> bool:
        """Tell whether a commune is in a territory, wholly or in part."""
        return any(each == territory for each, _ in self.members.get(code, ()))

    def found(self, reference: str | None, key: str) -> str:
        """Find a territory by its id, its name, this but for accents, or an id but for zeros."""
        text = reference or ""
        if text in self.names:
            return text
        wanted, names = folded(text), self.names.items()
        alike = [each for each, name in names if text and name == text]
        alike = alike or [each for each, name in names if wanted and folded(name) == wanted]
        if len(alike) > 1:
            raise _Wrong(fault("revision_ambiguous", value=text, values=", ".join(sorted(alike))))
        alike = alike or [each for each in self.names if each == with_zeros(text)]
        if not alike:
            subject = "target" if key == "revision_target" else "territory"
            raise _Wrong(fault(key, **{subject: text}))
        return alike[0]

    def put(self, code: str, members: Members) -> None:
        """Put a commune in other territories, none of those concerned being locked."""
        before, after = dict(self.members.get(code, ())), dict(members)
        changed = [
            each
            for each in sorted({*before, *after})
            if abs(before.get(each, 0.0) - after.get(each, 0.0)) > _SAME
        ]
        self.refuse_locked(changed)
        for territory in before:
            self.inside[territory].discard(code)
        for territory in after:
            self.inside[territory].add(code)
        self.members.pop(code, None)
        if members:
            self.members[code] = tuple(sorted(members, key=lambda each: (-each[1], each[0])))
        self.claims.pop(code, None)

    def refuse_locked(self, territories: Iterable[str]) -> None:
        """Refuse what changes the communes of locked territories."""
        locked = [self.names[each] for each in territories if self.locked(each)]
        if locked:
            raise _Wrong(fault("revision_locked", territories=", ".join(locked)))


@dataclass
class Outcome:
    """What became of decisions.

    Parameters
    ----------
    draft
        After them.
    lines
        Each with its place as given, what became of it and, where it was refused, why.
    faults
        What could not be applied: a sentence for each line, or one for a step that cuts.
    told
        Territories cut by decisions that were forced.
    """

    draft: Draft
    lines: list[tuple[int, Revision, Result, Sentence | None]]
    faults: list[Sentence]
    told: list[Sentence]


def applied(
    draft: Draft,
    revisions: Iterable[Revision],
    *,
    beside: Callable[[], Mapping[str, Sequence[str]]],
    force: bool = False,
) -> Outcome:
    """Apply decisions step by step.

    Parameters
    ----------
    draft
        Before them; it is not changed.
    revisions
        Lines of a step in their order.
    beside
        Gives the communes that touch each commune; asked once, and only where it is needed.
    force
        Accept steps that leave a territory in more pieces than before.
    """
    steps = _steps(revisions)
    orders = {lines[0][1].order for lines in steps if lines[0][1].order > 0}
    undone = _undone(steps, orders)
    pieces = _Pieces(beside)
    outcome = Outcome(draft.copy(), [], [], [])
    for lines in steps:
        if lines[0][1].order in undone:
            outcome.lines += [(place, line, "undone", None) for place, line in lines]
            continue
        _apply(outcome, lines, orders, pieces, force=force)
    return outcome


_Lines = list[tuple[int, Revision]]


def _steps(revisions: Iterable[Revision]) -> list[_Lines]:
    """Gather lines of one order; those that have none are each a step of its own, and first."""
    lines = sorted(enumerate(revisions), key=lambda each: max(each[1].order, 0))
    return [
        list(group)
        for _, group in groupby(
            lines, key=lambda each: (each[1].order, -1) if each[1].order > 0 else (0, each[0])
        )
    ]


def _undone(steps: list[_Lines], orders: set[int]) -> set[int]:
    """Find the steps that are undone: from the last on, for an undo can be undone itself."""
    undone: set[int] = set()
    for lines in reversed(steps):
        order = lines[0][1].order
        if order in undone:
            continue
        targets = (_step_of(line, orders) for _, line in lines if line.action == "undo")
        undone |= {target for target in targets if target is not None}
    return undone


def _step_of(line: Revision, orders: set[int]) -> int | None:
    """Return the earlier step that an undo names; None where there is none."""
    text = (line.target or "").strip()
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) not in orders or int(text) >= line.order:
        return None
    return int(text)


def _apply(
    outcome: Outcome,
    lines: _Lines,
    orders: set[int],
    pieces: _Pieces,
    *,
    force: bool,
) -> None:
    """Apply one step: line by line, and not at all if it cuts a territory and is not forced."""
    before, draft = outcome.draft, outcome.draft.copy()
    results: list[tuple[int, Revision, Result, Sentence | None]] = []
    for place, line in lines:
        try:
            _change(draft, line, orders)
        except _Wrong as wrong:
            values = {"order": str(line.order), "code": line.code or line.territory or "–"}
            sentence = Sentence(wrong.sentence.key, {**values, **wrong.sentence.values})
            results.append((place, line, "refused", sentence))
        else:
            results.append((place, line, "applied", None))
    cut = pieces.cut(before, draft)
    done = [line for _, line, result, _ in results if result == "applied"]
    outcome.faults += [sentence for *_, sentence in results if sentence is not None]
    if cut:
        first = done[0]
        values = {
            "order": str(first.order),
            "code": (first.code or first.territory or "–") + ", …" * (len(done) > 1),
            "territories": ", ".join(draft.names[each] for each in cut),
        }
        if force or any(line.force for _, line in lines):
            outcome.told.append(Sentence("unmet.revision_cuts", values))
        else:
            sentence = fault("revision_cuts", **values)
            outcome.faults.append(sentence)
            results = [
                (place, line, "refused", sentence if why is None else why)
                for place, line, _, why in results
            ]
            draft = before
    outcome.lines += results
    outcome.draft = draft


class _Pieces:
    """Counts of the pieces of territories in the contiguity graph."""

    def __init__(self, beside: Callable[[], Mapping[str, Sequence[str]]]) -> None:
        self._asked = beside
        self._beside: Mapping[str, Sequence[str]] | None = None

    def cut(self, before: Draft, after: Draft) -> list[str]:
        """List the territories that are in more pieces after than before."""
        return [
            territory
            for territory, codes in sorted(after.inside.items())
            if codes != before.inside.get(territory, set())
            and self._count(codes) > max(1, self._count(before.inside.get(territory, set())))
        ]

    def _count(self, codes: set[str]) -> int:
        if self._beside is None:
            self._beside = self._asked()
        left, count = set(codes), 0
        while left:
            count += 1
            reached = [left.pop()]
            while reached:
                near = left.intersection(self._beside.get(reached.pop(), ()))
                left -= near
                reached += near
        return count


def _change(draft: Draft, line: Revision, orders: set[int]) -> None:
    """Apply one line, or raise what is wrong with it; a line that is wrong changes nothing."""
    if line.action not in ACTIONS:
        raise _Wrong(fault("revision_action", action=line.action))
    if line.action == "undo":
        if _step_of(line, orders) is None:
            raise _Wrong(fault("revision_undo", target=line.target or ""))
    elif line.action in _COMMUNES:
        if line.code not in draft.codes:
            raise _Wrong(fault("revision_commune", code=line.code))
        _COMMUNES[line.action](draft, line)
    else:
        _TERRITORIES[line.action](draft, line)


def _move(draft: Draft, line: Revision) -> None:
    draft.put(line.code, ((draft.found(line.target, "revision_target"), 1.0),))


def _release(draft: Draft, line: Revision) -> None:
    draft.put(line.code, ())


def _share(draft: Draft, line: Revision) -> None:
    """Share a commune between two or three territories."""
    if not draft.overlaps:
        raise _Wrong(fault("revision_overlap"))
    wanted = [each.strip() for each in (line.target or "").split("|")]
    targets = [draft.found(each, "revision_target") for each in wanted]
    parts = line.parts or (1,) * len(targets)
    if (
        not 1 < len(targets) <= _MOST
        or len(set(targets)) < len(targets)
        or len(parts) != len(targets)
        or any(type(each) is not int or each < 1 for each in parts)
    ):
        raise _Wrong(fault("revision_share"))
    shares = [part / sum(parts) for part in parts]
    draft.put(line.code, tuple(zip(targets, shares, strict=True)))


def _claim(draft: Draft, line: Revision) -> None:
    target = draft.found(line.target, "revision_target")
    if not draft.has(line.code, target):
        draft.claims.setdefault(line.code, set()).add(target)


def _withdraw(draft: Draft, line: Revision) -> None:
    target = draft.found(line.target, "revision_target")
    draft.claims.get(line.code, set()).discard(target)


def _new(draft: Draft, line: Revision) -> None:
    own = line.territory.strip()
    name = (line.target or "").strip() or own
    for each in (own, name):
        _refuse_name(draft, each, but="")
    draft.names[own] = name
    draft.inside[own] = set()


def _rename(draft: Draft, line: Revision) -> None:
    subject = draft.found(line.territory, "revision_territory")
    name = (line.target or "").strip()
    _refuse_name(draft, name, but=subject)
    draft.names[subject] = name


def _refuse_name(draft: Draft, name: str, *, but: str) -> None:
    """Refuse a name that cannot be read, or that another territory has."""
    if not is_name(name):
        raise _Wrong(fault("revision_name"))
    if any(name in (each, own) for each, own in draft.names.items() if each != but):
        raise _Wrong(fault("revision_exists", value=name))


def _colour(draft: Draft, line: Revision) -> None:
    subject = draft.found(line.territory, "revision_territory")
    colour = (line.target or "").strip()
    if not re.fullmatch(COLOUR, colour):
        raise _Wrong(fault("revision_colour", value=colour))
    draft.colours[subject] = colour.lower()


def _merge(draft: Draft, line: Revision) -> None:
    """Give all of a territory to another; the first exists no longer."""
    subject = draft.found(line.territory, "revision_territory")
    target = draft.found(line.target, "revision_target")
    if subject == target:
        raise _Wrong(fault("revision_self", territory=draft.names[subject]))
    draft.refuse_locked([subject, target])
    for code in sorted(draft.inside[subject]):
        weights = dict(draft.members[code])
        weights[target] = weights.get(target, 0.0) + weights.pop(subject)
        claims = draft.claims.get(code, set()) - {target}
        draft.put(code, tuple(weights.items()))
        draft.claims[code] = claims
    for code, claims in draft.claims.items():
        if subject in claims:
            claims.remove(subject)
            if not draft.has(code, target):
                claims.add(target)
    del draft.names[subject], draft.inside[subject]
    for said in (draft.colours, draft.statuses, draft.locks):
        said.pop(subject, None)


def _lock(draft: Draft, line: Revision) -> None:
    """Lock or unlock a territory, or all of them."""
    chosen = list(draft.names)
    if line.territory != ALL:
        chosen = [draft.found(line.territory, "revision_territory")]
    draft.locks.update(dict.fromkeys(chosen, line.action == "lock"))


def _status(draft: Draft, line: Revision) -> None:
    """Tell how far a territory is; the status then says whether it is locked."""
    subject = draft.found(line.territory, "revision_territory")
    text = (line.target or "").strip()
    status = known_word(text, STATUSES)
    if text and status is None:
        raise _Wrong(fault("revision_status", value=text))
    draft.statuses.pop(subject, None)
    draft.locks.pop(subject, None)
    if status is not None:
        draft.statuses[subject] = status


_COMMUNES: Final = {
    "move": _move,
    "release": _release,
    "share": _share,
    "claim": _claim,
    "withdraw": _withdraw,
}
_TERRITORIES: Final = {
    "new": _new,
    "rename": _rename,
    "colour": _colour,
    "merge": _merge,
    "lock": _lock,
    "unlock": _lock,
    "status": _status,
}
