/* The map of the workshop: communes on a canvas, borders of territories above, names.

   Only what changed is painted again. Communes take no events of their own: `communeAt` says which
   one is under a point, so that a fast stroke of the brush passes over none. */
import { borders, centre, corners, decoded, degrees } from "./shapes.js";
import { calm, channels, lightness } from "./shades.js";
import { controls } from "./controls.js";
import { drawing } from "./elements.js";
import { nameLayer } from "./names.js";
import { arcs, finder } from "./terrain.js";

const STAGE_PANES = { communes: 350, outlines: 355, casing: 360, lines: 361, chosen: 370 };
const RIM = { width: 1.6, colour: "#55606b" };
const BORDER = { width: 2.8, casing: 5.6, colour: "#18212b" };
export const OUTLINE_LINES = [
  { width: 2.2, casing: 4, dash: "9 6", colour: "#5b2a86" },
  { width: 2.2, casing: 4, dash: "2 6", colour: "#8a1c1c" },
  { width: 2.2, casing: 4, dash: "14 5 3 5", colour: "#0b5563" },
  { width: 2.2, casing: 4, dash: "6 3", colour: "#4d4a10" },
];

export function createStage(box, data, text) {
  const shapes = decoded(data.shapes);
  const centres = shapes.map(centre);
  const boxes = shapes.map((polygons) => corners(polygons.flatMap(([outer]) => outer)));
  const map = L.map(box, {
    zoomControl: false,
    attributionControl: false,
    keyboard: false,
    boxZoom: false,
    doubleClickZoom: false,
    zoomSnap: 0.25,
    maxZoom: 15,
    fadeAnimation: false,
  });
  const canvases = {};
  for (const [name, height] of Object.entries(STAGE_PANES)) {
    const pane = map.createPane(name);
    pane.style.zIndex = height;
    pane.style.pointerEvents = "none";
    canvases[name] = L.canvas({ pane: name, padding: 0.15 });
  }
  // After a reset Leaflet leaves a canvas between two pixels, where lines are blurred.
  map.on("viewreset", () =>
    queueMicrotask(() => {
      for (const { _map: shown, _container: canvas, _bounds: bounds } of Object.values(canvases)) {
        if (shown) L.DomUtil.setPosition(canvas, bounds.min);
      }
    }),
  );
  // Communes that are not drawn have a place nowhere.
  const located = (communes) => communes.filter((k) => shapes[k].length);
  const boundsOf = (communes) => L.latLngBounds(located(communes).flatMap((k) => boxes[k]).map(degrees));
  const extent = boundsOf(shapes.map((_, k) => k));
  const state = { paint: null, onCanvas: (fill) => fill, communeLines: true, wholeZoom: Infinity, moved: false, sideOf: null, next: null };

  function home() {
    map.fitBounds(extent, { padding: [14, 14], animate: false, reset: true });
    state.wholeZoom = map.getZoom();
    state.moved = false;
  }
  home();
  map.setMinZoom(map.getZoom() - 1.5);
  map.setMaxBounds(extent.pad(0.6));

  // ---- communes
  // No smoothing and no clipping: each commune alone would be, and gaps would open between them.
  const exact = { pane: "communes", renderer: canvases.communes, smoothFactor: 0, noClip: true, interactive: false };
  const paths = shapes.map((polygons) => {
    const rings = polygons.map((each) => each.map((ring) => ring.map(degrees)));
    return L.polygon(rings, { ...exact, weight: 0.7, fillOpacity: 1 });
  });
  function styleOf(commune) {
    const { fill, base } = state.paint(commune);
    // Without borders a line of the fill's own colour hides the seams between neighbours.
    const line = !state.communeLines ? base : lightness(channels(base)) > 88 ? "#aab3bc" : "#ffffff";
    return { fillColor: state.onCanvas(fill), color: line, opacity: state.communeLines ? 0.75 : 1 };
  }
  function repaint(communes) {
    for (const commune of communes) paths[commune].setStyle(styleOf(commune));
  }
  /** Show what a step would do to these communes, until they are painted again. */
  function repaintAs(communes, colour) {
    for (const commune of communes) paths[commune].setStyle({ fillColor: calm(colour) });
  }
  const everyone = shapes.map((_, commune) => commune);
  /** Take another way to paint; `paint(commune)` gives {fill, base} as the themes do. */
  function paintBy(paint, onCanvas) {
    state.paint = paint;
    state.onCanvas = onCanvas;
    if (paths[0] && !paths[0]._map) {
      paths.forEach((path, commune) => Object.assign(path.options, styleOf(commune)));
      paths.forEach((path) => path.addTo(map));
    } else repaint(everyone);
  }

  // ---- lines: they need the borders between all communes, which are found after the first view
  let lines = null;
  const drawn = new Map(); // pair -> its lines on the map
  const waiting = [];
  const lineOptions = (pane, { width, colour, opacity = 1, dash }) => ({
    pane, renderer: canvases[pane], interactive: false, smoothFactor: 0.5, lineJoin: "round", lineCap: dash ? "butt" : "round",
    weight: width, color: colour, opacity, dashArray: dash,
  });
  function border(one, other) {
    const key = one < other ? one * shapes.length + other : other * shapes.length + one;
    const wanted = state.sideOf(one) !== state.sideOf(other);
    const known = drawn.get(key);
    if (wanted && !known) {
      const along = lines.between(one, other);
      const pair = [
        L.polyline(along, lineOptions("casing", { width: BORDER.casing, colour: "#ffffff", opacity: 0.8 })),
        L.polyline(along, lineOptions("lines", BORDER)),
      ];
      drawn.set(key, pair.map((line) => line.addTo(map)));
    } else if (!wanted && known) {
      known.forEach((line) => line.remove());
      drawn.delete(key);
    }
  }
  /** Draw the borders again around these communes (all of them without any). */
  function redrawBorders(communes) {
    if (!lines || !state.sideOf) return;
    for (const one of communes || everyone) {
      for (const other of lines.beside(one)) {
        if (other >= 0 && (communes || one < other)) border(one, other);
      }
    }
  }
  function findLines() {
    if (lines) return;
    lines = arcs(shapes);
    const rim = everyone.flatMap((one) => lines.between(one, -1));
    L.polyline(rim, lineOptions("outlines", RIM)).addTo(map);
    redrawBorders();
    waiting.splice(0).forEach((each) => each());
  }
  const whenLines = (then) => (lines ? then() : waiting.push(then));

  /** The line around communes, piece by piece. */
  function around(communes) {
    if (!lines) return [];
    const inside = new Set(communes);
    return communes.flatMap((one) =>
      lines.beside(one).filter((other) => !inside.has(other)).flatMap((other) => lines.between(one, other)),
    );
  }
  /** A line of its own above the map: shown around the communes it is given. */
  function marker({ width, casing, colour, light, dash }) {
    const below = L.polyline([], lineOptions("chosen", { width: casing, colour: light })).addTo(map);
    const line = L.polyline([], lineOptions("chosen", { width, colour, dash })).addTo(map);
    let shown = [];
    const show = () => {
      const along = around(shown);
      below.setLatLngs(along);
      line.setLatLngs(along);
    };
    return (communes) => {
      if (!communes.length && !shown.length) return;
      shown = communes;
      whenLines(show);
    };
  }
  const marks = {
    target: marker({ width: 3.4, casing: 7.5, colour: "#ffd60a", light: "#101418" }),
    found: marker({ width: 4, casing: 8, colour: "#e4003a", light: "#ffffff" }),
    pointed: marker({ width: 2.4, casing: 4.4, colour: "#101418", light: "#ffffff" }),
    selected: marker({ width: 3.6, casing: 7.6, colour: "#ffffff", light: "#0b5cad" }),
  };

  // ---- outlines of other zonings, made when they are first wanted
  const outlines = data.outlines.map(({ zone }, k) => {
    let layer = null;
    return (on) =>
      whenLines(() => {
        if (!layer && on) {
          const style = OUTLINE_LINES[k % OUTLINE_LINES.length];
          const { points, pieces } = lines.topology;
          const inner = pieces.filter(({ right }) => right >= 0); // the rim of the layer has its own line
          const along = borders({ points, pieces: inner }, (commune) => zone[commune]);
          layer = L.layerGroup([
            L.polyline(along, lineOptions("outlines", { width: style.casing, colour: "#ffffff", opacity: 0.8 })),
            L.polyline(along, lineOptions("outlines", style)),
          ]);
        }
        if (layer && on) layer.addTo(map);
        else if (layer) layer.remove();
      });
  });

  // ---- places
  const at = finder(shapes, boxes);
  const communeAt = ({ lat, lng }) => at(lng * 1e5, lat * 1e5);
  /** Show communes, beside what covers so many pixels at the right. */
  function zoomNext() {
    const { next } = state;
    state.next = null;
    zoomTo(...next);
  }
  function zoomTo(communes, right = 0) {
    if (!located(communes).length) return;
    if (map._animatingZoom) {
      // Leaflet forgets a view that is asked for while it zooms: the last one asked for comes after.
      if (!state.next) map.once("zoomend", zoomNext);
      state.next = [communes, right];
      return;
    }
    map.fitBounds(boundsOf(communes), { paddingTopLeft: [40, 40], paddingBottomRight: [40 + right, 40], maxZoom: Math.max(state.wholeZoom + 2.5, 10.5) });
    state.moved = true;
  }
  function bringIntoView(commune) {
    const bounds = boundsOf([commune]);
    if (bounds.isValid() && !map.getBounds().pad(-0.03).contains(bounds)) map.panTo(bounds.getCenter(), { animate: false });
  }
  const names = nameLayer(map, data, centres, () => state.wholeZoom);
  controls(map, text, home);
  map.on("dragstart", () => (state.moved = true));
  /** Draw what waits to be drawn now, not at the next frame: for paper, and to measure. */
  function drawNow() {
    for (const canvas of Object.values(canvases)) {
      if (canvas._map && canvas._redrawRequest) {
        L.Util.cancelAnimFrame(canvas._redrawRequest);
        canvas._redraw();
      }
    }
  }
  /** The map as lines and fills that paper prints sharp, in place of the canvases. */
  function vectors() {
    const sheet = drawing("svg", { class: "te-vectors", width: 1, height: 1 });
    const lineOf = ({ color, weight, opacity, dashArray, lineCap }) => ({
      "fill": "none", "stroke": color, "stroke-width": weight, "stroke-opacity": opacity, "stroke-dasharray": dashArray, "stroke-linecap": lineCap, "stroke-linejoin": "round",
    });
    paths.forEach((path, commune) => {
      const { fill } = state.paint(commune); // on the canvas it is a pattern of the canvas
      const { color, weight, opacity } = path.options;
      const line = { "stroke": color, "stroke-width": weight, "stroke-opacity": opacity };
      sheet.append(drawing("path", { d: L.SVG.pointsToPath(path._parts, true), fill, "fill-rule": "evenodd", ...line }));
    });
    for (const pane of ["outlines", "casing", "lines"]) {
      for (const layer of Object.values(canvases[pane]._layers)) {
        sheet.append(drawing("path", { d: L.SVG.pointsToPath(layer._parts, false), ...lineOf(layer.options) }));
      }
    }
    map.getPane("communes").append(sheet);
    return () => sheet.remove();
  }
  function resized() {
    map.invalidateSize({ animate: false, pan: false });
    if (!state.moved) home();
  }
  return {
    map, centres, marks, outlines, state, names,
    paintBy, repaint, repaintAs, redrawBorders, findLines, whenLines, communeAt, zoomTo, bringIntoView, home, drawNow, resized, vectors,
    borderBy: (sideOf) => (state.sideOf = sideOf),
    repaintAll: () => repaint(everyone),
  };
}
