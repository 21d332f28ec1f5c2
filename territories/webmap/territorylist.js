/* The territories at the side: each with its number, its figures and its menu. */
import { element } from "./elements.js";
import { folded } from "./words.js";
import { colourChip } from "./readings.js";
import { icon } from "./icons.js";
import { iconButton } from "./shell.js";
import { territoryActions } from "./actions.js";
import { menuOf } from "./menus.js";

const DIGITS_MS = 700; // digits that follow within this time are one number

export function territoryList(app) {
  const { model, text, say, shell, state } = app;
  const words = app.figureWords;
  const actions = territoryActions(app);
  app.actions = actions;
  const rows = new Map();
  const list = element("ul", { class: "te-rows" });
  const count = element("span", { class: "te-count" });
  const add = iconButton("plus", say("new"), () => actions.create(), { title: say("title_new") });
  const all = element("button", { type: "button", class: "te-button", title: say("title_lock_all"), onclick: () => actions.lockAll() }, icon("lock"), element("span", { class: "te-hidden" }));
  const head = element("div", { class: "te-list-head" }, element("h2", {}, say("territories"), " ", count));
  if (app.editable) head.append(add, all);
  shell.list.append(head, list);
  let order = [];

  function row({ id }, place) {
    const name = element("span", { class: "te-row-name" });
    const detail = element("span", { class: "te-row-detail" });
    const flags = element("span", { class: "te-row-flags" });
    const chip = colourChip("#ffffff");
    const pick = () => (state.target === id && !app.editable ? app.target(null) : actions.choose(id));
    const button = element(
      "button",
      { type: "button", class: "te-row", "aria-pressed": "false", onclick: pick, ondblclick: () => app.zoomTo(model.communesOf(id)) },
      element("span", { class: "te-row-number", "aria-hidden": "true" }, String(place + 1)),
      chip,
      element("span", { class: "te-row-text" }, name, detail),
      flags,
    );
    const more = element(
      "button",
      { type: "button", class: "te-button te-bare te-more", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => menuOf(app, more, actions.menu(id), model.territory(id).name) },
      icon("more"),
    );
    const item = element("li", { "data-territory": id }, button, more);
    return { item, button, more, name, detail, flags, chip };
  }
  function show(id) {
    const { name, colour, locked, status } = model.territory(id);
    const { button, more, name: title, detail, flags, chip } = rows.get(id);
    const figures = model.figures(id);
    title.textContent = name;
    title.title = name;
    const size = figures.size === null ? "" : words.size(figures);
    const people = figures.communes ? (figures.population === null ? say("population_unknown") : text.count("people", figures.population)) : say("no_commune");
    detail.textContent = [people, figures.communes ? size : ""].filter(Boolean).join(" · ");
    chip.style.background = colour;
    const told = [];
    if (figures.pieces.length > 1) told.push(element("span", { class: "te-flag te-bad", title: words.pieces(figures) }, icon("warning"), element("span", { class: "te-hidden" }, words.pieces(figures))));
    if (locked) told.push(element("span", { class: "te-flag", title: say("locked") }, icon("lock"), element("span", { class: "te-hidden" }, say("locked"))));
    flags.replaceChildren(...told);
    button.title = status ? `${name} – ${say(`status_${status}`)}` : name;
    more.setAttribute("aria-label", say("menu_of", { name }));
    more.title = say("menu_of", { name });
    button.setAttribute("aria-pressed", String(state.target === id));
  }
  /** By name, as people look for them; numbers then hold while figures change. */
  function build() {
    const sorted = [...model.territories()].sort(
      (a, b) => folded(a.name).localeCompare(folded(b.name)) || (a.id < b.id ? -1 : 1),
    );
    const ids = sorted.map(({ id }) => id);
    if (ids.join("\n") === order.join("\n")) return false;
    order = ids;
    rows.clear();
    sorted.forEach((territory, place) => rows.set(territory.id, row(territory, place)));
    list.replaceChildren(...ids.map((id) => rows.get(id).item));
    count.textContent = `(${text.number(ids.length)})`;
    return true;
  }
  function showLocks() {
    all.title = all.lastChild.textContent = say(model.territories().every(({ locked }) => locked) ? "unlock_all" : "lock_all");
  }
  app.parts.push({
    refresh({ touched }) {
      const rebuilt = build();
      for (const id of rebuilt || !touched ? order : touched) if (rows.has(id)) show(id);
      showLocks();
    },
    targeted(id) {
      for (const [each, { button }] of rows) button.setAttribute("aria-pressed", String(each === id));
      if (id !== null && rows.has(id)) rows.get(id).item.scrollIntoView({ block: "nearest" });
    },
  });

  let typed = "";
  let timer = 0;
  /** Take the territory of this number as target; 1 then 2, typed soon after, is 12. */
  app.targetNumber = (digit) => {
    clearTimeout(timer);
    timer = setTimeout(() => (typed = ""), DIGITS_MS);
    typed = order[Number(typed + digit) - 1] === undefined ? digit : typed + digit;
    const id = order[Number(typed) - 1];
    if (id !== undefined) actions.choose(id);
  };
}
