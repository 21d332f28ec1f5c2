/* Names on the map, so that none covers another. */
import { element } from "./elements.js";
import { degrees } from "./shapes.js";
import { paneFor } from "./layers.js";

// From this zoom on communes bear their names, at most so many in view; in a small layer, only
// once the reader has come a step nearer than the whole of it.
const NEAR = 10;
const STEP = 0.75;
const MOST_NAMES = 150;

/** The commune of the group that stands nearest to its middle. */
export function middle(communes, centres) {
  let [weight, x, y] = [0, 0, 0];
  for (const commune of communes) {
    const { area, point } = centres[commune];
    weight += area;
    x += area * point[0];
    y += area * point[1];
  }
  const away = (commune) => {
    const [cx, cy] = centres[commune].point;
    return (cx - x / weight) ** 2 + (cy - y / weight) ** 2;
  };
  return communes.reduce((best, commune) => (away(commune) < away(best) ? commune : best));
}

const overlap = (one, other) =>
  one.left < other.left + other.width &&
  other.left < one.left + one.width &&
  one.top < other.top + other.height &&
  other.top < one.top + one.height;

export function nameLayer(map, data, centres, wholeZoom) {
  const isNear = () => map.getZoom() >= Math.max(NEAR, wholeZoom() + STEP);
  paneFor(map, "names").style.pointerEvents = "none";
  const layer = L.layerGroup().addTo(map);
  let given = null;
  let markers = [];

  /** Biggest first, above its dot, else below, right or left of it; a name that would cover
      what is already placed is hidden, and its dot stays. */
  function spread() {
    const origin = map.getContainer().getBoundingClientRect();
    const parts = map.getContainer().querySelectorAll(".leaflet-control, .tm-panel, .tm-note");
    const placed = [...parts].map((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      return { left: left - origin.left, top: top - origin.top, width, height };
    });
    // All sizes are read before any style is written: one layout instead of one a name.
    const sizes = markers.map(({ name }) => [name.offsetWidth, name.offsetHeight]);
    markers.forEach(({ marker, name, pole }, k) => {
      const [width, height] = sizes[k];
      const { x, y } = map.latLngToContainerPoint(marker.getLatLng());
      const sides = pole ? [[0, -1], [0, 1], [1, 0], [-1, 0]] : [[0, 0]];
      const offsets = sides.map(([h, v]) => [h * (width / 2 + 6), v * (height / 2 + 6)]);
      const boxAt = ([dx, dy]) => ({ left: x + dx - width / 2, top: y + dy - height / 2, width, height });
      const free = offsets.find((offset) => placed.every((other) => !overlap(boxAt(offset), other)));
      name.style.visibility = free ? "visible" : "hidden";
      if (!free) return;
      placed.push(boxAt(free));
      const [dx, dy] = free.map(Math.round);
      name.style.transform = `translate(calc(-50% + ${dx}px), calc(-50% + ${dy}px))`;
    });
  }

  /** Seen from near, communes have their names too, after those of the theme. */
  function communesInView() {
    if (!isNear()) return [];
    const view = map.getBounds();
    const named = new Set(given.map(({ commune }) => commune));
    return data.names
      .map((text, k) => ({ text, population: data.population[k] || 0, communes: [k], small: true, k }))
      .filter(({ k }) => !named.has(k) && view.contains(degrees(centres[k].point)));
  }

  function marked(name, rank) {
    const pole = name.commune >= 0;
    const anchor = centres[pole ? name.commune : middle(name.communes, centres)].point;
    const kinds = { pole, outside: name.external, small: name.small, big: rank < 8 && !name.small };
    const classes = Object.keys(kinds).filter((kind) => kinds[kind]);
    const html = element(
      "div",
      { class: ["tm-name", ...classes.map((kind) => `tm-name-${kind}`)].join(" ") },
      pole ? element("span", { class: "tm-dot" }) : null,
      element("span", { class: "tm-name-text" }, name.text),
    );
    const icon = L.divIcon({ html, className: "tm-name-icon", iconSize: [0, 0] });
    const options = { icon, pane: "names", interactive: false, keyboard: false };
    const marker = L.marker(degrees(anchor), options).addTo(layer);
    return { marker, name: html.querySelector(".tm-name-text"), pole };
  }

  function draw() {
    layer.clearLayers();
    const bySize = (names) => [...names].sort((a, b) => b.population - a.population);
    markers = given ? [...bySize(given), ...bySize(communesInView()).slice(0, MOST_NAMES)].map(marked) : [];
    spread();
  }

  let near = false;
  map.on("moveend resize", () => {
    const before = near;
    near = isNear();
    if (near || before) draw();
    else spread();
  });
  /** Show these names; null for none at all. */
  function show(names) {
    given = names;
    draw();
  }
  return { show };
}
