"""The workshop in a real browser, network off: size, time to open, time of a move.

    python benchmarks/editor.py ../shared/data

Three pages: a region of 1 756 communes with its evidence, 4 300 communes with simulated flows, and
the communes of mainland France. Each is opened from the disk in headless Chromium (CHROME_PATH can
name another); a move is a commune given to the territory beside it, with all live figures, the map
drawn and the page laid out, 500 times. The peer is in the same page: Leaflet giving its style again
to the whole layer on a canvas, as an editor would that knows nothing of what changed.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from playwright.sync_api import Browser, sync_playwright

import territories as tt
from territories.pipeline import Settings, compute

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NOUVELLE_AQUITAINE = ["16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87"]
MOVES = 500

WATCH = """
new MutationObserver((_, watch) => {
  if (document.querySelector("[data-ready=true]")) {
    window.readyAfter = performance.now();
    watch.disconnect();
  }
}).observe(document, { attributes: true, childList: true, subtree: true });
"""

MOVE = """
async (count) => {
  const app = window.territoriesWorkshop, { model, data } = app;
  const borders = [];
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const spent = [];
  while (spent.length < count) {
    const pair = random(data.pairs.length / 2);
    const [one, other] = [data.pairs[2 * pair], data.pairs[2 * pair + 1]];
    const target = model.main(other);
    if (target === null || target === model.main(one)) continue;
    const before = performance.now();
    await app.step([{ action: "move", code: data.codes[one], target }], { force: true });
    app.stage.drawNow();
    void app.container.offsetHeight;
    spent.push(performance.now() - before);
  }
  return spent;
}
"""

PEER = """
() => {
  const { data } = window.territoriesWorkshop;
  const place = document.createElement("div");
  Object.assign(place.style, { width: "1200px", height: "800px", position: "absolute", top: "0" });
  document.body.append(place);
  const map = L.map(place, { preferCanvas: true, zoomControl: false });
  const features = data.shapes.map((polygons, commune) => ({
    type: "Feature",
    properties: { commune },
    geometry: {
      type: "MultiPolygon",
      coordinates: polygons.map((rings) =>
        rings.map((flat) => {
          const points = [];
          let [x, y] = [0, 0];
          for (let k = 0; k < flat.length; k += 2)
            points.push([(x += flat[k]) / 1e5, (y += flat[k + 1]) / 1e5]);
          return points;
        }),
      ),
    },
  }));
  const layer = L.geoJSON({ type: "FeatureCollection", features });
  map.fitBounds(layer.getBounds(), { animate: false });
  layer.addTo(map);
  const spent = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const before = performance.now();
    layer.setStyle(({ properties }) => ({
      fillColor: (properties.commune + turn) % 2 ? "#1b5fa8" : "#d55e00",
    }));
    const renderer = map.options.renderer || map._renderer || map.getRenderer(layer.getLayers()[0]);
    L.Util.cancelAnimFrame(renderer._redrawRequest);
    renderer._redraw();
    spent.push(performance.now() - before);
  }
  map.remove();
  place.remove();
  return spent;
}
"""


def region(folder: Path, page: Path) -> int:
    """Write the page of the simulated region, with all its evidence; return its communes."""
    place = folder / "cvl"
    run = compute(
        Settings(
            communes=place / "communes_cvl_2024.geojson",
            flows=place / "specialists.csv",
            hospital=place / "hospital.csv",
            sites=place / "finess.csv",
            pmsi_codes=place / "commune_codepostal_pmsi_EMULE_cvl.csv",
            territories=24,
        )
    )
    known, zonings = run.evidence, folder / "france" / "communes_zonages_2024.csv"
    outlines = {
        name: tt.read_zoning(zonings, communes=run.zoning.communes, territory=name)
        for name in ("EPCI", "ZE2020")
    }
    tt.maps.save_editor(
        page,
        run.zoning,
        known.flows,
        agreement=known.agreement,
        poles=known.poles,
        hospital=known.hospital,
        stability=known.stability,
        outlines=outlines,
        note="Données simulées",
    )
    return len(run.zoning.communes)


def france(folder: Path) -> gpd.GeoDataFrame:
    """Return the communes of mainland France with their people, outlines simplified to 600 m."""
    place = folder / "france"
    communes = tt.read_communes(place / "communes_france_metro_2018_simplif600m.geojson")
    table = pd.read_csv(place / "communes_zonages_2018.csv", dtype="str")
    communes["population"] = (
        table.set_index("CODGEO")["POP"].astype("float64").reindex(communes.index)
    )
    return communes


def zoned(folder: Path, communes: gpd.GeoDataFrame) -> tt.Zoning:
    """Return the employment zones as territories."""
    table = folder / "france" / "communes_zonages_2018.csv"
    return tt.read_zoning(table, communes=communes, territory="ZE2010")


def simulated(communes: gpd.GeoDataFrame, folder: Path) -> tt.Flows:
    """Draw flows to the eight nearest of the 300 largest communes, ever fewer with distance."""
    communes = communes[communes["population"] > 0]
    points = communes.representative_point()
    towns = communes["population"].nlargest(300).index
    places = np.column_stack([points.x, points.y])
    to = places[communes.index.get_indexer(towns)]
    away = np.sqrt(((places[:, None] - to[None]) ** 2).sum(axis=2)) / 1_000
    rows = []
    for k, people in enumerate(communes["population"]):
        near = np.argsort(away[k])[:8]
        pull = np.exp(-away[k, near] / 15)
        patients = np.round(0.6 * people * pull / pull.sum()).astype(int)
        rows += [
            (communes.index[k], "cardiologie", towns[town], count)
            for town, count in zip(near, patients, strict=True)
            if count
        ]
    path = folder / "simulated.csv"
    columns = ["commune_residence", "specialite", "destination", "nb_patients"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False, sep=";")
    return tt.read_flows(path)


def measured(browser: Browser, page: Path, communes: int, *, moves: int) -> None:
    """Open a page, move communes in it, and print what it took."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, offline=True)
    tab = context.new_page()
    tab.set_default_timeout(600_000)
    tab.add_init_script(WATCH)
    opened = []
    for _ in range(3):
        tab.goto(page.as_uri())
        tab.wait_for_selector("[data-ready=true]")
        opened.append(tab.evaluate("window.readyAfter"))
    tab.wait_for_timeout(3_000)
    size = page.stat().st_size / 1e6
    print(f"{communes:>7} communes{size:8.2f} MB   ready after {min(opened):6.0f} ms", end="")
    if moves:
        spent = np.array(tab.evaluate(MOVE, moves))
        peer = float(np.median(tab.evaluate(PEER)))
        median, worst = float(np.median(spent)), float(spent.max())
        print(
            f"   {moves} moves: median {median:5.1f} ms, worst {worst:5.1f} ms;"
            f" whole layer by Leaflet {peer:6.1f} ms: {median / peer:4.2f} ×",
            end="",
        )
    print()
    context.close()


def main(folder: Path) -> None:
    """Print size, opening and moves of the three pages."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as play:
        pages = Path(made)
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        count = region(folder, pages / "region.html")
        measured(browser, pages / "region.html", count, moves=MOVES)
        everywhere = france(folder)
        chosen = everywhere[everywhere.index.str[:2].isin(NOUVELLE_AQUITAINE)]
        tt.maps.save_editor(
            pages / "large.html",
            zoned(folder, chosen),
            simulated(chosen, pages),
            note="Flux simulés",
        )
        measured(browser, pages / "large.html", len(chosen), moves=MOVES)
        tt.maps.save_editor(pages / "france.html", zoned(folder, everywhere))
        measured(browser, pages / "france.html", len(everywhere), moves=100)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
