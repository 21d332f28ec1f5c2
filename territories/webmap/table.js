/* The communes as a table: all that the map does with a click, done by keyboard. */
import { element } from "./elements.js";
import { folded } from "./words.js";
import { panelButton, panelChoice, panelDecide, panelDialog, panelTerritories } from "./dialogs.js";

const TABLE_PAGE = 50;
const TABLE_COLUMNS = ["code", "name", "department", "population", "territory"];

/** What a commune belongs to, in words: a territory, several with their shares, or none. */
export function memberText(app, commune) {
  const members = app.model.members(commune);
  const { text } = app;
  if (!members.length) return text.say(`editor.table_${app.data.settings.public ? "hidden" : "none"}`);
  const name = (id) => app.model.territory(id).name;
  if (members.length === 1) return name(members[0][0]);
  return members
    .map(([id, weight]) => text.say("editor.table_part", { name: name(id), part: text.percent(weight, 1) }))
    .join(", ");
}

/** The list of territories to choose from, for one commune. */
function tableChoice(app, commune, decided) {
  const { text, data } = app;
  const select = element("select", {
    class: "tw-select",
    "aria-label": text.say("editor.table_choice", { name: data.names[commune] }),
  });
  tableOptions(app, commune, select);
  select.dataset.commune = commune;
  return panelChoice(select, (id) => decided(commune, id));
}

function tableOptions(app, commune, select) {
  const { model, text } = app;
  const members = model.members(commune);
  const options = panelTerritories(app).map((each) => {
    const label = each.locked ? text.say("editor.table_locked", { name: each.name }) : each.name;
    return element("option", { value: each.id }, label);
  });
  const free = element("option", { value: "" }, text.say("editor.table_none"));
  const shared =
    members.length > 1
      ? [element("option", { value: "|", disabled: true }, memberText(app, commune))]
      : [];
  select.replaceChildren(...shared, free, ...options);
  select.value = members.length > 1 ? "|" : members.length ? members[0][0] : "";
}

export function communesTable(app) {
  const { model, text, data } = app;
  const names = data.names.map(folded);
  const view = { words: "", only: "*", column: 1, down: false, page: 0 };
  let found = [];
  let cells = new Map(); // commune in sight -> its cell of territory

  const filter = element("input", {
    id: "tw-table-filter",
    type: "search",
    autocomplete: "off",
    oninput: () => {
      view.words = filter.value;
      again();
    },
  });
  const only = element("select", {
    id: "tw-table-only",
    class: "tw-select",
    onchange: () => {
      view.only = only.value;
      again();
    },
  });
  const count = element("p", { class: "tw-count", role: "status" });
  const heads = TABLE_COLUMNS.map((column, k) => {
    const sort = () => {
      view.down = view.column === k && !view.down;
      view.column = k;
      again();
    };
    const button = element("button", { type: "button", onclick: sort }, text.say(`editor.table_${column}`));
    return element("th", { scope: "col", class: k === 3 ? "tw-number" : null }, button);
  });
  const rows = element("tbody");
  const table = element(
    "table",
    {},
    element("caption", { class: "tw-unseen" }, text.say("editor.table_title")),
    element("thead", {}, element("tr", {}, ...heads)),
    rows,
  );
  const turn = (by) => () => {
    view.page += by;
    drawn();
  };
  const back = panelButton(text.say("editor.table_back"), turn(-1));
  const next = panelButton(text.say("editor.table_next"), turn(1));
  const place = element("span", { role: "status" });

  function keyOf(commune) {
    const k = view.column;
    if (k === 0) return data.codes[commune];
    if (k === 1) return names[commune];
    if (k === 2) return `${data.departments[commune]} ${names[commune]}`;
    if (k === 3) return data.population[commune] == null ? -1 : data.population[commune];
    const main = model.main(commune);
    return main == null ? "" : `${folded(model.territory(main).name)} ${names[commune]}`;
  }

  function again() {
    const words = folded(view.words);
    const kept = [];
    const within = ["*", "-", "&"].includes(view.only) ? null : new Set(model.communesOf(view.only));
    for (let commune = 0; commune < data.codes.length; commune += 1) {
      if (within && !within.has(commune)) continue;
      if (view.only === "-" && model.members(commune).length) continue;
      if (view.only === "&" && model.members(commune).length < 2) continue;
      if (words && !names[commune].includes(words) && !data.codes[commune].toLowerCase().startsWith(words))
        continue;
      kept.push([keyOf(commune), commune]);
    }
    const way = view.down ? -1 : 1;
    kept.sort(([a, i], [b, j]) => (a < b ? -way : a > b ? way : i - j));
    found = kept.map(([, commune]) => commune);
    view.page = 0;
    heads.forEach((head, k) => {
      const sorted = k === view.column;
      if (sorted) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    drawn();
  }

  async function decided(commune, id) {
    const code = data.codes[commune];
    const line = id ? { action: "move", code, target: id } : { action: "release", code };
    const { ok, why } = await panelDecide(app, [line]);
    const said = ok ? "editor.table_done" : "editor.table_refused";
    const values = { name: data.names[commune], territory: memberText(app, commune), why };
    panel.say(text.say(said, values), !ok);
    renewed();
  }

  function row(commune) {
    const cell = element("td", { class: "tw-choice" });
    if (data.settings.public) cell.append(memberText(app, commune));
    else cell.append(tableChoice(app, commune, decided));
    cells.set(commune, cell);
    const people = data.population[commune];
    const show = () => {
      panel.close();
      app.zoomTo([commune]);
      app.select(commune);
    };
    const label = text.say("editor.panel_show_one", { name: data.names[commune] });
    return element(
      "tr",
      {},
      element("td", {}, data.codes[commune]),
      element(
        "th",
        { scope: "row" },
        element("button", { type: "button", class: "tw-link", title: label, onclick: show }, data.names[commune]),
      ),
      element("td", {}, data.departments[commune]),
      element("td", { class: "tw-number" }, people == null ? "–" : text.number(people)),
      cell,
    );
  }

  function drawn() {
    const pages = Math.max(1, Math.ceil(found.length / TABLE_PAGE));
    view.page = Math.min(Math.max(view.page, 0), pages - 1);
    cells = new Map();
    const first = view.page * TABLE_PAGE;
    rows.replaceChildren(...found.slice(first, first + TABLE_PAGE).map(row));
    count.textContent = text.count("editor.table_found", found.length);
    place.textContent = text.say("editor.table_page", { page: view.page + 1, pages });
    back.disabled = view.page === 0;
    next.disabled = view.page === pages - 1;
  }

  /** After a decision: the choices in sight, in place, so that the focus stays where it is. */
  function renewed() {
    for (const [commune, cell] of cells) {
      const select = cell.querySelector("select");
      if (select) tableOptions(app, commune, select);
      else cell.textContent = memberText(app, commune);
    }
    listed();
  }

  function listed() {
    const options = [["*", "editor.table_all"]];
    if (!data.settings.public) options.push(["-", "editor.table_uncovered"]);
    options.push(["&", "editor.table_shared"]);
    only.replaceChildren(
      ...options.map(([value, key]) => element("option", { value }, text.say(key))),
      ...panelTerritories(app).map((each) => element("option", { value: each.id }, each.name)),
    );
    only.value = view.only;
    if (only.selectedIndex < 0) only.value = view.only = "*";
  }

  function fill(body) {
    if (body.contains(table)) {
      renewed();
      return;
    }
    const labelled = (input, key) =>
      element("p", { class: "tw-field" }, element("label", { for: input.id }, text.say(key)), input);
    body.replaceChildren(
      element(
        "div",
        { class: "tw-bar" },
        labelled(filter, "editor.table_filter"),
        labelled(only, "editor.table_only"),
      ),
      element("p", { class: "tw-help" }, text.say(`editor.table_help${data.settings.public ? "_public" : ""}`)),
      count,
      element("div", { class: "tw-scroll" }, table),
      element("p", { class: "tw-actions" }, back, place, next),
    );
    listed();
    again();
  }

  const panel = panelDialog(app, { name: "table", title: text.say("editor.table_title"), fill, wide: true });
  return panel;
}
