/* Layers of the map: communes, and lines above them. */
import { degrees } from "./shapes.js";
import { channels, lightness } from "./shades.js";

// Above a base map (200), below what users add (Leaflet's overlays: 400); names above those.
const PANES = { communes: 350, borders: 360, chosen: 370, names: 450 };

export function paneFor(map, name) {
  const pane = map.createPane(name);
  pane.style.zIndex = PANES[name];
  return pane;
}

/** The communes: one path each, repainted by `paint`. */
export function communeLayer(map, shapes, opacity) {
  paneFor(map, "communes");
  const renderer = L.svg({ pane: "communes", padding: 0.3 });
  // No smoothing and no clipping: each commune alone would be, and gaps would open between them.
  const options = { pane: "communes", renderer, smoothFactor: 0, noClip: true, weight: 0.7 };
  const paths = shapes.map((polygons, commune) => {
    const path = L.polygon(
      polygons.map((rings) => rings.map((ring) => ring.map(degrees))),
      { ...options, fillOpacity: opacity },
    );
    path.commune = commune;
    return path;
  });
  const layer = L.featureGroup(paths).addTo(map);
  layer.paths = paths;
  layer.paint = (paint, lines) =>
    paths.forEach((path, commune) => {
      const { fill, base } = paint(commune);
      // Without borders a line of the fill's own colour hides the seams between neighbours.
      const line = !lines ? base : lightness(channels(base)) > 88 ? "#aab3bc" : "#ffffff";
      path.setStyle({ fillColor: fill, color: line, opacity: lines ? 0.75 : opacity });
    });
  return layer;
}

/** Lines above the communes, light casing below so that they show on dark fills too. */
export function borderLayer(lines, renderer, pane, { width, casing, dash, colour, light = "#ffffff", veil = 0.75 }) {
  const options = { pane, renderer, interactive: false, smoothFactor: 0.5, lineJoin: "round" };
  return L.layerGroup([
    L.polyline(lines, { ...options, color: light, weight: casing, opacity: veil }),
    L.polyline(lines, { ...options, color: colour, weight: width, opacity: 1, dashArray: dash }),
  ]);
}
