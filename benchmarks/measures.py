"""What the measures of the engine share: the clock, the quality of labels, tables and verdicts."""

import gc
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from peers import Peer, border_matrix, split

from territories.network import Network, Null

Labels = NDArray[np.integer]

# What numpy's libraries, numba and Rust read when they are loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class Contestant(NamedTuple):
    """A program and what it works on: `run` is measured, `read` makes labels of what it gives."""

    name: str
    run: Callable[[int], object]
    read: Callable[[object], Labels]
    warm: bool = False


@dataclass(frozen=True)
class Result:
    """What a program gave over several seeds.

    Attributes
    ----------
    seconds, quality
        Processor time and modularity, by seed.
    communities, in_pieces
        Their number, and the share of them that are in several pieces: medians.
    least, most
        Inhabitants of the smallest and of the largest community of any seed.
    labels
        What it gave, by seed; not written.
    """

    part: str
    name: str
    resolution: float
    seconds: list[float]
    quality: list[float]
    communities: float
    in_pieces: float
    least: int
    most: int
    more: dict[str, float] = field(default_factory=dict)
    labels: list[Labels] = field(default_factory=list, repr=False)

    @property
    def time(self) -> float:
        """Return the median time."""
        return median(self.seconds)

    @property
    def modularity(self) -> float:
        """Return the median quality."""
        return median(self.quality)

    def record(self) -> dict[str, object]:
        """Return what is written of it."""
        return {name: value for name, value in vars(self).items() if name != "labels"}


def seconds(job: Callable[[], object]) -> tuple[float, object]:
    """Return the processor time of a job, and what it gives."""
    gc.collect()
    before = time.process_time()
    given = job()
    return time.process_time() - before, given


def modularity(
    network: Network, labels: Labels, resolution: float = 1.0, null: Null = "undirected"
) -> float:
    """Return the modularity of labels, flows with the outside counted in what chance would give.

    Without such flows, and undirected, it is `networkx.community.modularity` of the graph whose
    edges are the flows both ways, and whose self-loops are the flows of nodes to themselves.
    """
    labels = np.unique(labels, return_inverse=True)[1]
    inside = network.weight[labels[network.source] == labels[network.target]].sum()
    out, into = (np.bincount(labels, each) for each in network.ends(null))
    return float((inside - resolution * (out @ into) / network.total) / network.total)


def pieces(network: Network, labels: Labels) -> NDArray[np.int64]:
    """Return the number of pieces of each community."""
    labels = np.unique(labels, return_inverse=True)[1]
    _, first = np.unique(split(labels, border_matrix(network)), return_index=True)
    return np.bincount(labels[first])


def inhabitants(network: Network, labels: Labels) -> NDArray[np.int64]:
    """Return the population of each community."""
    labels = np.unique(labels, return_inverse=True)[1]
    return np.bincount(labels, network.population).astype(np.int64)


def closed(network: Network) -> Network:
    """Return a network without its flows with the outside, as other programs see it."""
    nodes = len(network)
    return Network.of(
        network.source,
        network.target,
        network.weight,
        left=np.repeat(np.arange(nodes), np.diff(network.borders.start)),
        right=network.borders.to,
        population=network.population,
    )


def fingerprint(network: Network) -> str:
    """Return a hash of all that a network holds."""
    found = hashlib.sha256()
    for each in (
        *(network.source, network.target, network.weight, network.sent, network.received),
        *(network.borders.start, network.borders.to, network.population),
    ):
        found.update(np.ascontiguousarray(each).tobytes())
    return found.hexdigest()


def peer(given: Peer, network: Network, resolution: float) -> Contestant:
    """Build what a peer works on, outside the clock."""
    graph = given.build(network)
    return Contestant(
        given.name,
        lambda seed: given.run(graph, resolution, seed),
        lambda found: given.read(found, len(network)),
    )


def race(
    part: str,
    network: Network,
    contestants: Iterable[Contestant],
    seeds: int,
    *,
    resolution: float = 1.0,
    null: Null = "undirected",
) -> dict[str, Result]:
    """Let all run with each seed in turn, so that what else the machine does meets all of them."""
    entered = list(contestants)
    spent: dict[str, list[float]] = {each.name: [] for each in entered}
    labels: dict[str, list[Labels]] = {each.name: [] for each in entered}
    for each in entered:
        if each.warm:
            each.run(0)
    for seed in range(1, seeds + 1):
        for each in entered:
            elapsed, given = seconds(lambda each=each, seed=seed: each.run(seed))
            spent[each.name].append(elapsed)
            labels[each.name].append(each.read(given))
    return {
        name: result(
            part,
            name,
            network,
            spent=spent[name],
            labels=labels[name],
            resolution=resolution,
            null=null,
        )
        for name in spent
    }


def result(
    part: str,
    name: str,
    network: Network,
    *,
    spent: list[float],
    labels: list[Labels],
    resolution: float,
    null: Null,
) -> Result:
    """Measure the labels of several seeds."""
    people = [inhabitants(network, each) for each in labels]
    return Result(
        part,
        name,
        resolution,
        spent,
        [modularity(network, each, resolution, null) for each in labels],
        communities=median(len(each) for each in people),
        in_pieces=median(float((pieces(network, each) > 1).mean()) for each in labels),
        least=int(min(each.min() for each in people)),
        most=int(max(each.max() for each in people)),
        labels=labels,
    )


def show(title: str, results: Iterable[Result], reference: Result | None = None) -> None:
    """Print a table; times are also multiples of the reference's."""
    print(f"\n{title}")
    beside = "" if reference is None else f"{'× ' + reference.name:>15.15}"
    print(
        f"  {'':<34}{'seconds':>9}{'least–most':>17}{beside}"
        f"{'modularity':>12}{'least–most':>17}{'number':>8}{'in pieces':>11}"
    )
    for each in results:
        ratio = "" if reference is None else f"{each.time / reference.time:>15.2f}"
        print(
            f"  {each.name:<34.34}{each.time:>9.4f}{_range(each.seconds, 4):>17}{ratio}"
            f"{each.modularity:>12.5f}{_range(each.quality, 4):>17}"
            f"{each.communities:>8.0f}{each.in_pieces:>11.0%}"
        )


def _range(values: list[float], digits: int) -> str:
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def verdict(
    what: str,
    value: float,
    must: float | None,
    aim: float | None = None,
    unit: str = "",
    *,
    most: bool = False,
) -> None:
    """Print a figure beside what it must be and what is aimed at: at least, or at most."""

    def reached(bound: float) -> bool:
        return value <= bound if most else value >= bound

    said = []
    for name, bound in (("must", must), ("aim", aim)):
        if bound is not None:
            told = "reached" if reached(bound) else "NOT REACHED"
            said.append(f"{name} {'≤' if most else '≥'} {bound:g}{unit}: {told}")
    print(f"  → {what}: {value:.6g}{unit} ({'; '.join(said)})")


def within(results: list[Result], minimum: int, maximum: int) -> None:
    """Print whether populations are within their bounds."""
    verdict("smallest population", min(each.least for each in results), minimum)
    verdict("largest", max(each.most for each in results), maximum, most=True)
