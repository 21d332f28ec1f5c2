/* The map page of `territories`: one layer of communes that changes its colours with the theme.

   Called by the page as `territoriesMap(map, id)`: a Leaflet map, and the id of the element that
   holds the data as JSON. */
import { words } from "./words.js";
import { controls } from "./controls.js";
import { SVG, element } from "./elements.js";
import { borders, centre, corners, decoded, degrees, topology } from "./shapes.js";
import { INK } from "./shades.js";
import { patterns } from "./fills.js";
import { COMPARED_LINES, SOLID_LINES, memberships, solidity, themes } from "./themes.js";
import { borderLayer, communeLayer, paneFor } from "./layers.js";
import { nameLayer } from "./names.js";
import { describe, hoverCard, pinnedCard, shielded } from "./cards.js";
import { searchBox, searchEntries } from "./search.js";
import { foldable, overlayPicker, themePicker } from "./legend.js";

/** Markers that users add need an image; Leaflet's own would be a file beside the page. */
function drawnMarker() {
  const pin =
    `<svg xmlns="${SVG}" width="25" height="41" viewBox="0 0 25 41"><path d="M12.5 1C6 1 1 6 1 ` +
    `12.5 1 21 12.5 40 12.5 40S24 21 24 12.5C24 6 19 1 12.5 1Z" fill="#2563a8" stroke="#fff" ` +
    `stroke-width="2"/><circle cx="12.5" cy="12.5" r="4.5" fill="#fff"/></svg>`;
  L.Icon.Default.imagePath = "";
  const iconUrl = `data:image/svg+xml,${encodeURIComponent(pin)}`;
  L.Icon.Default.mergeOptions({ iconUrl, iconRetinaUrl: iconUrl, shadowUrl: "" });
}

export function territoriesMap(map, id) {
  const data = JSON.parse(document.getElementById(id).textContent);
  const container = map.getContainer();
  const text = words(data);
  const shapes = decoded(data.shapes);
  const centres = shapes.map(centre);
  const lines = topology(shapes);
  const extent = L.latLngBounds(corners(lines.points).map(degrees));
  const offered = themes(data, text, patterns(container, id));
  const about = describe(data, text);
  const state = { theme: null, communeLines: !data.comparisons, territoryLines: true, otherLines: true, namesShown: true, moved: false, wholeZoom: Infinity };

  container.classList.add("tm");
  container.setAttribute("aria-label", data.title);
  drawnMarker();
  if (map.attributionControl) map.attributionControl.setPrefix(false);

  const panel = shielded(element("aside", { class: "tm-panel", "aria-label": text.say("panel") }));
  const legendBox = element("section", { class: "tm-legend", "aria-label": text.say("legend") });
  const fold = foldable(panel, text, () => {
    container.classList.toggle("tm-wide", panel.classList.contains("tm-folded"));
    if (!state.moved) home();
  });
  container.append(panel);
  // The view before the layers: Leaflet would draw each commune twice.
  fold(container.clientWidth < 640);

  const communes = communeLayer(map, shapes, data.tiles ? 0.75 : 1);
  const names = nameLayer(map, data, centres, () => state.wholeZoom);
  for (const pane of ["borders", "chosen"]) paneFor(map, pane).style.pointerEvents = "none";
  const above = L.svg({ pane: "borders", padding: 0.3 });
  const chosen = L.layerGroup().addTo(map);
  const chosenRenderer = L.svg({ pane: "chosen", padding: 0.3 });
  const pointed = L.polygon([], {
    pane: "chosen",
    renderer: chosenRenderer,
    interactive: false,
    smoothFactor: 0,
    fill: false,
    color: INK,
    weight: 2.5,
  }).addTo(map);
  const layers = {
    outline: borderLayer(borders(lines, () => 0), above, "borders", { width: 1.6, casing: 3, colour: "#55606b" }),
    territories:
      data.territories &&
      borderLayer(borders(lines, (k) => data.territory[k]), above, "borders", { width: 2.6, casing: 5, colour: INK }),
    solidity: data.stability && solidityLayer(),
    compared: (data.comparisons || []).map(comparedLayers),
    departments: borderLayer(borders(lines, (k) => data.departments[k]), above, "borders", {
      width: 2,
      casing: 4,
      dash: "9 6",
      colour: "#5b2a86",
    }),
  };

  /** Borders of territories and of another zoning: the layer of both and of the former only, and
      that of the other only. */
  function comparedLayers({ zone }) {
    const split = (of) => ({ left, right }) => of[left] !== of[right];
    const [own, other] = [split(data.territory), split(zone)];
    const kinds = [
      (piece) => own(piece) && other(piece),
      (piece) => own(piece) && !other(piece),
      (piece) => !own(piece) && other(piece),
    ];
    const drawn = kinds.map((kind, k) => {
      const pieces = lines.pieces.filter((piece) => piece.right >= 0 && kind(piece));
      // All the pieces are borders already: each side of one is told from the other.
      return borderLayer(borders({ points: lines.points, pieces }, (commune) => commune), above, "borders", COMPARED_LINES[k]);
    });
    return { own: L.layerGroup(drawn.slice(0, 2)), other: drawn[2] };
  }

  /** Borders of territories, each piece as solid as it is. */
  function solidityLayer() {
    const solid = solidity(data);
    const drawn = SOLID_LINES.map((style, kind) => {
      const pieces = lines.pieces.filter((piece) => solid(piece) === kind);
      const along = borders({ points: lines.points, pieces }, (k) => data.territory[k]);
      return borderLayer(along, above, "borders", { ...style, colour: INK });
    });
    return L.layerGroup(drawn);
  }

  /** The part of the map that the panel, and a card beside it, leave free. */
  function padding(card = 0) {
    const margin = 24;
    const width = container.clientWidth;
    const folded = panel.classList.contains("tm-folded") || panel.offsetWidth > width * 0.6;
    const left = folded ? margin : panel.offsetWidth + margin;
    const right = width - left - card > 220 ? card + margin : margin;
    return { paddingTopLeft: [left, margin], paddingBottomRight: [right, margin + 8] };
  }
  function home() {
    map.fitBounds(extent, { ...padding(), animate: false });
    state.wholeZoom = map.getZoom();
    state.moved = false;
  }
  function zoomTo(which) {
    const bounds = L.latLngBounds(which.map((k) => communes.paths[k].getBounds()));
    if (!bounds.isValid()) return; // communes that are not drawn
    map.fitBounds(bounds, { ...padding(pinned.width()), maxZoom: 10.5 });
    state.moved = true;
  }
  function highlight(which) {
    chosen.clearLayers();
    if (!which.length) return;
    const inside = new Set(which);
    const around = lines.pieces.filter(({ left, right }) => inside.has(left) !== inside.has(right));
    const rim = borders({ points: lines.points, pieces: around }, (k) => inside.has(k));
    borderLayer(rim, chosenRenderer, "chosen", { width: 3.5, casing: 8, colour: "#ffd60a", light: "#101418" }).addTo(chosen);
  }

  const tip = hoverCard(container);
  const pinned = pinnedCard(container, text, release);
  function release() {
    pinned.hide();
    highlight([]);
  }
  function pinCommune(commune) {
    tip.hide();
    highlight([commune]);
    pinned.show(about.commune(commune));
  }
  function pinGroup(which, content) {
    highlight(which);
    if (content) pinned.show(content);
    else pinned.hide();
    zoomTo(which);
  }
  function pickEntry({ kind, number }) {
    if (kind === "commune") {
      pinCommune(number);
      zoomTo([number]);
    } else {
      const members = memberships(data)(number);
      pinGroup(members.communes, about.territory(number, members));
    }
  }

  function repaint() {
    communes.paint(state.theme.paint, state.communeLines);
  }
  function rename() {
    names.show(state.namesShown ? state.theme.names() : null);
  }
  /** Borders of territories as the theme shows them, where they are wanted. */
  function drawTerritories() {
    const compared = layers.compared[state.theme.compared];
    const territories = compared ? compared.own : state.theme.solidity ? layers.solidity : layers.territories;
    const wanted = [state.territoryLines && territories, state.otherLines && compared && compared.other];
    const all = [layers.solidity, layers.territories, ...layers.compared.flatMap(({ own, other }) => [other, own])];
    for (const layer of all) {
      if (!layer) continue;
      if (wanted.includes(layer)) layer.addTo(map);
      else layer.remove();
    }
  }
  function show(theme) {
    state.theme = theme;
    container.dataset.theme = theme.key;
    repaint();
    rename();
    drawTerritories();
    legendBox.replaceChildren(element("h2", {}, theme.name), ...legend(theme, text, (which) => pinGroup(which)));
    panel.scrollTop = Math.min(panel.scrollTop, legendBox.offsetTop);
  }

  const picker = themePicker(offered, text, id, show);
  const toggled = (layer) => (on) => (on ? layer.addTo(map) : layer.remove());
  const overlays = [
    layers.territories && { name: text.say("overlay_territories"), shown: true, toggle: (on) => ((state.territoryLines = on), drawTerritories()) },
    layers.compared.length && { name: text.say("overlay_other"), shown: true, toggle: (on) => ((state.otherLines = on), drawTerritories()) },
    { name: text.say("overlay_departments"), shown: !data.comparisons, toggle: toggled(layers.departments) },
    { name: text.say("overlay_communes"), shown: state.communeLines, toggle: (on) => ((state.communeLines = on), repaint()) },
    { name: text.say("overlay_names"), shown: true, toggle: (on) => ((state.namesShown = on), rename()) },
  ].filter(Boolean);

  panel.append(
    element("h1", {}, data.title),
    searchBox(searchEntries(data, text), text, id, pickEntry),
    picker.group,
    overlayPicker(overlays, text),
    legendBox,
  );
  if (data.note) container.append(element("p", { class: "tm-note" }, data.note));
  controls(map, text, home);

  communes.on("mouseover", ({ layer, containerPoint }) => {
    const content = about.commune(layer.commune);
    // Beside a card that stays, the one that follows the pointer is short.
    if (pinned.width()) content.rows = content.rows.filter(([, , kind]) => kind === "tm-strong");
    tip.show(content, containerPoint);
    pointed.setLatLngs(layer.getLatLngs());
  });
  communes.on("mousemove", ({ containerPoint }) => tip.show(null, containerPoint));
  communes.on("mouseout", () => {
    tip.hide();
    pointed.setLatLngs([]);
  });
  communes.on("click", (event) => {
    L.DomEvent.stopPropagation(event);
    pinCommune(event.layer.commune);
  });
  map.on("click", release);
  map.on("movestart", tip.hide);
  map.on("dragstart", () => (state.moved = true));
  // A notebook gives the frame its size late: the first view follows until somebody moves it.
  map.on("resize", () => state.moved || home());
  container.addEventListener("keydown", (event) => event.key === "Escape" && release());

  layers.outline.addTo(map);
  if (!data.comparisons) layers.departments.addTo(map);
  const first = offered.find(({ key }) => key === data.theme) || offered[0];
  picker.check(first);
  show(first);
  container.dataset.ready = "true";
}
