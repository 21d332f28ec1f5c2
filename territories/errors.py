"""Every refusal of the library: one message, all faults, each with its place and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from territories._words import Sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where the objects that functions take come from, as one writes it.
_MADE_BY: Final = {
    "DataFrame": "pandas.DataFrame",
    "dict": '{"EPCI": tt.read_zoning(…)}',
    "Flows": "tt.read_flows(…).located()",
    "GeoDataFrame": "tt.read_communes(…)",
    "Poles": "tt.dominant_poles(…)",
    "Supply": "tt.read_supply(…)",
    "Zoning": "tt.delineate(…), tt.read_zoning(…)",
}


def fault(key: str, /, **values: object) -> Sentence:
    """Return one thing that is wrong; its words stand in the table under ``error.<key>``."""
    return Sentence(f"error.{key}", values)


class TerritoriesError(Exception):
    """Root of every refusal.

    Parameters
    ----------
    *faults
        What is wrong, all of it.
    """

    def __init__(self, *faults: Sentence) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        """Return one line a fault, in the language of the moment."""
        return "\n".join(str(each) for each in self.faults)


class InputError(TerritoriesError):
    """A file or a table cannot be used as it is."""


class CodeError(InputError):
    """Codes of communes, PMSI or sites are malformed or unknown."""


class GeometryError(InputError):
    """Geometries are missing, empty or without a coordinate reference system."""


class ConstraintError(TerritoriesError):
    """What was asked of the territories cannot be had."""


class SecrecyError(TerritoriesError):
    """What was asked would let a confidential figure out."""


def one_of(name: str, value: object, known: Sequence[str]) -> None:
    """Refuse a word that is none of those a parameter knows."""
    if value not in known:
        raise InputError(fault("choice", name=name, value=repr(value), values=", ".join(known)))


def of_kind(kind: str, **given: object) -> None:
    """Refuse objects of another kind, as a path where what is read from it is meant.

    The kind is known by the name of its class, so that no class has to be imported for it.
    """
    faults = [
        fault("kind", name=name, found=type(value).__name__, kind=kind, source=_MADE_BY[kind])
        for name, value in given.items()
        if all(each.__name__ != kind for each in type(value).__mro__)
    ]
    if faults:
        raise InputError(*faults)
