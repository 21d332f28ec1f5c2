"""The engine, as the measures call it: the only module to change when the engine does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import peers
from measures import Contestant, Labels, Result, peer, race

from territories import communities
from territories.network import Network, Null
from territories.stability import cores, joined, resamples, reseeded

OURS: Final = "territories"

# What is imported, once geometry and tables are there, before a network can be divided.
ENGINE_MODULES: Final = ("territories", "territories.communities")

MOST_STEPS: Final = 1_000_000  # where improvement ends by itself before it takes long


def solve(
    network: Network,
    resolution: float = 1.0,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
    territories: int | None = None,
    seed: int = 0,
    steps: int = 0,
    null: Null = "undirected",
) -> Labels:
    """Divide a network with the engine: one label for each node."""
    problem = communities.Problem.of(network, null=null, minimum=minimum, maximum=maximum)
    if territories is None:
        return communities.bounded(problem, resolution, seed=seed, steps=steps)
    return communities.numbered(problem, territories, seed=seed, steps=steps)[0]


def many(
    network: Network, runs: int, *, resample: bool, resolution: float = 1.0, seed: int = 0
) -> object:
    """Divide a network with many seeds, or many resamples of its flows, and map what is stable."""
    problem = communities.Problem.of(network, null="undirected")
    base = communities.bounded(problem, resolution, seed=seed)
    seeds = range(seed + 1, seed + 1 + runs)
    if resample:
        found = resamples(network, problem, base, resolution, seeds=seeds, null="undirected")
    else:
        found = reseeded(problem, resolution, seeds=seeds)
    divisions = np.array(list(found))
    return cores(network, base, divisions), joined(network, divisions)


class Effort(NamedTuple):
    """Where the data are, and how much time may be spent."""

    data: Path
    quick: bool = False
    slow: bool = False

    @property
    def seeds(self) -> int:
        """Return how many seeds what takes less than a second is given."""
        return 3 if self.quick else 7

    @property
    def few(self) -> int:
        """Return how many seeds what takes seconds is given."""
        return 1 if self.quick else 3


def ours(network: Network, resolution: float, name: str = OURS, **asked: object) -> Contestant:
    """Let the engine run; it is compiled, or read from its cache, before the clock starts."""
    return Contestant(
        name, lambda seed: solve(network, resolution, seed=seed, **asked), np.asarray, warm=True
    )


def theirs(network: Network, resolution: float, entered: list[peers.Peer]) -> list[Contestant]:
    """Let those of the peers run that are installed."""
    return [peer(each, network, resolution) for each in peers.installed(entered)[0]]


def curve(
    part: str,
    network: Network,
    limit: float,
    seeds: int,
    *,
    resolution: float,
    null: Null,
    **asked: object,
) -> Iterator[Result]:
    """Let the engine improve with twice as many steps each time, until it takes too long."""
    steps = 0
    while steps <= MOST_STEPS:
        name = f"{OURS}, {steps} steps"
        entered = ours(network, resolution, name, steps=steps, null=null, **asked)
        found = race(part, network, [entered], seeds, resolution=resolution, null=null)[name]
        yield found
        if found.time > limit:
            return
        steps = max(2 * steps, 50)
