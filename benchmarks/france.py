"""All of France in one process: from care events to map, editor, files and report.

    python benchmarks/france.py ../shared/data events/ [--territories 500] [--runs 3]

The communes are those of 2024, 34 935 of them: the outlines of 2018 (simplified to 600 m) are
brought to 2024 by INSEE's events. Five communes were split since then, whose new outlines nobody
can know from the old ones: their outline stays with the successor of the same code (60455, which
is not there any more, goes with 60694), and the three others, with the 129 overseas, are in the
layer without an outline. Their people count, and they are in no territory.

Of each stage: seconds (elapsed, and of the processor, which tells more on a shared machine) and
the peak of memory of the process during it (Linux only).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import pandas as pd
import shapely

import territories as tt
from territories import codes, export
from territories.communes import converted

Result = TypeVar("Result")


def peak() -> int:
    """Return the most memory the process has held since `forget`, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def forget() -> None:
    """Count the peak of memory from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Clock:
    """Stages, one after the other, with what each took."""

    def __init__(self) -> None:
        self.elapsed = self.processor = 0.0
        self.most = 0

    def stage(self, name: str, job: Callable[[], Result]) -> Result:
        """Do a job and print what it took."""
        forget()
        before, worked = time.perf_counter(), time.process_time()
        result = job()
        elapsed, processor = time.perf_counter() - before, time.process_time() - worked
        memory = peak()
        self.elapsed += elapsed
        self.processor += processor
        self.most = max(self.most, memory)
        self.line(name, elapsed, processor, memory)
        return result

    def line(self, name: str, elapsed: float, processor: float, memory: int) -> None:
        """Print a line of the table."""
        print(f"{name:<28}{elapsed:9.1f} s{processor:9.1f} s{memory:8} MB", flush=True)

    def total(self) -> None:
        """Print the sum."""
        self.line("all", self.elapsed, self.processor, self.most)


def communes_of_2024(data: Path, file: Path) -> None:
    """Write the layer of the 34 935 communes of 2024, with their inhabitants."""
    place = data / "france"
    layer = tt.read_communes(place / "communes_france_metro_2018_simplif600m.geojson", cog=2018)
    table = tt.read_cog(place)
    known = codes.convert(layer.index, 2018, 2024, table)
    several = known[known["code"].duplicated(keep=False)].groupby("code")["converted"]
    heir = {code: code if code in set(to) else max(to) for code, to in several}
    whole = layer.drop(index=list(heir))
    whole.attrs = dict(layer.attrs)
    kept = layer.loc[list(heir)].geometry.rename(index=heir)
    joined = kept.groupby(level=0).agg(lambda each: shapely.union_all(each.to_numpy()))
    shapes = pd.concat([converted(whole, 2024, table).geometry, joined])
    zones = pd.read_csv(place / "communes_zonages_2024.csv", dtype="str").set_index("CODGEO")
    outlines = shapes.reindex(zones.index)
    drawn = [shapely.Polygon() if each is None else each for each in outlines]
    columns = {
        "code": zones.index,
        "name": zones["LIBGEO"].to_numpy(),
        # The file has no figure for the 17 communes of Mayotte.
        "population": zones["POP"].astype("float64").fillna(0).astype("int64").to_numpy(),
    }
    made = gpd.GeoDataFrame(columns, geometry=drawn, crs=layer.crs)
    made.to_crs("EPSG:4326").to_file(file, driver="GeoJSON", COORDINATE_PRECISION=5)


def written(zoning: tt.Zoning, known: export.Evidence, out: Path, clock: Clock) -> None:
    """Write map, editor and files."""
    note = "Données simulées"
    clock.stage(
        "map.html",
        lambda: tt.maps.territory_map(
            zoning, agreement=known.agreement, poles=known.poles, note=note
        ).save(str(out / "map.html")),
    )
    clock.stage(
        "editor.html",
        lambda: tt.maps.save_editor(
            out / "editor.html",
            zoning,
            known.flows,
            agreement=known.agreement,
            poles=known.poles,
            note=note,
        ),
    )
    door = tt.Secrecy()
    communes = clock.stage("table of communes", lambda: export.commune_table(zoning, known))
    territories = clock.stage(
        "table of territories", lambda: export.territory_table(zoning, known, secrecy=door)
    )
    shapes, areas = clock.stage("outlines", lambda: export.outlines(zoning))

    def tables() -> None:
        export.write_csv(communes, out / "communes.csv")
        export.write_csv(territories, out / "territories.csv")

    def geojson() -> None:
        export.write_geojson(communes, shapes, out / "communes.geojson")
        export.write_geojson(territories, areas, out / "territories.geojson")

    clock.stage("CSV", tables)
    clock.stage("GeoJSON", geojson)
    clock.stage(
        "GeoPackage",
        lambda: export.write_gpkg(communes, territories, zoning, out / "territories.gpkg"),
    )


def chain(asked: argparse.Namespace, folder: Path, out: Path) -> None:
    """Do all stages, one after the other."""
    clock, table = Clock(), asked.events
    communes = clock.stage("communes", lambda: tt.read_communes(folder / "communes.geojson"))
    if asked.departments or asked.activities:  # of located flows only
        rows = pd.read_parquet(table)
        if asked.departments:
            department = codes.department(communes.index.to_series())
            communes = communes[department.isin(asked.departments)]
            rows = rows[rows["residence"].isin(communes.index)]
        if asked.activities:
            rows = rows[rows["activity"].isin(sorted(set(rows["activity"]))[: asked.activities])]
        table = folder / "chosen.parquet"
        rows.to_parquet(table, index=False)
    if table.name.endswith("flows.parquet") or table.parent == folder:
        flows = clock.stage(
            "flows read", lambda: tt.read_flows(table, communes=communes, on_unknown="external")
        )
    else:
        flows = clock.stage(
            "events to flows",
            lambda: tt.events_to_flows(table, communes=communes, on_unknown="aside"),
        )
    print(f"  {len(communes)} communes, {flows}")
    flows = clock.stage("grouped", lambda: flows.located().grouped())
    poles = clock.stage("dominant poles", lambda: tt.dominant_poles(flows))
    agreement = clock.stage("concordance", lambda: tt.concordance(poles))
    clock.stage("superposition", lambda: tt.superposition(poles, communes=communes))
    clock.stage("contiguity", lambda: tt.contiguity(communes))
    zoning = clock.stage(
        "delineate", lambda: tt.delineate(flows, communes, territories=asked.territories)
    )
    print(f"  {zoning}")
    clock.stage("evaluate", lambda: tt.evaluate(zoning, flows))
    if asked.runs:
        number = len(zoning.territories)
        clock.stage(
            f"stability, {asked.runs} runs",
            lambda: tt.runs_of(flows, communes, territories=number, runs=asked.runs).communes,
        )
    known = export.Evidence(
        agreement=agreement, poles=poles, hospital=None, flows=flows, stays=None, stability=None
    )
    written(zoning, known, out, clock)
    clock.total()


def main() -> None:
    """Print what each stage takes, and the size of each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("events", type=Path, help="events, or located flows (*flows.parquet)")
    parser.add_argument("--territories", type=int)
    parser.add_argument("--runs", type=int, default=0, help="of stability")
    parser.add_argument("--departments", nargs="*", help="only these, to see how cost grows")
    parser.add_argument("--activities", type=int, help="only the first so many")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        out = asked.out or folder / "out"
        out.mkdir(parents=True, exist_ok=True)
        communes_of_2024(asked.data, folder / "communes.geojson")
        chain(asked, folder, out)
        for file in sorted(out.iterdir()):
            print(f"{file.name:<28}{file.stat().st_size / 1e6:9.1f} MB")


if __name__ == "__main__":
    main()
