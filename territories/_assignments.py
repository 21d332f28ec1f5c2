"""Files that say the territory of each commune, taken as decisions on a draft."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from territories._columns import text_column
from territories._heads import plain
from territories._tables import columns_of, matched, read_table
from territories._words import say
from territories.errors import InputError
from territories.revisions import Revision, folded
from territories.zoning import shown_names
from territories.zonings import read_zoning

if TYPE_CHECKING:
    from pathlib import Path

    from territories.zoning import Zoning

_SAME: Final = 1e-9
_WHOLE: Final = 1_000


def is_assignment(path: Path) -> bool:
    """Tell whether a file says territories of communes, and is no log of decisions."""
    try:
        table = read_table(path)
    except InputError:  # the reader of logs says what is wrong, or that there is no decision
        return False
    heads = {plain(str(each)) for each in table.frame}
    return not heads & {"action", "decision"} and bool(columns_of(table, "territory"))


def assigned(path: Path, draft: Zoning) -> tuple[Revision, ...]:
    """Return the one step that puts communes where a file says; those that it does not name stay.

    Parameters
    ----------
    path
        Columns of the commune and of its territory, by id or name, and where a commune stands in
        several a weight (see `read_zoning`); ``communes_….csv`` of the workshop is one. A blank
        territory releases the commune; one that the draft has not is made.
    draft
        The draft it is about.

    Raises
    ------
    InputError
        With all that is wrong with the file.
    """
    wanted = read_zoning(path, communes=draft.communes)
    names = shown_names(draft, {*draft.membership["territory"], *draft.names})
    made: dict[str, str] = {}
    now: dict[str, dict[str, float]] = {}
    then: dict[str, dict[str, float]] = {}
    for zoning, members in ((draft, now), (wanted, then)):
        columns = (zoning.membership[each].tolist() for each in ("code", "territory", "weight"))
        for code, territory, weight in zip(*columns, strict=True):
            own = territory
            if zoning is wanted:
                own = _found(names, territory)
                if own is None:
                    own, title = territory, wanted.names.get(territory, territory)
                    taken = _found(names, title) is not None
                    made[own] = say("place.homonym", name=title, code=own) if taken else title
            weights = members.setdefault(code, {})
            weights[own] = weights.get(own, 0.0) + weight
    for code in _released(path) - set(then):
        then[code] = {}
    beyond: dict[str, str] = {}
    if wanted.beyond is not None:
        beyond = dict(zip(wanted.beyond["code"], wanted.beyond["territory"], strict=True))
    lines = [Revision("new", territory=own, target=name) for own, name in sorted(made.items())]
    lines += [_line(code, then[code]) for code in sorted(then) if _differ(now, then, code)]
    # Communes that the layer has not are told with what else does not apply.
    lines += [Revision("move", code, target) for code, target in sorted(beyond.items())]
    return tuple(replace(each, order=1) for each in lines)


def _found(names: dict[str, str], text: str) -> str | None:
    """Find a territory by its id or its name; a name of several is left for the rules to refuse."""
    if text in names or not text:
        return text or None
    for form in (str, folded):
        alike = [each for each, name in names.items() if form(name) == form(text)]
        if alike:
            return alike[0] if len(alike) == 1 else text
    return None


def _released(path: Path) -> set[str]:
    """List the communes whose territory is blank."""
    table = matched(read_table(path), ["code", "territory"])
    blank = text_column(table, "territory").astype("str") == ""
    return set(text_column(table, "code").astype("str")[blank]) - {""}


def _differ(now: dict[str, dict[str, float]], then: dict[str, dict[str, float]], code: str) -> bool:
    before, after = now.get(code, {}), then[code]
    return any(
        abs(before.get(each, 0.0) - after.get(each, 0.0)) > _SAME for each in {*before, *after}
    )


def _line(code: str, members: dict[str, float]) -> Revision:
    ids = sorted(members, key=lambda each: (-members[each], each))
    if not ids:
        return Revision("release", code)
    if len(ids) == 1:
        return Revision("move", code, ids[0])
    parts = _parts([members[each] for each in ids])
    return Revision("share", code, "|".join(ids), parts=parts)


def _parts(weights: list[float]) -> tuple[int, ...]:
    """Return the smallest whole parts that give the weights, else millionths."""
    for whole in range(1, _WHOLE + 1):
        parts = [round(weight * whole) for weight in weights]
        near = zip(parts, weights, strict=True)
        if all(part > 0 and abs(part / whole - weight) < _SAME for part, weight in near):
            return tuple(parts)
    return tuple(max(1, round(weight * 1e6)) for weight in weights)
