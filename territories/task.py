"""A division that is asked of flows and borders: checked, and ready to be searched."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from territories.communities import Problem
from territories.errors import ConstraintError, fault
from territories.methods import METHODS, Leiden, options_of
from territories.network import Network, unbordered
from territories.wishes import understood

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from territories._ties import Locked
    from territories._words import Sentence
    from territories.graph import AttractionNetwork
    from territories.methods import Options
    from territories.wishes import Wishes


@dataclass(frozen=True, eq=False)
class Task:
    """A division that was asked, ready to be searched.

    Attributes
    ----------
    ground
        Flows and borders of the communes.
    wishes
        What is asked besides.
    network
        The network of the groups of communes that stay together.
    problem
        The same with what each territory must keep to.
    """

    ground: AttractionNetwork
    wishes: Wishes
    network: Network
    problem: Problem
    method: str
    options: Options
    territories: int | None
    resolution: float | None
    contiguous: bool
    seed: int


def asked(
    ground: AttractionNetwork,
    *,
    method: str = "leiden",
    territories: int | None = None,
    resolution: float | None = None,
    population: tuple[int | None, int | None] = (20_000, None),
    together: Iterable[Iterable[str]] = (),
    apart: Iterable[Iterable[str]] = (),
    locked: Locked | None = None,
    poles: Iterable[str] | None = None,
    contiguous: bool = True,
    options: Mapping[str, object] | None = None,
    seed: int = 0,
) -> Task:
    """Check what is asked of a division of a ground (see `delineate`)."""
    chosen, faults = options_of(method, options)
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        faults.append(fault("seed_not_integer", value=repr(seed)))
    if method != "leiden" and method in METHODS:
        faults += _only_leiden(
            resolution=resolution is not None, apart=bool(apart), locked=locked is not None
        )
        if METHODS[method].hierarchy and territories is None:
            faults.append(fault("method_needs_number", method=method))
    wishes = None
    try:
        wishes = understood(
            ground.communes.loc[ground.placed],
            ground.pairs,
            population=population,
            territories=territories,
            resolution=resolution,
            together=together,
            apart=apart,
            locked=locked,
            poles=poles,
        )
    except ConstraintError as refusal:
        faults += refusal.faults
    if faults or wishes is None or chosen is None:
        raise ConstraintError(*faults)
    network = ground.network.grouped(wishes.group)
    if not contiguous and method == "leiden":
        network = unbordered(network)
    return Task(
        ground=ground,
        wishes=wishes,
        network=network,
        problem=_problem(network, wishes, chosen),
        method=method,
        options=chosen,
        territories=None if territories is None else int(territories),
        resolution=None if resolution is None else float(resolution),
        contiguous=contiguous,
        seed=int(seed),
    )


def _only_leiden(**asked_for: bool) -> list[Sentence]:
    """Refuse what only the engine's own method can do."""
    options = ", ".join(name for name, wanted in asked_for.items() if wanted)
    return [fault("only_leiden", options=options)] if options else []


def _problem(network: Network, wishes: Wishes, options: Options) -> Problem:
    if wishes.poles is None:
        poles = np.flatnonzero(network.received > 0)
    else:
        poles = np.unique(wishes.group[list(wishes.poles)])
    return Problem.of(
        network,
        null=options.null if isinstance(options, Leiden) else "directed",
        minimum=wishes.bounds.minimum,
        maximum=wishes.bounds.maximum,
        poles=poles,
        rivals=wishes.rivals,
        shut=wishes.shut,
    )
