"""The main job on the real communes of a region, beside pandas reading its largest file.

    python benchmarks/main_job.py ../shared/data/cvl

Both run in this process, on files the system has read once already. What counts is the ratio.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from territories.pipeline import Settings, compute, write


def seconds(job: Callable[[], object]) -> float:
    """Return the processor time of a job."""
    before = time.process_time()
    job()
    return time.process_time() - before


def main(folder: Path) -> None:
    """Print the time of each part, its ratio to pandas, and the peak of memory."""
    extract = folder / "specialists.csv"

    def parse() -> None:
        pd.read_csv(
            extract,
            sep=";",
            encoding="cp1252",
            decimal=",",
            dtype={"commune_residence": "str", "departement_ps": "str"},
        )

    settings = Settings(
        communes=folder / "communes_cvl_2024.geojson",
        flows=extract,
        hospital=folder / "hospital.csv",
        sites=folder / "finess.csv",
        pmsi_codes=folder / "commune_codepostal_pmsi_EMULE_cvl.csv",
        territories=24,
    )
    parse()  # the file is in the system's cache from here on
    peer = min(seconds(parse) for _ in range(3))
    stages: dict[str, float] = {}
    last = ["start", time.process_time()]

    def tell(stage: str) -> None:
        now = time.process_time()
        stages[str(last[0])] = now - float(last[1])
        last[:] = [stage, now]

    with tempfile.TemporaryDirectory() as out:
        total = seconds(lambda: write(compute(settings, tell=tell), out, tell=tell))
        tell("end")
        size = (Path(out) / "map.html").stat().st_size

    print(f"{'pandas.read_csv of specialists.csv':<40}{peer:8.2f} s    1.0 ×")
    for stage, spent in stages.items():
        if stage != "start":
            print(f"{'  ' + stage:<40}{spent:8.2f} s {spent / peer:6.1f} ×")
    print(f"{'the main job, files written':<40}{total:8.2f} s {total / peer:6.1f} ×")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB, map.html {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/cvl"))
