"""How far a division depends on chance: many seeds, and patients drawn again."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from territories.communities import bounded, divided, improved_within, merged, resampled
from territories.division import found, named
from territories.errors import ConstraintError, InputError, fault
from territories.graph import attraction_network
from territories.methods import Leiden
from territories.network import added
from territories.task import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import geopandas as gpd

    from territories.communities import Problem
    from territories.flows import Flows
    from territories.network import Floats, Ints, Network, Null
    from territories.task import Task
    from territories.zoning import Zoning

# A number is reached by merging a division that is finer by so much.
_FINER = 1.25

# A commune that is with its pole in this share of the runs or more is stable (METHOD, section 7).
STABLE: Final = 0.9

GROUND = (
    *("weights", "hospital", "hospital_weight", "chains", "chains_weight"),
    *("bridges", "tolerance"),
)


@dataclass(frozen=True, eq=False)
class Runs:
    """Many divisions of one task, beside the one that is shown.

    Attributes
    ----------
    task
        What was asked.
    base
        The division that is shown: the community of each group of communes.
    resolution
        Resolution it settled at.
    divisions
        One row for each run: the community of each group.
    kind
        ``"resamples"``: patients were drawn again; ``"seeds"``: only the order of moves changed.
    """

    task: Task
    base: Ints
    resolution: float
    divisions: Ints
    kind: Literal["seeds", "resamples"]

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.divisions)

    @cached_property
    def zoning(self) -> Zoning:
        """The division that is shown."""
        return named(self.task, self.base, self.resolution)

    @cached_property
    def together(self) -> Floats:
        """For each border of the network, in both ways: the share of runs that join its ends."""
        return joined(self.task.network, self.divisions)

    @cached_property
    def communes(self) -> pd.DataFrame:
        """Stability of each commune (see `stability`)."""
        count = len(self.base)
        core = cores(self.task.network, self.base, self.divisions)
        flows = self._flows(int(self.base.max()) + 1)
        sent = self.task.network.sent
        away = core.second_share > 0
        other = np.where(away, core.second, self._nearest(flows))
        mine = flows[np.arange(count), self.base]
        theirs = np.where(other >= 0, flows[np.arange(count), other], np.nan)
        gap = np.divide(mine - theirs, sent, out=np.full(count, np.nan), where=sent > 0)
        names = np.array(self._names, dtype=object)
        table = pd.DataFrame(
            {
                "core_share": core.share,
                "second": pd.Series(names[core.second], dtype="str").where(away),
                "second_share": core.second_share,
                "flow_gap": gap,
            }
        )
        table = table.iloc[self.task.wishes.group].set_axis(self.task.ground.placed)
        return table.reindex(self.task.ground.communes.index).rename_axis("commune")

    @property
    def _names(self) -> list[str]:
        labels = self.zoning.labels.reindex(self.task.ground.placed).to_numpy()
        names = [""] * (int(self.base.max()) + 1)
        for group, name in zip(self.task.wishes.group, labels, strict=True):
            names[self.base[group]] = name
        return names

    def _flows(self, many: int) -> Floats:
        """Add up what each group sends to each community of the base."""
        network = self.task.network
        keys = network.source.astype(np.int64) * many + self.base[network.target]
        sums = added(keys, network.weight, len(self.base) * many)
        return sums.reshape(len(self.base), many)

    def _nearest(self, flows: Floats) -> Ints:
        """Find the other community that each group sends most to; −1: to none."""
        others = flows.copy()
        others[np.arange(len(others)), self.base] = -1.0
        best = np.argmax(others, axis=1)
        return np.where(others[np.arange(len(others)), best] > 0, best, -1).astype(np.int32)

    @cached_property
    def borders(self) -> pd.DataFrame:
        """Solidity of the borders between two communes of different territories.

        Columns `left`, `right` (left < right, in order), `shared_m`, `solidity`: the share of runs
        in which the two communes are in different territories.
        """
        pairs = self.task.ground.pairs
        placed, group = self.task.ground.placed, self.task.wishes.group
        left, right = (group[placed.get_indexer(pd.Index(pairs[end]))] for end in ("left", "right"))
        apart = np.zeros(len(pairs))
        for division in self.divisions:
            apart += division[left] != division[right]
        table = pairs.assign(solidity=apart / max(len(self), 1))
        between: pd.DataFrame = table[self.base[left] != self.base[right]]
        return between.reset_index(drop=True)

    @cached_property
    def agreement(self) -> float:
        """Mean adjusted Rand index between the division that is shown and the runs."""
        return mean_agreement(self.base, self.divisions)

    @cached_property
    def consensus(self) -> Zoning:
        """The division that agrees most with the runs, in one piece and within the same limits.

        It starts from the one that is shown; communes move across borders while that raises the
        sum, over the borders within territories, of the share of runs that join both sides, less a
        half. What two runs in three draw alike stays, wherever the limits allow it.
        """
        problem = self.task.problem
        borders = self.task.network.borders
        level = problem.level._replace(
            start=borders.start, to=borders.to, flow=2.0 * self.together - 1.0
        )
        agreed = replace(problem, level=level)
        return named(self.task, improved_within(agreed, 0.0, self.base), self.resolution)

    def __repr__(self) -> str:
        """Return what matters of the runs."""
        weak = (self.communes["core_share"] < STABLE).sum()
        return (
            f"<Runs: {len(self)} {self.kind}, agreement {self.agreement:.2f}, "
            f"{weak:,} communes with their pole in less than 90% of them>"
        )

    def _repr_html_(self) -> str:
        """Show the communes that stability is lowest for in a notebook."""
        lowest = self.communes.sort_values("core_share", kind="stable").head(10)
        # A share of a commune's own patients is not shown.
        lowest = lowest.drop(columns="flow_gap")
        return f"<p>{html.escape(repr(self))}</p>{lowest.to_html()}"


class Cores(NamedTuple):
    """For each node: how often it is with the main pole of its community, and of which other.

    Attributes
    ----------
    share
        Share of the runs in which the node is with the main pole of its community.
    second, second_share
        The other community of the base with whose main pole the node is most often when it is not
        with its own (ties: the first), and the share of runs.
    """

    share: Floats
    second: Ints
    second_share: Floats


def cores(network: Network, base: Ints, divisions: Ints) -> Cores:
    """Find with which poles each node is, run by run."""
    count, many = len(base), int(base.max()) + 1
    # Main pole of each community: most received, then most people, then the first.
    order = np.lexsort((np.arange(count), -network.population, -network.received))
    poles = np.full(many, -1, dtype=np.int32)
    poles[base[order[::-1]]] = order[::-1]
    own = np.zeros(count)
    keys = []
    for division in divisions:
        at_home = division == division[poles[base]]
        own += at_home
        # Away from home: with the poles of which communities of the base?
        away = np.flatnonzero(~at_home)
        node, community = np.nonzero(division[away][:, None] == division[poles][None, :])
        keys.append(away[node].astype(np.int64) * many + community)
    met, times = np.unique(np.concatenate(keys) if keys else [], return_counts=True)
    node, community = met.astype(np.int64) // many, met.astype(np.int64) % many
    best = np.lexsort((community, -times, node))
    first = best[np.flatnonzero(np.diff(node[best], prepend=-1))]
    second, share = np.zeros(count, dtype=np.int32), np.zeros(count)
    second[node[first]], share[node[first]] = community[first], times[first]
    runs = max(len(divisions), 1)
    return Cores(own / runs, second, share / runs)


def joined(network: Network, divisions: Ints) -> Floats:
    """Return, for each border in both ways, the share of divisions that join its ends."""
    borders = network.borders
    begins = np.repeat(np.arange(len(network)), np.diff(borders.start))
    many = np.zeros(len(borders.to))
    for division in divisions:
        many += division[begins] == division[borders.to]
    return many / max(len(divisions), 1)


def mean_agreement(base: Ints, divisions: Ints) -> float:
    """Return the mean adjusted Rand index between one division and others (NaN without others)."""
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - a second, here only

    if not len(divisions):
        return float("nan")
    return float(np.mean([adjusted_rand_score(base, each) for each in divisions]))


def runs_of(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    runs: int = 100,
    resample: bool = True,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
    **options: Any,  # noqa: ANN401
) -> Runs:
    """Divide a layer many times, as `delineate` would with other seeds or other patients.

    Parameters
    ----------
    flows, communes
        See `delineate`.
    runs
        How many.
    resample
        True: in each run patients are drawn again (Poisson, on the flows added up) and the
        division that is shown adapts to them: what is left is the noise of small numbers. False:
        flows stay, and each run starts from nothing with another seed: what is left is the noise
        of the search.
    seed
        Seed of the division that is shown; the runs take the following ones.
    tell
        Called with the name of each stage as it begins.
    **options
        Options of `delineate`; method ``"leiden"`` only.

    Raises
    ------
    InputError
        If `runs` is not an integer over 0.
    ConstraintError
        As `delineate`; if all flows are zero; for another method than ``"leiden"``.
    """
    given = {name: options.pop(name) for name in GROUND if name in options}
    ground = attraction_network(flows, communes, **given, tell=tell)
    task = asked(ground, seed=seed, **options)
    tell("search")
    return repeated(task, runs=runs, resample=resample)


def repeated(task: Task, *, runs: int = 100, resample: bool = True) -> Runs:
    """Divide a task many times (see `runs_of`)."""
    checked_runs(runs)
    leiden = leiden_of(task, "stability")
    base, resolution = found(task)
    used = 1.0 if resolution is None else resolution
    number = len(np.unique(base)) if task.resolution is None else 0
    if resample:
        divisions = resamples(
            task.network,
            task.problem,
            base,
            used,
            seeds=range(task.seed + 1, task.seed + 1 + runs),
            null=leiden.null,
            keep_number=number > 0,
        )
    else:
        divisions = reseeded(
            task.problem, used, seeds=range(task.seed + 1, task.seed + 1 + runs), number=number
        )
    return Runs(task, base, used, np.array(list(divisions)), "resamples" if resample else "seeds")


def checked_runs(runs: object) -> None:
    """Refuse a number of runs that is none."""
    if isinstance(runs, bool) or not isinstance(runs, Integral) or runs < 1:
        raise InputError(fault("runs_not_positive", value=repr(runs)))


def leiden_of(task: Task, wanted: str) -> Leiden:
    """Return the options of a task, whose method must be leiden and whose flows not all zero."""
    if not isinstance(task.options, Leiden):
        raise ConstraintError(fault("only_leiden", options=wanted))
    if not task.network.total:
        raise ConstraintError(fault("no_flow"))
    return task.options


def reseeded(
    problem: Problem, resolution: float, *, seeds: Iterable[int], number: int = 0
) -> Iterator[Ints]:
    """Divide from nothing with each seed; `number`: merged to so many communities."""
    for seed in seeds:
        if number == 0:
            yield bounded(problem, resolution, seed=seed)
        else:
            finer = divided(problem, resolution * _FINER, seed=seed)
            yield merged(problem, resolution, finer, number, seed=seed)


def resamples(
    network: Network,
    problem: Problem,
    base: Ints,
    resolution: float,
    *,
    seeds: Iterable[int],
    null: Null = "directed",
    keep_number: bool = False,
) -> Iterator[Ints]:
    """Draw the patients again with each seed and let the borders of a division adapt."""
    for seed in seeds:
        redrawn = problem.with_flows(resampled(network, seed), null)
        yield improved_within(redrawn, resolution, base, keep_number=keep_number)


def stability(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    runs: int = 100,
    resample: bool = True,
    seed: int = 0,
    **options: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Tell for each commune how far its territory depends on chance.

    Parameters
    ----------
    flows, communes, runs, resample, seed, **options
        See `runs_of`.

    Returns
    -------
    DataFrame
        Indexed by commune, in order: `core_share`, the share of runs in which the commune is with
        the main pole of its territory; `second`, the other territory with whose pole it is most
        often otherwise (ties: the first), and `second_share`, the share of runs; `flow_gap`, the
        share of its patients who stay in its territory less the share who go to the second one
        (where there is none, to the other territory that most go to). Missing where undefined.
        Communes that stay together have the values of all of them as one.
    """
    return runs_of(flows, communes, runs=runs, resample=resample, seed=seed, **options).communes
