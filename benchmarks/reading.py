"""Reading an extract beside pandas, and converting the communes of all France.

    python benchmarks/reading.py ../shared/data

`read_flows` reads, normalises, checks against the layer and accounts for every row; its peer is
`pandas.read_csv` with the right options, which parses alone. Both run in this process, on a file
the system has read once already. What counts is the ratio.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import territories as tt
from territories import codes


def seconds(job: Callable[[], object], times: int = 5) -> float:
    """Return the least processor time of a job."""
    spent = []
    for _ in range(times):
        before = time.process_time()
        job()
        spent.append(time.process_time() - before)
    return min(spent)


def main(data: Path) -> None:
    """Print the times and their ratios."""
    extract = data / "cvl" / "specialists.csv"
    communes = tt.read_communes(data / "cvl" / "communes_cvl_2024.geojson")
    cog = tt.read_cog(data / "france")

    def parse() -> None:
        names = ["commune_residence", "specialite", "ps", "departement_ps"]
        pd.read_csv(
            extract, sep=";", encoding="cp1252", decimal=",", dtype=dict.fromkeys(names, "str")
        )

    parse()  # the file is in the system's cache from here on
    peer = seconds(parse)
    print(f"{'pandas.read_csv, parsing alone':<48}{peer:8.3f} s    1.0 ×")
    for name, job in (
        ("read_flows, with the layer", lambda: tt.read_flows(extract, communes=communes)),
        (
            "read_flows, with the layer and INSEE's table",
            lambda: tt.read_flows(extract, communes=communes, cog_table=cog),
        ),
    ):
        spent = seconds(job)
        print(f"{name:<48}{spent:8.3f} s {spent / peer:6.1f} ×")
    old = pd.read_csv(data / "france" / "communes_zonages_2018.csv", dtype="str")["CODGEO"]
    spent = seconds(lambda: codes.convert(old, 2018, 2024, cog))
    print(f"{f'convert {len(old)} communes, 2018 to 2024':<48}{spent:8.3f} s {spent / peer:6.1f} ×")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
