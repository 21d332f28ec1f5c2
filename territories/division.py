"""Searching the division that a task asks for, and making a zoning of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from territories._words import Sentence
from territories.communes import place_names
from territories.communities import bounded, number_of, numbered
from territories.errors import ConstraintError, fault
from territories.methods import Leiden, drawn
from territories.scan import proposed
from territories.unmet import unmet
from territories.zoning import Zoning

if TYPE_CHECKING:
    from territories.network import Ints
    from territories.task import Task


def searched(task: Task) -> tuple[Ints, float | None]:
    """Search a division of the groups of a task; return it and the resolution it settled at."""
    problem, seed, number = task.problem, task.seed, task.territories
    if not isinstance(task.options, Leiden):
        division = drawn(
            task.options, task.network, problem, number=number, contiguous=task.contiguous
        )
        return division, None
    steps = task.options.steps
    if task.resolution is not None:
        division = bounded(problem, task.resolution, seed=seed, steps=steps)
        return division, task.resolution
    wanted = proposed(task.network, problem, seed=seed) if number is None else number
    return numbered(problem, wanted, seed=seed, steps=steps, exact=number is not None)


def divided(task: Task) -> Zoning:
    """Search what was asked, name the territories and account for what could not be met."""
    if not task.network.total:
        return nothing(task)
    division, resolution = found(task)
    return named(task, division, resolution)


def found(task: Task) -> tuple[Ints, float | None]:
    """Search what was asked, and refuse another number of territories than was wanted."""
    division, resolution = searched(task)
    reached = number_of(division)
    if task.territories is not None and reached != task.territories:
        raise ConstraintError(fault("number_not_reached", wanted=task.territories, reached=reached))
    return division, resolution


def nothing(task: Task) -> Zoning:
    """Leave all in white zones where nothing attracts anyone, and say so."""
    if task.territories is not None:
        raise ConstraintError(fault("no_flow_number", wanted=task.territories))
    return Zoning(
        communes=task.ground.communes,
        membership=pd.DataFrame(columns=["code", "territory", "weight"]),
        unmet=(Sentence("unmet.no_flow"),),
        pairs=task.ground.pairs,
        parameters={**parameters(task), "resolution_used": None},
    )


def parameters(task: Task) -> dict[str, object]:
    """Return what was asked, for the record."""
    return {
        "method": task.method,
        "territories": task.territories,
        "resolution": task.resolution,
        "population": [task.wishes.bounds.minimum, task.wishes.bounds.maximum],
        **task.ground.parameters,
        "contiguous": task.contiguous,
        "options": task.options.model_dump(),
        "seed": task.seed,
        **_wished(task),
    }


def _wished(task: Task) -> dict[str, object]:
    """Return the wishes about communes, those that there are."""
    wishes, codes = task.wishes, task.ground.placed
    members: dict[int, list[str]] = {}
    for code, group in zip(codes.astype(str), wishes.group.tolist(), strict=True):
        members.setdefault(group, []).append(code)
    named = set(wishes.names)
    wished: dict[str, object] = {
        "together": [
            each for group, each in members.items() if len(each) > 1 and group not in named
        ],
        "apart": [
            [members[one][0], members[other][0]]
            for one, other in wishes.rivals
            if not {one, other} <= named
        ],
        "locked": {code: name for group, name in wishes.names.items() for code in members[group]},
        "locked_as_they_are": sorted(wishes.names[group] for group in wishes.shut),
        "poles": [str(codes[node]) for node in wishes.poles or ()],
    }
    return {name: value for name, value in wished.items() if value}


def named(task: Task, division: Ints, resolution: float | None) -> Zoning:
    """Make a zoning of a division of the groups of a task."""
    ground = task.ground
    names = territory_names(task, division)
    labels = division[task.wishes.group]
    territory = np.array([names[label] for label in range(len(names))], dtype=object)[labels]
    layer = ground.communes.loc[ground.placed]
    membership = pd.DataFrame({"code": ground.placed, "territory": territory, "weight": 1.0})
    in_layer = [name for name in sorted(set(territory)) if name in layer.index]
    return Zoning(
        communes=ground.communes,
        membership=membership,
        names={**place_names(layer, in_layer), **task.wishes.titles},
        unmet=unmet(task, division, names),
        pairs=ground.pairs,
        parameters={**parameters(task), "resolution_used": resolution},
    )


def territory_names(task: Task, division: Ints) -> dict[int, str]:
    """Name each community: as it is locked, else by the code of its main pole."""
    network, wishes, codes = task.ground.network, task.wishes, task.ground.placed
    names = {int(division[group]): name for group, name in wishes.names.items()}
    taken = set(names.values())
    # Most patients received, then most people, then the first code.
    order = np.lexsort((np.arange(len(codes)), -network.population, -network.received))
    label_of = division[wishes.group]
    for node in order:
        label, code = int(label_of[node]), str(codes[node])
        if label not in names and code not in taken:
            names[label] = code
            taken.add(code)
    for label in set(division.tolist()) - set(names):  # all its communes are names of others
        code = str(codes[np.flatnonzero(label_of == label)[0]])
        names[int(label)] = f"{code}-{label}"
    return names
