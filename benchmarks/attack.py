"""What an outsider finds in all that run, report, edit and exports write of a region.

    python benchmarks/attack.py ../shared/data [folder to write to, or written before]

Each set of files is attacked, by one who knows which counts are small; then it is told how many of
the figures that could be shown by themselves (no small count among them, nor few practitioners) are
not shown, to protect others. Processor time, of this process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

import territories as tt
from territories._inputs import Inputs, read_inputs
from territories._page_flows import _few
from territories._readback import read_back
from territories._redo import settings_again
from territories._shown import _practitioners
from territories._told import practising_in
from territories.cli import main as command

INPUTS = {
    "communes": "communes_cvl_2024.geojson",
    "flows": "specialists.csv",
    "hospital": "hospital.csv",
    "sites": "finess.csv",
    "pmsi-codes": "commune_codepostal_pmsi_EMULE_cvl.csv",
}
RUN = (
    *("communes.csv", "communes.geojson", "territories.csv", "territories.geojson"),
    *("territories.gpkg", "reconciliation.json", "exports.json", "draft.json", "run.json"),
    "map.html",
)
REPORT = ("tables.xlsx", "report.html")
EDIT = ("editor.html",)
EXPORTS = ("exported.csv", "exported.geojson", "exported.gpkg", "exported.xlsx")


def main(data: Path, out: Path) -> None:
    given = {name: data / "cvl" / file for name, file in INPUTS.items()}
    words = [word for name, path in given.items() for word in (f"--{name}", str(path))]
    if not (out / "run.json").exists():
        command(["run", *words, "--cog", "2024", "--territories", "24", "--out", str(out)])
    for job, file in (("report", REPORT[0]), ("edit", EDIT[0])):
        if not (out / file).exists():
            command([job, str(out), *words])
    inputs = {name.replace("-", "_"): path for name, path in given.items()}
    known = read_inputs(settings_again(out, inputs, lang="fr"))
    if not (out / EXPORTS[0]).exists():
        zoning = tt.read_zoning(out / "communes.csv", communes=known.communes)
        evidence = {"flows": known.flows}
        tt.export_csv(zoning, out / EXPORTS[0], **evidence)
        tt.export_geojson(zoning, out / EXPORTS[1], **evidence)
        tt.export_gpkg(zoning, out / EXPORTS[2], **evidence)
        tt.export_xlsx(zoning, out / EXPORTS[3], **evidence)
    everything = (*RUN, *REPORT, *EDIT, *EXPORTS)
    attacked("run + report + edit + exports", out, everything, known)
    attacked("the same, without the flows", out, everything, None)
    attacked("run + edit", out, (*RUN, *EDIT), known)
    attacked("run + report", out, (*RUN, *REPORT), known)
    lost(out, known, tt.read_zoning(out / "communes.csv", communes=known.communes))


def attacked(name: str, out: Path, files: tuple[str, ...], known: Inputs | None) -> None:
    """Print what is found in some files."""
    truth = {} if known is None else {"flows": known.flows, "stays": known.stays}
    start = time.process_time()
    found = tt.audit([out / each for each in files if (out / each).exists()], **truth)
    spent = time.process_time() - start
    print(
        f"{name:32} statements {found.statements:6}  counts {found.cells:6}  "
        f"found {len(found.found):4}  not read {len(found.lost)}  {spent:6.0f} s",
        flush=True,
    )


def lost(out: Path, known: Inputs, zoning: tt.Zoning) -> None:
    """Print how many of the figures that could be shown are not."""
    door, flows = tt.Secrecy(), known.flows
    measures = tt.evaluate(zoning, flows)
    few = _practitioners(zoning, flows).reindex(measures.index).between(1, door.professionals - 1)
    own = {
        "li": door.shares(measures["inside"], measures["sent"]).notna(),
        "msi": door.shares(measures["inside"], measures["received"]).notna() & ~few,
    }
    rows = [(name, int(safe.sum()), _shown(out, name)) for name, safe in own.items()]
    table = tt.evaluate_by_activity(zoning, flows)
    left = door.shares(table["sent"] - table["inside"], table["sent"]).unstack("activity")
    practising = practising_in(zoning, flows, left).to_numpy().reshape(left.shape)
    alone = range(1, door.professionals)
    safe = left.notna() & ~pd.DataFrame(practising, left.index, left.columns).isin(alone)
    told = read_back(out / REPORT[0]).tables
    shown = int(told["activities"]["share"].notna().sum())
    rows.append(("leakage by activity", int(safe.to_numpy().sum()), shown))
    cells = flows.table[flows.table["residence"].isin(known.communes.index)]
    sums = cells.groupby(["residence", "destination"])["patients"].sum()
    places = sums.index.get_level_values("destination").to_series()
    fine = (sums >= door.threshold) & ~places.isin(_few(flows, places, door)).to_numpy()
    page = read_back(out / EDIT[0]).page
    rows.append(("cells of the page", int(fine.sum()), len(page["flows"]["to"]) if page else 0))
    rates = told["recourse"]["liberal_rate"]
    rows.append(("recourse", len(rates), int(rates.notna().sum())))
    sums = cells.groupby(["residence", "activity"])["patients"].sum()
    zones = pd.MultiIndex.from_frame(told["gaps"][["zone", "activity"]].astype("object"))
    fine = (sums.reindex(zones).fillna(0.0) >= door.threshold).to_numpy()
    rows.append(("gaps", int(fine.sum()), int(told["gaps"]["rate"][fine].notna().sum())))
    rows.append(("all", *(sum(each[at] for each in rows) for at in (1, 2))))
    for name, number, seen in rows:
        print(f"{name:32} could be shown {number:6}  not shown {number - seen:6}  "
              f"{(number - seen) / max(number, 1):6.1%}")  # fmt: skip


def _shown(out: Path, name: str) -> int:
    table = read_back(out / "territories.csv").territories
    return 0 if table is None else int(table[name].notna().sum())


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    if len(sys.argv) > 2:
        main(folder, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(folder, Path(place) / "out")
