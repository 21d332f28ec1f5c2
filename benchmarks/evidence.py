"""The evidence on the real communes of a region, beside scikit-learn comparing two of its zonings.

    python benchmarks/evidence.py ../shared/data

In this process, processor time. `explain` is timed for each commune of the region; the first call,
which numbers flows and borders once, apart. The peer is one adjusted mutual information of EPCI and
bassins de vie by scikit-learn: what counts is the ratio.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

import territories as tt
from territories._assessed import ZoningFile
from territories.pipeline import Settings, compute, write
from territories.report import write_report


def seconds(job: Callable[[], object]) -> float:
    """Return the processor time of a job."""
    before = time.process_time()
    job()
    return time.process_time() - before


def main(folder: Path) -> None:
    """Print the time of each part, and its ratio to the peer."""
    region = folder / "cvl"
    zonings = folder / "france" / "communes_zonages_2024.csv"
    settings = Settings(
        communes=region / "communes_cvl_2024.geojson",
        flows=region / "specialists.csv",
        hospital=region / "hospital.csv",
        sites=region / "finess.csv",
        pmsi_codes=region / "commune_codepostal_pmsi_EMULE_cvl.csv",
        territories=24,
    )
    run = compute(settings)
    zoning, known = run.zoning, run.evidence
    communes, flows, stays, runs = zoning.communes, known.flows, known.stays, known.stability
    others = {
        name: tt.read_zoning(zonings, communes=communes, territory=name)
        for name in ("EPCI", "BV2022", "ZE2020")
    }
    pair = [others[name].labels for name in ("EPCI", "BV2022")]
    both = pair[0].notna() & pair[1].notna()
    first, second = (labels[both].to_numpy() for labels in pair)
    adjusted_mutual_info_score(first, second)  # imported and warm from here on
    peer = min(seconds(lambda: adjusted_mutual_info_score(first, second)) for _ in range(5))

    def line(name: str, spent: float) -> None:
        print(f"{name:<58}{1000 * spent:10.1f} ms {spent / peer:9.1f} ×")

    line("scikit-learn, AMI of EPCI and bassins de vie", peer)
    options = {"poles": known.poles, "stays": stays, "stability": runs}
    line("explain, first call", seconds(lambda: tt.explain(zoning, flows, "45234", **options)))
    spent = [
        seconds(lambda code=code: tt.explain(zoning, flows, code, **options))
        for code in communes.index
    ]
    for name, value in (("median", np.median(spent)), ("longest", max(spent))):
        line(f"explain, {name} of {len(spent)} communes", float(value))

    def measured() -> None:
        tt.evaluate(zoning, flows, stays=stays, agreement=known.agreement, stability=runs.communes)
        tt.evaluate_by_activity(zoning, flows)
        tt.exchanges(zoning, flows, by_activity=True)
        tt.candidates(zoning, flows, agreement=known.agreement, stability=runs.communes)
        tt.white_zones(zoning)

    line("the whole evaluation of 24 territories", seconds(measured))
    line("selection of a territory", seconds(lambda: tt.selection(flows, "45234", zoning=zoning)))
    line("comparisons with three zonings", seconds(lambda: tt.comparisons(zoning, others)))
    line("superposition", seconds(lambda: tt.superposition(known.poles, communes=communes)))
    leave = {"zoning": zoning, "territories": 24}
    line("leave_one_out", seconds(lambda: tt.leave_one_out(flows, communes, **leave)))
    with tempfile.TemporaryDirectory() as out:
        write(run, out)
        files = [ZoningFile(zonings, territory=name, name=name) for name in others]
        line("report, everything done again", seconds(lambda: write_report(settings, out)))
        size = (Path(out) / "report.html").stat().st_size
        spent = seconds(lambda: write_report(settings, out, against=files, overwrite=True))
        line("report with three zonings", spent)
        more = (Path(out) / "report.html").stat().st_size
    print(f"report.html {size / 1e6:.2f} MB, with three zonings {more / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
