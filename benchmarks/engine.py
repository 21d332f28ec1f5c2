"""The engine beside other programs: processor time on one core, and quality, in one process.

    pip install -r benchmarks/requirements.txt
    python benchmarks/engine.py --region --france --cvl --nhs --imports

Without the name of a part all are run. What counts are the ratios: each is of medians over seeds
that all programs ran in turn. One function, `measures.modularity`, measures the quality of the
labels that each gives. ``--quick`` takes fewer seeds and leaves out what takes minutes, ``--slow``
adds spopt and ScLeiden on the whole country. ``--record MINUTES`` looks for the best division of
`cvl` within its bounds for so long and keeps its modularity in recorded.json.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import peers
import real
import synthetic
from measures import THREADS, Contestant, Result, modularity, race, seconds, show, verdict, within
from ours import ENGINE_MODULES, OURS, Effort, curve, many, ours, solve, theirs

from territories.containment import self_containment
from territories.network import Network


def check() -> None:
    """Check our measure of quality against networkx's, once, on a small network with self-flows."""
    random = np.random.default_rng(0)
    source, target = random.integers(0, 30, (2, 200))
    network = Network.of(
        source,
        target,
        random.integers(1, 9, 200).astype(float),
        left=np.arange(29),
        right=np.arange(1, 30),
        population=np.ones(30, dtype=np.int64),
    )
    labels = random.integers(0, 4, 30)
    graph = peers.NETWORKX.build(network)
    communities = [set(np.flatnonzero(labels == each).tolist()) for each in range(4)]
    theirs_ = peers.library("networkx").community.modularity(graph, communities, resolution=1.7)
    if not np.isclose(modularity(network, labels, 1.7), theirs_, rtol=0, atol=1e-12):
        sys.exit("our modularity is not networkx's")


# --- the region ----------------------------------------------------------------------------------


def region(effort: Effort) -> list[Result]:
    """Measure the rows about the region: speed, ScLeiden, loss by contiguity, many runs."""
    network = synthetic.region()
    results = resolutions("Region", network, effort)
    louvain = next(each.time for each in results if each.name == peers.NETWORKX.name)
    if effort.slow or not effort.quick:
        results += numbered(network, effort)
    return results + repeated(network, louvain, effort)


def sparse(effort: Effort) -> list[Result]:
    """Measure speed, ScLeiden and loss by contiguity where few patients make flows noisy."""
    return resolutions("Sparse region", synthetic.region(habits=synthetic.SPARSE), effort)


def resolutions(part: str, network: Network, effort: Effort) -> list[Result]:
    """Compare at three resolutions."""
    results: list[Result] = []
    for resolution in (1.0, 2.0, 3.0):
        results += unconstrained(part, network, resolution, effort)
        for minimum in (None, 20_000):
            results += after_the_fact(part, network, resolution, minimum, effort)
    return results


def unconstrained(part: str, network: Network, resolution: float, effort: Effort) -> list[Result]:
    """Compare with programs that know no borders."""
    entered = [ours(network, resolution), *theirs(network, resolution, peers.UNCONSTRAINED)]
    found = race(part, network, entered, effort.seeds, resolution=resolution)
    show(f"{part}, resolution {resolution:g}", found.values(), found[OURS])
    engine, louvain = found[OURS], found[peers.NETWORKX.name]
    verdict(f"times faster than {louvain.name}", louvain.time / engine.time, 25, 50)
    best = max((each for each in found.values() if each is not engine), key=_modularity)
    for other in (louvain, best):
        share = engine.modularity / other.modularity
        verdict(f"modularity / that of {other.name}, unconstrained", share, 0.999, 0.9992)
    return list(found.values())


def _modularity(found: Result) -> float:
    return found.modularity


def after_the_fact(
    part: str, network: Network, resolution: float, minimum: int | None, effort: Effort
) -> list[Result]:
    """Compare with ScLeiden: communities are split into pieces, and small ones merged."""
    asked = {} if minimum is None else {"minimum": minimum}
    scleiden = peers.scleiden(minimum or 0)
    entered = [ours(network, resolution, **asked), *theirs(network, resolution, [scleiden])]
    found = race(f"{part}, in one piece", network, entered, effort.few, resolution=resolution)
    engine = found[OURS]
    bound = f", minimum {minimum:,}" if minimum else ""
    show(f"{part}, resolution {resolution:g}, in one piece{bound}", found.values(), engine)
    if scleiden.name in found:
        other = found[scleiden.name]
        verdict(f"times faster than {other.name}", other.time / engine.time, 150, 250)
        worst = min(engine.quality) - max(other.quality)
        verdict("our worst modularity less its best", worst, 0)
    if minimum:
        verdict("smallest population", engine.least, minimum)
    return list(found.values())


def numbered(network: Network, effort: Effort) -> list[Result]:
    """Compare with programs that draw a number of territories in one piece, from profiles."""
    entered = [peers.ward(20), *([peers.skater(20)] if effort.slow else [])]
    contestants = [ours(network, 1.0, territories=20), *theirs(network, 1.0, entered)]
    found = race("20 territories", network, contestants, 1)
    show("Region, 20 territories in one piece", found.values(), found[OURS])
    return list(found.values())


def repeated(network: Network, louvain: float, effort: Effort) -> list[Result]:
    """Measure 100 seeds, and 100 resamples, with the stability map."""
    print("\nRegion, 100 runs with the stability map")
    results = []
    for resample, must in ((False, 4.0), (True, 3.5)):
        many(network, 2, resample=resample)
        spent = [
            seconds(lambda seed=seed, again=resample: many(network, 100, resample=again, seed=seed))
            for seed in range(effort.few)
        ]
        taken = median(each for each, _ in spent)
        name = "100 resamples" if resample else "100 seeds"
        print(f"  {name}: {taken:.3f} s")
        verdict("× one networkx Louvain", taken / louvain, must, 2, most=True)
        results.append(_time_only("many", name, [each for each, _ in spent]))
    return results


def _time_only(part: str, name: str, spent: list[float], **more: float) -> Result:
    return Result(part, name, 1.0, spent, [], 0, 0, 0, 0, more)


# --- the country ---------------------------------------------------------------------------------


def france(effort: Effort) -> list[Result]:
    """Measure the rows about the country: speed, and bounds of 20 000 to 175 000 inhabitants."""
    network = synthetic.france()
    results = country("France, made up", network, effort)
    results += bounded_country(network, effort)
    return results


def real_country(effort: Effort) -> list[Result]:
    """Measure speed on the real communes of France."""
    return country("France, real communes", synthetic.real_france(effort.data / "france"), effort)


def country(part: str, network: Network, effort: Effort) -> list[Result]:
    """Compare with other programs on the whole country."""
    entered = [each for each in peers.UNCONSTRAINED if each is not peers.NETWORKX]
    if not effort.quick:
        entered += [peers.NETWORKX, peers.ward(400)]
    if effort.slow:
        entered.append(peers.scleiden())
    found = race(part, network, [ours(network, 1.0), *theirs(network, 1.0, entered)], effort.few)
    engine = found[OURS]
    show(f"{part}: {len(network)} communes", found.values(), engine)
    if peers.LEIDENALG.name in found:
        leiden = found[peers.LEIDENALG.name]
        verdict("times faster than leidenalg, 2 iterations", leiden.time / engine.time, 20, 40)
        verdict("modularity less leidenalg's", engine.modularity - leiden.modularity, 0)
    if peers.NETWORKIT.name in found:
        plm = found[peers.NETWORKIT.name]
        verdict("× networkit PLM, unconstrained", engine.time / plm.time, 1.2, 1, most=True)
    return list(found.values())


def bounded_country(network: Network, effort: Effort) -> list[Result]:
    """Measure what improvement is worth on the country within bounds."""
    limit = 8.0 if effort.quick else 20.0
    results = []
    for each in curve(
        "France, 20–175 k",
        network,
        limit,
        effort.few if effort.slow else 1,
        resolution=1.0,
        null="undirected",
        minimum=20_000,
        maximum=175_000,
    ):
        results.append(each)
        over = each.modularity / results[0].modularity - 1
        print(f"  {each.name}: {each.time:.2f} s, {over:+.2%}", file=sys.stderr)
    show("France, 20 000 to 175 000 inhabitants", results)
    start = results[0].modularity
    for budget, must, aim in ((20.0, 1.8, None), (5.0, None, 1.8)):
        best = max((each.modularity for each in results if each.time <= budget), default=start)
        what = f"over the one-seed solution within {budget:g} s"
        verdict(what, 100 * (best / start - 1), must, aim, " %")
    reached = [each for each in results if each.modularity >= 1.018 * start and each.time <= 20.0]
    within(reached or results, 20_000, 175_000)
    return results


# --- self-containment ----------------------------------------------------------------------------


def labour(effort: Effort) -> list[Result]:
    """Measure self-containment as published on 377 communes, which take ISTAT's own R 36 s."""
    network = synthetic.labour()
    name = "self-containment, as published"
    entered = [Contestant(name, lambda _: self_containment(network, contiguous=False), np.asarray)]
    found = race("labour", network, entered, effort.few, resolution=1.0)
    show("Self-containment of 377 communes", found.values())
    verdict("seconds", found[name].time, 3.0, most=True)
    return list(found.values())


# --- importing -----------------------------------------------------------------------------------

FRESH: Final = """
import importlib, sys, time
import geopandas, pandas, pyogrio, pyproj, shapely
before = time.process_time()
for name in sys.argv[2:]:
    importlib.import_module(name)
print(time.process_time() - before)
sys.path.insert(0, sys.argv[1])
import ours, synthetic
network = synthetic.region()
for run in range(2):
    before = time.process_time()
    ours.solve(network)
    print(time.process_time() - before)
"""


def imports(effort: Effort) -> list[Result]:
    """Measure the import in fresh processes, geometry and tables imported before."""
    solve(synthetic.region())  # what is compiled is in the cache from here on
    here = str(Path(__file__).parent)
    spent = []
    for _ in range(effort.seeds):
        told = subprocess.run(
            [sys.executable, "-c", FRESH, here, *ENGINE_MODULES],
            capture_output=True,
            text=True,
            check=True,
        )
        spent.append([float(line) for line in told.stdout.split()])
    taken, first, second = (list(each) for each in zip(*spent, strict=True))
    print("\nImport in a fresh process, the cache warm, geopandas and pandas already there")
    verdict("import", median(taken), 0.5, 0.3, " s", most=True)
    print(f"  first division of the region {median(first):.3f} s, second {median(second):.3f} s")
    more = {"first_division": median(first), "second_division": median(second)}
    return [_time_only("imports", OURS, taken, **more)]


# --- the command line ----------------------------------------------------------------------------

PARTS: Final[dict[str, Callable[[Effort], list[Result]]]] = {
    "imports": imports,
    "labour": labour,
    "region": region,
    "sparse": sparse,
    "cvl": real.cvl,
    "nhs": real.nhs,
    "france": france,
    "real": real_country,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, part in PARTS.items():
        parser.add_argument(f"--{name}", action="store_true", help=part.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer seeds, nothing of minutes")
    parser.add_argument("--slow", action="store_true", help="spopt, and ScLeiden on the country")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, help="write the results there, as JSON")
    parser.add_argument("--record", type=float, metavar="MINUTES", help="see above")
    return parser.parse_args()


def main() -> None:
    """Run the parts asked for, print their tables, write the results."""
    asked = _arguments()
    # They are read when numpy and the others are loaded: too late in this process.
    if any(os.environ.get(name) != "1" for name in THREADS):
        single = os.environ | dict.fromkeys(THREADS, "1")
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=single, check=False).returncode)
    check()
    if asked.record:
        real.record(asked.data, asked.record)
        return
    missing = peers.installed([*peers.UNCONSTRAINED, peers.ward(20), peers.skater(20)])[1]
    print(f"Python {platform.python_version()}; not installed: {'; '.join(missing) or 'none'}")
    effort = Effort(asked.data, quick=asked.quick, slow=asked.slow)
    results: list[Result] = []
    for name in [each for each in PARTS if getattr(asked, each)] or list(PARTS):
        results += PARTS[name](effort)
    if asked.out:
        written = {"missing": missing, "results": [each.record() for each in results]}
        asked.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
