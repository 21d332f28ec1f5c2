/* What the panels of the workshop share: windows with a heading, tables, questions, downloads.

   Windows are <dialog> elements shown as modal: the browser keeps the focus inside, Escape closes,
   and the focus goes back to where it was. */
import { element } from "./elements.js";
import { capital } from "./words.js";

/** Make a window; `fill` is called when it opens, and after each change while it is open. */
export function panelDialog(app, { name, title, fill, wide = false, closed = () => {} }) {
  const { text } = app;
  const heading = element("h2", { id: `tw-${name}-title`, tabindex: "-1" }, title);
  const close = element(
    "button",
    { type: "button", class: "tw-close", "aria-label": text.say("editor.panel_close") },
    "×",
  );
  const body = element("div", { class: "tw-body" });
  const status = element("p", { class: "tw-message", role: "status" });
  const dialog = element(
    "dialog",
    {
      class: `tw-dialog tw-${name}${wide ? " tw-wide" : ""}`,
      "aria-labelledby": heading.id,
      "data-panel": name,
    },
    element("header", { class: "tw-head" }, heading, close),
    status,
    body,
  );
  let before = null;
  close.addEventListener("click", () => dialog.close());
  // The keys of the map must not act while one types here.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // again, by a file that was dropped meanwhile
    closed();
    if (before && before.isConnected) before.focus();
  });
  app.model.on(() => {
    if (!dialog.open) return;
    fill(body);
    // The button that was pressed may be gone.
    if (!dialog.contains(dialog.getRootNode().activeElement)) heading.focus({ preventScroll: true });
  });
  app.container.append(dialog);
  return {
    dialog,
    body,
    refresh: () => fill(body),
    close: () => dialog.close(),
    open() {
      if (dialog.open) return;
      before = document.activeElement;
      status.textContent = "";
      fill(body);
      dialog.showModal();
      heading.focus();
    },
    /** Say something in the window and to who listens. */
    say(sentence, bad = false) {
      status.textContent = sentence;
      status.classList.toggle("tw-bad", bad);
      app.announce(sentence);
      status.scrollIntoView({ block: "nearest" });
    },
  };
}

/** Ask with fields of text: a promise of the values by name, or null when one gives up. */
export function panelAsk(app, { title, sentence = "", fields = [], accept, refuse }) {
  const { text } = app;
  const id = `tw-ask-${fields.map((field) => field.name).join("-")}`;
  const inputs = fields.map((field) =>
    element("input", {
      name: field.name,
      id: `${id}-${field.name}`,
      value: field.value || "",
      maxlength: field.longest || 300,
      autocomplete: "off",
      required: Boolean(field.required),
    }),
  );
  const rows = fields.map((field, k) =>
    element("p", { class: "tw-field" }, element("label", { for: inputs[k].id }, field.label), inputs[k]),
  );
  const give = refuse || text.say("editor.panel_cancel");
  const no = element("button", { type: "button", class: "tw-button" }, give);
  const yes = element("button", { class: "tw-button tw-main" }, accept);
  const heading = element("h2", { id: `${id}-title` }, title);
  const form = element(
    "form",
    {},
    heading,
    sentence && element("p", {}, sentence),
    ...rows,
    element("p", { class: "tw-actions" }, yes, no),
  );
  const dialog = element("dialog", { class: "tw-dialog tw-ask", "aria-labelledby": heading.id }, form);
  const before = document.activeElement;
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  app.container.append(dialog);
  return new Promise((resolve) => {
    let answer = null;
    no.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault(); // nothing is sent anywhere
      answer = Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]));
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before && before.isConnected) before.focus();
      resolve(answer);
    });
    dialog.showModal();
    (inputs[0] || yes).focus();
  });
}

const tableGroup = ([name, colspan]) =>
  name ? element("th", { scope: "colgroup", class: "tw-group", colspan }, name) : element("td", { colspan });

/** A table with named columns; cells are text or elements. */
export function panelTable(heads, rows, { caption, numbers = [], groups = [] } = {}) {
  const of = (k) => (numbers.includes(k) ? { class: "tw-number" } : {});
  return element(
    "div",
    { class: "tw-scroll", tabindex: "0", role: "group", "aria-label": caption },
    element(
      "table",
      {},
      caption && element("caption", { class: "tw-unseen" }, caption),
      element(
        "thead",
        {},
        groups.length ? element("tr", {}, ...groups.map(tableGroup)) : null,
        element("tr", {}, ...heads.map((head, k) => element("th", { scope: "col", ...of(k) }, head))),
      ),
      element(
        "tbody",
        {},
        ...rows.map((cells) =>
          element("tr", {}, ...cells.map((cell, k) => element("td", of(k), cell))),
        ),
      ),
    ),
  );
}

export function panelButton(label, onclick, attributes = {}) {
  return element("button", { type: "button", class: "tw-button", onclick, ...attributes }, label);
}

/** A share between two bounds, in whole percents that hold it; "–" where it is not known. */
export function panelBounds(text, low, high) {
  if (low == null || high == null) return text.say("editor.panel_unknown");
  const [from, to] = text.outward(low, high);
  return from === to ? from : text.say("editor.panel_between", { low: from, high: to });
}

/** A list whose choice is a decision. With the mouse it is taken at once; keys pass over other
    choices, so with them it is taken on Enter or when one leaves; Escape gives up. */
export function panelChoice(select, decided) {
  let before = null; // what was chosen before the keys
  function settle() {
    const changed = before !== null && before !== select.value;
    before = null;
    if (changed) decided(select.value);
  }
  select.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      if (before !== null) event.preventDefault();
      settle();
    } else if (event.key === "Escape" && before !== null) {
      event.preventDefault(); // the window stays open
      select.value = before;
      before = null;
    } else if (!["Tab", " "].includes(event.key) && !event.altKey) before ??= select.value;
  });
  select.addEventListener("change", () => before === null && decided(select.value));
  select.addEventListener("pointerdown", settle);
  select.addEventListener("blur", settle);
  return select;
}

/** Give a file to the reader: works in a page opened by double-click. */
export function panelDownload(app, name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = element("a", { href: address, download: name, hidden: true });
  app.container.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  app.announce(app.text.say("editor.files_written", { file: name }));
}

/** Date and hour of a line, as people write them; what is no date stays as it is. */
export function panelDate(app, iso) {
  // What is not ISO is somebody's own writing: a browser would read 05/11 as the 11th of May.
  const date = new Date(/^\d{4}-\d\d/.test(iso) ? iso : "");
  if (Number.isNaN(date.getTime())) return iso || "";
  const options = iso.length > 10 ? { dateStyle: "short", timeStyle: "short" } : { dateStyle: "short" };
  return new Intl.DateTimeFormat(app.data.language === "fr" ? "fr-FR" : "en-GB", options).format(date);
}

/** Now, as lines of the log write it: local time, to the second. */
export function panelNow() {
  const now = new Date();
  return new Date(now.getTime() - 60_000 * now.getTimezoneOffset()).toISOString().slice(0, 19);
}

/** Why a line or a step does nothing, in plain words. */
export function panelReason(app, { key, values = {} }, { alone = false } = {}) {
  const full = key.includes(".") ? key : `error.${key}`;
  const template = app.data.words[full];
  if (!template) return key;
  // A line of a list of communes is no decision with a number.
  const prefix = alone ? template.match(/^[^:]*\{order\}[^:]*:\s*/) : null;
  return prefix ? capital(app.text.say(full, values).replace(/^[^:]*:\s*/, "")) : app.text.say(full, values);
}

/** The name of a territory, also of one that exists no longer. */
export function panelTerritory(app, id) {
  const known = app.model.territory(id) || app.data.territories.find((each) => each.id === id);
  return known ? known.name : String(id);
}

/** Territories by name, as people look for them. */
export function panelTerritories(app) {
  const order = new Intl.Collator(app.data.language).compare;
  return app.model.territories().sort((one, other) => order(one.name, other.name) || order(one.id, other.id));
}

/** Say something above the map and to those who listen. */
export function panelTell(app, sentence, wrong = false) {
  if (app.tell) app.tell(sentence, { wrong });
  else app.announce(sentence);
}

/** Take a decision: one step, with the meeting's author and reason; asks before cutting.
    The question is a window of its own: what is behind a window cannot be answered. */
export async function panelDecide(app, lines) {
  const { model, text } = app;
  const about = () => ({ ...app.meeting, date: panelNow() });
  let result = model.step(lines, about());
  if (!result.ok && result.cuts && result.cuts.length) {
    const names = result.cuts.map((id) => panelTerritory(app, id)).join(", ");
    const sure = await panelAsk(app, {
      title: text.say("editor.panel_cuts_title"),
      sentence: text.say("editor.panel_cuts", { names }),
      accept: text.say("editor.panel_force"),
    });
    if (!sure) return { ok: false, why: text.say("editor.panel_not_done") };
    result = model.step(lines, { ...about(), force: true });
  }
  return { ok: result.ok, why: [...new Set(result.faults.map((each) => panelReason(app, each)))].join(" ") };
}
