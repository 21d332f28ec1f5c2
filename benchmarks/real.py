"""The engine on real communes and real patients: bounds, the truth, official areas.

The recorded run is the best division of `cvl` within its bounds that half an hour of looking found.
"""

import json
import time
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import peers
import synthetic
from measures import (
    Labels,
    Result,
    closed,
    fingerprint,
    modularity,
    pieces,
    race,
    show,
    verdict,
    within,
)
from ours import Effort, curve, ours, solve, theirs

from territories.network import Network

RECORDED: Final = Path(__file__).with_name("recorded.json")

# What the recorded run asks of a division of cvl.
CVL: Final = {"resolution": 1.0, "minimum": 20_000, "maximum": 600_000, "null": "directed"}
SEEDS: Final = 8


def cvl(effort: Effort) -> list[Result]:
    """Measure the row of the recorded run, and how much of the planted truth is found."""
    folder = effort.data / "cvl"
    network = synthetic.cvl(folder)
    inner = closed(network)
    found = race("cvl", inner, theirs(inner, 1.0, [peers.NETWORKX]), effort.seeds)
    louvain = found[peers.NETWORKX.name].time
    show("Centre-Val de Loire, unconstrained, without the outside", found.values())
    results = list(curve("cvl, 20–600 k", network, 5 * louvain, effort.few, **CVL))
    show("Centre-Val de Loire, 20 000 to 600 000 inhabitants", results)
    best = recorded(network)
    if best is not None:
        for times, must, aim in ((5, 0.99, None), (1, None, 0.995)):
            limit = times * louvain
            share = max((each.modularity for each in results if each.time <= limit), default=0)
            what = f"of the best recorded, in {times} × networkx Louvain ({limit:.3f} s)"
            verdict(what, share / best, must, aim)
    within(results, 20_000, 600_000)
    return [*found.values(), *results, *planted(network, synthetic.cvl_planted(folder), effort)]


def planted(network: Network, truth: Labels, effort: Effort) -> list[Result]:
    """Measure the agreement of 24 territories with those planted."""
    agreement = peers.library("sklearn.metrics").adjusted_rand_score
    entered = ours(network, 1.0, territories=24, minimum=20_000, null="directed")
    found = race("cvl, 24", network, [entered], effort.few, null="directed")[entered.name]
    show("Centre-Val de Loire, 24 territories", [found])
    agreed = median(agreement(truth, each) for each in found.labels)
    verdict("agreement with the truth (ARI)", agreed, 0.85, 0.90)
    verdict("smallest population", found.least, 20_000)
    return [found]


def recorded(network: Network) -> float | None:
    """Return the best modularity of the recorded run, if it was of this network and bounds."""
    if not RECORDED.exists():
        print("  no recorded run: --record MINUTES makes one")
        return None
    kept = json.loads(RECORDED.read_text(encoding="utf-8"))
    if kept["network"] != fingerprint(network) or kept["asked"] != CVL:
        print("  the recorded run is of other inputs or bounds: --record MINUTES makes one")
        return None
    minutes, best = kept["seconds"] / 60, float(kept["modularity"])
    print(f"  recorded: {best:.6f} after {minutes:.0f} min, {kept['runs']} runs")
    return best


def record(data: Path, minutes: float) -> None:
    """Look for the best division of cvl for so long: ever more steps, for several seeds each."""
    network = synthetic.cvl(data / "cvl")
    best, runs, steps = {"modularity": -1.0}, 0, 1000
    solve(network, seed=0, **CVL)
    start = time.process_time()
    spent = 0.0
    while spent < 60 * minutes:
        seed = runs % SEEDS
        labels = solve(network, seed=seed, steps=steps, **CVL)
        spent = time.process_time() - start
        quality = modularity(network, labels, CVL["resolution"], CVL["null"])
        if quality > best["modularity"]:
            best = {"modularity": quality, "seed": seed, "steps": steps, "found": spent}
            print(f"{spent:8.0f} s  {quality:.6f}  seed {seed}, {steps} steps", flush=True)
        runs += 1
        if runs % SEEDS == 0:
            steps *= 2
    kept = {"network": fingerprint(network), "communes": len(network), "asked": CVL}
    kept |= best | {"runs": runs, "seconds": spent}
    RECORDED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def nhs(effort: Effort) -> list[Result]:
    """Measure the division of England beside its official planning areas."""
    network = synthetic.nhs(effort.data / "nhs")
    entered = ours(network, 1.0, territories=42, null="directed")
    found = race("nhs", network, [entered], effort.seeds, null="directed")[entered.name]
    show("England, at most 42 territories", [found])
    own, inside = zip(*(_kept(each, network) for each in found.labels), strict=True)
    verdict("median share of a territory's stays that are inside (LI)", median(own), 0.7058)
    verdict("share of all stays inside", median(inside), 0.7322)
    verdict("territories", max(len(np.unique(each)) for each in found.labels), 42, most=True)
    apart = max(int((pieces(network, each) > 1).sum()) for each in found.labels)
    verdict("territories in several pieces", apart, 0, most=True)
    return [found]


def _kept(labels: Labels, network: Network) -> tuple[float, float]:
    """Return the median over territories of the share of flows that stay inside, and of all."""
    number = np.unique(labels, return_inverse=True)[1]
    same = number[network.source] == number[network.target]
    kept = np.bincount(number[network.source[same]], network.weight[same], number.max() + 1)
    sent = np.bincount(number, network.sent)
    return float(np.median(kept[sent > 0] / sent[sent > 0])), float(kept.sum() / network.total)
