/* The workshop by keyboard alone: communes with the arrows, tools and territories with keys. */
import { iconButton } from "./shell.js";
import { element } from "./elements.js";
import { neighbourhood, towards } from "./terrain.js";
import { TOOLS } from "./tools.js";

const ARROWS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
const PAN_PX = 120;

const typing = (target) => target.closest("input, textarea, select, [contenteditable], dialog, [role=menu]") !== null;

export function keyboard(app) {
  const { stage, shell, data, model, say, state, container } = app;
  const { map } = stage;
  let neighbours = null;
  app.cursor = -1;

  function first() {
    const { target } = state;
    const own = target === null ? [] : model.communesOf(target);
    const pole = target === null ? -1 : (app.poles.get(target) ?? -1);
    if (own.includes(pole)) return pole;
    return own.length ? own[0] : stage.communeAt(map.getCenter());
  }
  function point(commune) {
    if (commune < 0) return;
    app.cursor = commune;
    stage.bringIntoView(commune);
    stage.marks.pointed([commune]);
    const { x, y } = map.latLngToContainerPoint([stage.centres[commune].point[1] / 1e5, stage.centres[commune].point[0] / 1e5]);
    app.tip.show(commune, { x, y });
    app.announce(app.describe(commune));
  }
  function walk(direction) {
    neighbours = neighbours || neighbourhood(data.codes.length, data.pairs);
    if (app.cursor < 0) return point(Math.max(0, first()));
    const next = towards(app.cursor, direction, neighbours, stage.centres);
    if (next < 0) return app.announce(say("no_neighbour"));
    return point(next);
  }
  shell.map.addEventListener("blur", () => app.tip.hide());

  /** Keys of the map, when it has the focus. */
  function onMap(event) {
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) map.panBy([PAN_PX * arrow[0], -PAN_PX * arrow[1]], { animate: false });
    else if (arrow) walk(arrow);
    else if (event.key === "Enter" && app.cursor >= 0) app.use([app.cursor], state.tool === "explore" ? "paint" : state.tool);
    else if (event.key === " ") {
      if (app.cursor >= 0 && app.hovered() < 0) app.select(app.cursor);
      else app.hand(true);
    } else return false;
    return true;
  }
  function escape() {
    if (app.cancelStroke()) return;
    if (app.asking()) app.answer(false);
    else if (container.classList.contains("te-presenting")) app.present(false);
    else if (app.openedPanel()) app.closePanel();
    else if (state.commune >= 0) app.select(-1);
    else if (state.tool !== "explore") app.tool("explore");
    else if (state.target !== null) app.target(null);
  }
  const keys = {
    z: () => app.nextWhite(),
    t: () => {
      const commune = app.hovered() >= 0 ? app.hovered() : app.cursor;
      const main = commune < 0 ? null : model.main(commune);
      if (main !== null) app.actions.choose(main);
    },
    d: () => app.present(!container.classList.contains("te-presenting")),
    "/": () => container.querySelector(".tm-search-input").focus(),
    "?": () => app.help(),
    "+": () => map.zoomIn(),
    "=": () => map.zoomIn(),
    "-": () => map.zoomOut(),
    Home: () => stage.home(),
    Escape: escape,
    ...Object.fromEntries(TOOLS.map(({ name, key }) => [key.toLowerCase(), () => app.tool(name)])),
  };

  container.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" && !event.shiftKey) app.undo();
      else if (key === "y" || key === "z") app.redo();
      else if (key === "p") app.print();
      else return;
      event.preventDefault();
      return;
    }
    const inMap = event.target === shell.map;
    if (app.asking() && key === "Enter" && inMap) app.answer(true);
    else if (inMap && onMap(event)) event.preventDefault();
    else if (/^[0-9]$/.test(key) && app.editable) app.targetNumber(key);
    else if (keys[key]) keys[key]();
    else return;
    event.preventDefault();
  });
  container.addEventListener("keyup", (event) => event.key === " " && app.hand(false));
  function outside(event) {
    if (event.target !== document.body || event.key === "Tab") return;
    if (document.querySelector("dialog[open]")) return; // keys are the window's: Escape closes it
    shell.map.focus({ preventScroll: true });
    if (!shell.map.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
  }
  // Nothing has the focus when the page opens or after a click beside the tools: keys then go to
  // the map. In a notebook they are the notebook's.
  if (container.parentElement === document.body) {
    document.addEventListener("keydown", outside, { signal: app.ended.signal });
  }
  shell.map.addEventListener("pointerdown", () => shell.map.focus({ preventScroll: true }));

  const rows = ["arrows", "enter", "space", "numbers", "tools", "take", "undo", "white", "search", "zoom", "pan", "present", "escape"];
  app.help = () => {
    const close = element("button", { type: "button", class: "te-button te-primary", onclick: () => dialog.close() }, say("close"));
    const lines = rows.map((row) => element("tr", {}, element("th", { scope: "row" }, say(`key_${row}`)), element("td", {}, say(`does_${row}`))));
    const dialog = element(
      "dialog",
      { class: "te-dialog te-help", "aria-label": say("help") },
      element("h2", {}, say("help")),
      element("ol", {}, ...["one", "two", "three", "four"].map((step) => element("li", {}, say(`help_${step}`)))),
      element("h3", {}, say("keys")),
      element("table", {}, element("tbody", {}, ...lines)),
      element("p", { class: "te-why" }, say("bounds_why")),
      element("div", { class: "te-dialog-buttons" }, close),
    );
    dialog.addEventListener("close", () => dialog.remove());
    container.append(dialog);
    dialog.showModal();
    close.focus();
  };
  shell.top.append(iconButton("help", say("help"), () => app.help(), { key: "?", bare: true }));
}
