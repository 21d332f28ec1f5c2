/* Live figures: the target's, the white zones, and before and after of the last move. */
import { element } from "./elements.js";
import { icon } from "./icons.js";

const NONE = "–";

/** Words for the figures of a territory. */
function figureWords(app) {
  const { text, say, data } = app;
  const people = (value) => (value === null ? say("population_unknown") : text.count("people", value));
  const size = (figures) => (figures.size === null ? NONE : say("size", { size: text.number(figures.size) }));
  function next({ next: missing, size: own }) {
    if (missing === null || own === null) return own === null ? "" : say("largest_size");
    return text.count("editor.missing", missing).replace("{size}", text.number(own + 1));
  }
  const nextShort = ({ next: missing }) => say("missing_short", { count: text.number(missing) });
  const share = (value) => text.percent(value, 1);
  /** "entre 31 % et 35 %": bounds, as small counts are hidden; or what Python has told. */
  function bounded(range) {
    if (!range) return say("unknown_share");
    if (share(range.low) === share(range.high)) return say("about", { value: share(range.low) });
    const [low, high] = text.outward(range.low, range.high);
    return say("between", { low, high });
  }
  /** "31–35 %", for tables. */
  function leakageShort(figures, exact) {
    if ((exact && exact.leakage != null) || figures.hidden || !figures.leakage) return leakage(figures, exact);
    const [low, high] = text.outward(figures.leakage.low, figures.leakage.high);
    return low === high ? low : say("range", { low: low.replace(/\s*%$/, ""), high });
  }
  function leakage(figures, exact) {
    if (exact && exact.leakage !== undefined && exact.leakage !== null) return share(exact.leakage);
    return figures.hidden ? NONE : bounded(figures.leakage);
  }
  function own(figures, exact) {
    if (exact && exact.li !== undefined && exact.li !== null) return share(exact.li);
    return figures.hidden ? NONE : bounded(figures.li);
  }
  const pieces = ({ pieces: found }) => (found.length > 1 ? text.count("editor.pieces", found.length) : say(found.length ? "one_piece" : "no_commune"));
  return { people, size, next, nextShort, leakageShort, leakage, own, pieces, share, population: (value) => (value === null ? NONE : text.number(value)), bounds: data.settings.bounds };
}

/** The bar that tells how far a territory is from the next size. */
function gauge(figures, bounds) {
  const { population, size } = figures;
  if (population === null || size === null || !bounds[size - 1]) return null;
  const from = size > 1 ? bounds[size - 2] : 0;
  const part = Math.min(1, Math.max(0, (population - from) / (bounds[size - 1] - from)));
  const bar = element("div", { class: "te-gauge", "aria-hidden": "true" }, element("span"));
  bar.firstChild.style.width = `${Math.round(100 * part)}%`;
  return bar;
}

export function colourChip(colour) {
  const chip = element("span", { class: "te-chip", "aria-hidden": "true" });
  chip.style.background = colour;
  return chip;
}

export function figuresPanel(app) {
  const { model, text, say, shell, state, data } = app;
  const words = figureWords(app);
  app.figureWords = words;
  const line = (label, value, extra = null, title = null) =>
    element("div", { class: "te-figure", title }, element("dt", {}, label), element("dd", {}, value, extra));

  function zoomDetached(id) {
    const { pieces } = model.figures(id);
    const place = (zoomDetached.at?.id === id ? zoomDetached.at.k : 0) % Math.max(1, pieces.length - 1);
    zoomDetached.at = { id, k: place + 1 };
    const piece = pieces[place + 1];
    if (!piece) return;
    app.zoomTo(piece);
    app.stage.marks.found(piece);
    app.announce(say("piece_shown", { communes: text.count("communes", piece.length), name: data.names[piece[0]] }));
  }
  app.zoomDetached = zoomDetached;

  function pieceLine(id, figures) {
    if (figures.pieces.length < 2) return line(say("form"), words.pieces(figures));
    const button = element("button", { type: "button", class: "te-link", onclick: () => zoomDetached(id) }, say("zoom_piece"));
    return line(say("form"), element("strong", { class: "te-bad" }, icon("warning"), words.pieces(figures)), button);
  }

  function showTarget() {
    const id = state.target;
    const head = element("h2", {}, say("target"));
    if (id === null) {
      shell.target.replaceChildren(head, element("p", { class: "te-none" }, say(app.editable ? "choose_target" : "choose_territory")));
      return;
    }
    const { name, colour, locked, status } = model.territory(id);
    const figures = model.figures(id);
    const exact = app.exactFigures.get(id);
    const bounded = exact ? null : say("bounds_why");
    const title = element("p", { class: "te-target-name" }, colourChip(colour), element("strong", {}, name));
    const badges = [locked ? say("locked") : null, status ? say(`status_${status}`) : null].filter(Boolean).join(" · ");
    shell.target.replaceChildren(
      head,
      title,
      badges ? element("p", { class: "te-badges" }, locked ? icon("lock") : null, badges) : "",
      element(
        "dl",
        {},
        element("div", { class: "te-figure te-big" }, element("dt", {}, say("population")), element("dd", {}, words.people(figures.population))),
        line(say("aci"), element("strong", {}, words.size(figures)), element("span", { class: "te-next" }, words.next(figures))),
        gauge(figures, words.bounds),
        pieceLine(id, figures),
        line(say("leakage"), words.leakage(figures, exact), null, bounded),
        line(say("own_care"), words.own(figures, exact), null, bounded),
      ),
      figures.hidden || exact ? "" : element("p", { class: "te-why" }, say("bounds_short")),
    );
  }

  // ---- white zones
  let zones = [];
  let zone = -1;
  const count = element("span", { class: "te-whites-count" });
  const next = element("button", { type: "button", class: "te-button", title: `${say("next_white")} (Z)`, onclick: () => app.nextWhite() }, say("next_one"));
  shell.whites.append(count, next);
  app.nextWhite = () => {
    if (!zones.length) return app.announce(say("no_white"));
    zone = (zone + 1) % zones.length;
    const { commune, kind, territory } = zones[zone];
    app.select(commune);
    app.zoomTo([commune]);
    const kinds = text.say(`editor.white_${kind}`, { name: app.nameOf(territory) });
    app.announce(say("white_shown", { place: text.number(zone + 1), count: text.number(zones.length), name: data.names[commune], kind: kinds }));
  };
  function showWhites() {
    // A public copy does not know the territories that it does not show.
    zones = app.editable ? model.whiteZones() : [];
    count.textContent = zones.length ? text.count("editor.whites", zones.length) : say("no_white");
    next.disabled = !zones.length;
  }

  // ---- the last move
  const signed = (value) => (value > 0 ? `+${text.number(value)}` : text.number(value).replace("-", "\u2212"));
  const told = (value) => (value instanceof Element ? value.textContent : value);
  const pair = (before, after) =>
    before === told(after)
      ? element("span", {}, after)
      : element("span", {}, element("span", { class: "te-before" }, before), " → ", element("strong", {}, after));
  function moveRow(id, before, after) {
    const territory = model.territory(id);
    const name = territory ? territory.name : id;
    const empty = { communes: 0, population: 0, size: null, next: null, pieces: [], li: null, leakage: null, hidden: true };
    const [was, is] = [before || empty, after || empty];
    const change = was.population === null || is.population === null ? 0 : is.population - was.population;
    const chip = territory ? colourChip(territory.colour) : null;
    const went = change > 0 ? say("gains") : change < 0 ? say("loses") : say("keeps");
    const cell = (label, ...children) => element("td", { "data-label": label }, ...children);
    const count = ({ pieces }) => text.count("editor.pieces", pieces.length);
    // Of a territory that is new there is no before; of pieces the first number says enough.
    const made = !was.communes;
    const since = (past, now) => pair(made ? told(now) : past, now);
    const cut = is.pieces.length > 1;
    const zoom = cut ? element("button", { type: "button", class: "te-link", onclick: () => zoomDetached(id) }, say("zoom_short")) : null;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, chip, element("span", { class: "te-move-name" }, name), element("span", { class: "te-went" }, went)),
      cell(say("population"), pair(words.population(was.population), words.population(is.population)), change ? element("span", { class: "te-change" }, ` (${signed(change)})`) : null),
      cell(say("aci"), since(words.size(was), words.size(is)), is.next ? element("span", { class: "te-next" }, words.nextShort(is)) : null),
      cell(say("form"), since(was.pieces.length === is.pieces.length ? count(is) : text.number(was.pieces.length), element("span", cut ? { class: "te-bad" } : {}, count(is))), zoom),
      cell(say("leakage"), since(words.leakageShort(was), words.leakageShort(is, app.exactFigures.get(id)))),
    );
  }
  const heads = () => ["territory", "population", "aci", "form", "leakage"].map((key) => element("th", { scope: "col" }, say(`head_${key}`)));
  function showLast() {
    const { last } = model;
    const touched = last && last.touched ? last.touched : [];
    const head = element("h2", {}, say("last_move"));
    if (!touched.length) {
      shell.last.replaceChildren(element("div", { class: "te-last-head" }, head), element("p", {}, say("no_move")));
      return;
    }
    const change = (id) => (last.after[id]?.population ?? 0) - (last.before[id]?.population ?? 0);
    // Who gains first, then who loses most; a stroke may touch many, of which the first are told.
    const order = [...touched].sort((a, b) => change(b) - change(a) || (a < b ? -1 : 1));
    const told = order.length > 3 ? [order[0], ...order.slice(-2)] : order;
    const more = order.length > 3 ? element("span", {}, text.count("editor.touched_more", order.length - 3)) : null;
    const back = model.canUndo ? element("button", { type: "button", class: "te-link", onclick: () => app.undo() }, say("undo_move")) : null;
    shell.last.replaceChildren(
      element("div", { class: "te-last-head" }, head, more, back),
      element("table", {}, element("thead", {}, element("tr", {}, ...heads())), element("tbody", {}, ...told.map((id) => moveRow(id, last.before[id], last.after[id])))),
    );
  }
  app.parts.push({
    refresh({ communes }) {
      showTarget();
      showLast();
      showWhites();
      if (!communes || communes.length) app.stage.marks.found([]);
    },
    targeted: showTarget,
  });
}
