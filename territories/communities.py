"""Communities of a network that are each in one piece: the search behind `delineate`.

The inner loops are in `_levels` (networks in arrays), `_moves` (moves between communities),
`_search` (levels), `_limits` (bounds
and numbers) and `_repair` (destroy and repair).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from territories._compiled import lazily
from territories.network import both_ways

if TYPE_CHECKING:
    from collections.abc import Iterable

    from territories._levels import Level, Limits, Longs, Sums
    from territories.network import Ints, Network, Null

# Loading numba takes half a second: only what divides waits for it.
kernels = lazily("territories._kernels")

NO_MAXIMUM: Final = 2**62

# Resolutions tried when a number of territories is wanted: from 0.5 up by quarters.
RESOLUTIONS: Final = tuple(0.5 * 1.25**step for step in range(45))

# How many finer divisions are merged down to a wanted number; the best is kept.
_STARTS: Final = 6

# Sweeps without borders before those with, and rounds of levels: more gain nothing that steps of
# repair do not gain faster.
_SWEEPS: Final = 2
_ROUNDS: Final = 1
_TRIES: Final = 20

# Rounds of communes and parts by turns when borders settle again.
_SETTLED: Final = 5


@dataclass(frozen=True, eq=False)
class Problem:
    """A network to divide, and what each community must keep to.

    Attributes
    ----------
    level
        The network in the arrays of the inner loops.
    limits
        Inhabitants and poles of a community.
    total
        All flows.
    """

    level: Level
    limits: Limits
    total: float

    @classmethod
    def of(
        cls,
        network: Network,
        *,
        null: Null = "directed",
        minimum: int | None = None,
        maximum: int | None = None,
        poles: Iterable[int] | None = None,
        rivals: Iterable[tuple[int, int]] = (),
        shut: Iterable[int] = (),
    ) -> Problem:
        """Set a problem.

        Parameters
        ----------
        network
            Flows and borders.
        null
            What chance would give (see `Network.ends`).
        minimum, maximum
            Inhabitants of a community; None: no bound.
        poles
            Nodes of which each community must hold one at least; None: it need not.
        rivals
            Pairs of nodes that must be apart.
        shut
            Nodes that stay alone.
        """
        count = len(network)
        out, into = network.ends(null)
        pairs = np.array(sorted(rivals), dtype=np.int64).reshape(-1, 2)
        apart = both_ways(pairs[:, 0], pairs[:, 1], count)
        held, alone = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
        held[[] if poles is None else list(poles)] = 1
        alone[list(shut)] = 1
        level = kernels.Level(
            *network.links,
            network.exchanged,
            *network.borders,
            *apart,
            out,
            into,
            network.population,
            held,
            alone,
        )
        limits = kernels.Limits(
            minimum or 0, NO_MAXIMUM if maximum is None else maximum, int(poles is not None)
        )
        return cls(level, limits, network.total)

    def with_flows(self, network: Network, null: Null = "directed") -> Problem:
        """Return the same problem with the flows of another network of the same arcs."""
        out, into = network.ends(null)
        level = self.level._replace(flow=network.exchanged, out=out, into=into)
        return replace(self, level=level, total=network.total)

    def without_poles(self) -> Problem:
        """Return the same problem in which no community needs a pole."""
        return replace(self, limits=self.limits._replace(poles=0))

    def scale(self, resolution: float) -> float:
        """Return what the products of the null model are multiplied by (0 without any flow)."""
        return resolution / self.total if self.total else 0.0

    def sums(self, division: Ints) -> Sums:
        """Add up the nodes of each community."""
        sums: Sums = kernels.summed(self.level, division)
        return sums

    def quality(self, division: Ints, resolution: float) -> float:
        """Return the modularity, but for what does not depend on the division."""
        sums = self.sums(division)
        gained: float = kernels.quality(self.level, self.scale(resolution), sums)
        return gained / self.total if self.total else 0.0

    def deficits(self, division: Ints) -> int:
        """Count the communities under the minimum and those without a pole: twice for both."""
        many: int = kernels.deficits(self.limits, self.sums(division))
        return many


def state(seed: int) -> Longs:
    """Return the engine's generator, from a seed."""
    return np.array([seed & 0xFFFFFFFF], dtype=np.int64)


def divided(problem: Problem, resolution: float, *, seed: int = 0) -> Ints:
    """Divide a problem within the maximum only; territories under the minimum remain."""
    limits = problem.limits._replace(minimum=0, poles=0)
    return kernels.communities(  # type: ignore[no-any-return]
        problem.level, problem.scale(resolution), limits, state(seed), _SWEEPS, _TRIES, _ROUNDS
    )


def bounded(problem: Problem, resolution: float, *, seed: int = 0, steps: int = 0) -> Ints:
    """Divide a problem within its limits, as many communities as the resolution gives.

    Parameters
    ----------
    problem
        What to divide.
    resolution
        γ of the modularity.
    seed
        Sets the order in which nodes are tried.
    steps
        Steps of destroy and repair.
    """
    scale, limits = problem.scale(resolution), problem.limits
    start = divided(problem, resolution, seed=seed)
    division = kernels.within_limits(problem.level, scale, limits, start, state(seed + 1), 0)
    return improved(problem, resolution, division, seed=seed, steps=steps)


def improved(
    problem: Problem,
    resolution: float,
    division: Ints,
    *,
    seed: int = 0,
    steps: int = 0,
    keep_number: bool = False,
) -> Ints:
    """Draw a few neighbouring communities again, step by step, and keep what is better."""
    if not steps:
        return kernels.numbered_labels(division)[0]  # type: ignore[no-any-return]
    return kernels.repaired(  # type: ignore[no-any-return]
        problem.level,
        problem.scale(resolution),
        problem.limits,
        division,
        state(seed + 2),
        steps,
        keep_number,
    )[0]


def merged(problem: Problem, resolution: float, start: Ints, number: int, *, seed: int = 0) -> Ints:
    """Merge the communities of a division to a number, and settle the borders."""
    scale = problem.scale(resolution)
    return kernels.within_limits(  # type: ignore[no-any-return]
        problem.level, scale, problem.limits, start, state(seed + 1), number
    )


def number_of(division: Ints) -> int:
    """Count the communities."""
    return len(np.unique(division))


def numbered(
    problem: Problem, number: int, *, seed: int = 0, steps: int = 0, exact: bool = True
) -> tuple[Ints, float]:
    """Divide a problem into a wanted number of communities, or as close to it as can be.

    1. The resolution rises step by step until it gives at least that many. 2. From several finer
    divisions, or where none is fine enough from communities under the minimum, neighbours merge
    until the number is reached, and communes go to those still under the minimum. 3. Borders
    settle at the finest resolution that did not give too many of itself: finer ones peel the
    surroundings off a large town, since what the town draws from everywhere outweighs what it draws
    from them. 4. Kept: the division with fewest communities that lack something, then the highest
    modularity; steps of repair improve it.

    Parameters
    ----------
    problem
        What to divide.
    number
        Communities wanted.
    seed
        Sets the order in which nodes are tried.
    steps
        Steps of destroy and repair.
    exact
        False: where fewer communities can have a pole, fewer are drawn.

    Returns
    -------
    tuple
        The division, and the resolution its borders settled at.
    """
    settled = RESOLUTIONS[0]
    counts: list[int] = []
    starts: list[Ints] = []
    # Poles are asked for once the number is right: before, they hide how fine a resolution is.
    free = problem.without_poles()
    for resolution in RESOLUTIONS:
        division = bounded(free, resolution, seed=seed)
        many = number_of(division)
        counts.append(many)
        if many <= number:
            settled = resolution
        if many >= number:
            starts.append(division)
        if len(starts) == _STARTS:
            break
    if not starts:
        settled = RESOLUTIONS[int(np.argmax(counts))]  # the first that gives the most
        starts = _under_the_minimum(problem, number, seed)
    ranked: list[tuple[tuple[float, ...], Ints]] = []
    # Where fewer places are poles than territories are wanted, some have none.
    for asked in (problem, free) if problem.limits.poles and exact else (problem,):
        for start in starts:
            division = merged(asked, settled, start, number, seed=seed)
            off = abs(number_of(division) - number)
            lacking, gained = problem.deficits(division), problem.quality(division, settled)
            ranked.append(((off, lacking, -gained, len(ranked)), division))
        if min(ranked, key=lambda each: each[0])[0][0] == 0:
            break
    best = min(ranked, key=lambda each: each[0])[1]
    division = improved(problem, settled, best, seed=seed, steps=steps, keep_number=True)
    # What could not be brought to the minimum, so that the number is right, merges after all.
    division = kernels.merged_small(problem.level, free.scale(settled), free.limits, division)
    return kernels.numbered_labels(division)[0], settled


def _under_the_minimum(problem: Problem, number: int, seed: int) -> list[Ints]:
    """Start from the nodes, and from communities under the minimum."""
    starts = [np.arange(len(problem.level.out), dtype=np.int32)]
    for resolution in RESOLUTIONS:
        division = divided(problem, resolution, seed=seed)
        if number_of(division) >= number:
            starts.append(division)
        if len(starts) == _STARTS:
            break
    return starts


def improved_within(
    problem: Problem, resolution: float, division: Ints, *, keep_number: bool = True, seed: int = 0
) -> Ints:
    """Settle the borders of a division that keeps to its limits: moves across borders only.

    Parameters
    ----------
    problem
        What to divide.
    resolution
        γ of the modularity.
    division
        Where to start.
    keep_number
        No community is emptied.
    seed
        Sets the order in which nodes are tried.
    """
    level = problem.level
    sums = kernels.summed(level, division.copy())
    count = len(division)
    order = kernels.shuffled(count, state(seed))
    kernels.border_moves(
        level,
        problem.scale(resolution),
        problem.limits,
        sums,
        keep_number=keep_number,
        alone=False,
        order=order,
        budget=50 * count,
    )
    return sums.label  # type: ignore[no-any-return]


def settled_around(
    problem: Problem,
    resolution: float,
    division: Ints,
    nodes: Ints,
    *,
    fixed: Iterable[int] = (),
    seed: int = 0,
) -> Ints:
    """Settle the borders between some communities only; −1 in the division: in none.

    Parameters
    ----------
    problem
        What to divide.
    resolution
        γ of the modularity.
    division
        Where to start.
    nodes
        All nodes of the communities that may change.
    fixed
        Nodes that stay in their community.
    seed
        Sets the order in which nodes are tried.
    """
    still = problem.level.shut.copy()
    still[list(fixed)] = 2
    level = problem.level._replace(shut=still)
    inside = np.full(len(division), -1, dtype=np.int32)
    part = kernels.part_of(level, nodes, inside)
    label, names = np.unique(division[nodes], return_inverse=True)
    start = names.astype(np.int32)
    found = kernels.settled(
        part, problem.scale(resolution), problem.limits, start, state(seed), _SETTLED
    )
    changed = division.copy()
    changed[nodes] = label[found]
    return changed


def resampled(network: Network, seed: int) -> Network:
    """Draw the patients of a network again."""
    weight = kernels.drawn_again(network.weight, network.scatter, state(seed))
    return network.reweighted(weight)
