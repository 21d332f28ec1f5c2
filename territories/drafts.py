"""Drafts on disk: the territories of a run with what people said of them, to be taken up again."""

from __future__ import annotations

import hashlib
import json
import re
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._files import readable
from territories._words import WORDS, Sentence
from territories._writing import refuse_incomplete
from territories.errors import InputError, fault
from territories.revisions import COLOUR, STATUSES
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

FILE: Final = "draft.json"

_FORMAT: Final = 1
_LISTED: Final = 5


def draft_text(zoning: Zoning, *, parent: Mapping[str, str] | None = None) -> str:
    """Write a draft as JSON, the same for the same draft.

    Parameters
    ----------
    zoning
        The draft.
    parent
        ``name`` and ``sha256`` of the one it was made from.
    """
    table = zoning.membership
    members: dict[str, dict[str, float]] = {str(each): {} for each in zoning.communes.index}
    columns = (table[name].tolist() for name in ("code", "territory", "weight"))
    for code, territory, weight in zip(*columns, strict=True):
        members[code][territory] = weight
    ids = sorted({*table["territory"], *zoning.names})
    record = {
        "format": _FORMAT,
        "name": zoning.name,
        "parent": None if parent is None else dict(parent),
        "territories": [
            {
                "id": each,
                "name": zoning.names.get(each, each),
                "colour": zoning.colours.get(each),
                "status": zoning.statuses.get(each),
                "lock": zoning.locks.get(each),
            }
            for each in ids
        ],
        "membership": members,
        "claims": {code: list(ids) for code, ids in zoning.claims.items()},
        "overlaps": overlaps_of(zoning),
        "parameters": dict(zoning.parameters),
        "unmet": [[each.key, _plain(each.values)] for each in zoning.unmet],
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False, sort_keys=True)
    return f"{text}\n"


def overlaps_of(zoning: Zoning) -> bool:
    """Tell whether communes of a draft may be shared: yes, unless the region forbids it."""
    return zoning.parameters.get("overlaps") is not False


def draft_hash(folder: str | Path) -> str:
    """Return the SHA-256 of the draft of a run."""
    return hashlib.sha256(_place(folder).read_bytes()).hexdigest()


def read_draft(folder: str | Path, communes: gpd.GeoDataFrame) -> Zoning:
    """Take up the draft of a run again.

    Parameters
    ----------
    folder
        Of the run.
    communes
        The layer. Communes that it has not any more leave the draft, new ones are in no territory;
        both are told in `Zoning.unmet`.

    Raises
    ------
    InputError
        If the folder holds no draft, or one that is not ours.
    """
    place = _place(folder)
    try:
        record = json.loads(place.read_text(encoding="utf-8"))
        return _zoning(record, communes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(fault("draft_unreadable", file=str(place))) from problem


def _place(folder: str | Path) -> Path:
    place = Path(folder) / FILE
    refuse_incomplete(place)
    if not place.is_file():
        raise InputError(fault("draft_missing", file=str(folder)))
    return readable(place)


def _zoning(record: dict[str, Any], communes: gpd.GeoDataFrame) -> Zoning:
    """Make the zoning of a record, or fail where the record is not one of ours."""
    territories, members = record["territories"], record["membership"]
    ids = {_text(each["id"]) for each in territories}
    colours = {each["id"]: each["colour"] for each in territories if each["colour"]}
    statuses = {each["id"]: each["status"] for each in territories if each["status"]}
    locks = {each["id"]: each["lock"] for each in territories if each["lock"] is not None}
    claims = {code: tuple(sorted(map(_text, ids))) for code, ids in record["claims"].items()}
    rows = [
        (code, territory, float(weight))
        for code, weights in members.items()
        for territory, weight in weights.items()
    ]
    sound = (
        record["format"] == _FORMAT
        and len(ids) == len(territories)
        and all(re.fullmatch(COLOUR, each) for each in colours.values())
        and all(each in STATUSES for each in statuses.values())
        and all(isinstance(each, bool) for each in locks.values())
        and {territory for _, territory, _ in rows} <= ids
        and {each for claimed in claims.values() for each in claimed} <= ids
    )
    if not sound:
        raise ValueError
    gone = sorted(set(members) - set(communes.index))
    new = sorted(set(communes.index) - set(members))
    told = [("unmet.draft_gone", gone), ("unmet.draft_new", new)]
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    parameters = dict(record["parameters"])
    if record["overlaps"] is False:
        parameters["overlaps"] = False
    return Zoning(
        communes=communes,
        membership=table[~table["code"].isin(gone)],
        names={each["id"]: _text(each["name"]) for each in territories},
        name=_text(record["name"]),
        parameters=parameters,
        claims={code: ids for code, ids in sorted(claims.items()) if code in communes.index},
        unmet=(
            *(_sentence(*each) for each in record["unmet"]),
            *(
                Sentence(key, {"count": len(codes), "values": _list(codes)})
                for key, codes in told
                if codes
            ),
        ),
        colours=colours,
        statuses=statuses,
        locks=locks,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _sentence(key: str, values: dict[str, Any]) -> Sentence:
    """Return a sentence that can be said."""
    if key not in WORDS:
        raise KeyError
    sentence = Sentence(key, values)
    str(sentence)
    return sentence


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """Write the values of a sentence as JSON has them."""
    return {
        name: value
        if isinstance(value, (str, bool)) or value is None
        else int(value)
        if isinstance(value, Integral)
        else float(value)
        if isinstance(value, Real)
        else str(value)
        for name, value in values.items()
    }


def _list(codes: Sequence[str]) -> str:
    return ", ".join(codes[:_LISTED]) + ", …" * (len(codes) > _LISTED)
