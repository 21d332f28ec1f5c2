/* Two drafts side by side: two maps that move together, what differs hatched, figures in two columns. */
import { element } from "./elements.js";
import { calm } from "./shades.js";
import { canvasFills } from "./canvasfills.js";
import { createStage } from "./stage.js";
import { memberText } from "./table.js";
import { createModel } from "./model.js";
import { panelBounds, panelDialog, panelTable } from "./dialogs.js";

const TWIN_LISTED = 200; // communes that differ, written out
const TWIN_EMPTY = "#f1f3f5";
const TWIN_INK = "#18212b";

/** A model of its own, in the state of this one: to try things without touching what is shown. */
function scratchModel(app) {
  const scratch = createModel(app.data);
  scratch.restore(app.model.save());
  return scratch;
}

/** One read-only map; `hatched` communes are those that differ. */
function twinStage(app, box, model, hatched) {
  const fills = canvasFills(box, box.id);
  const stage = createStage(box, app.data, app.text);
  // A limit would hold the map that follows where the one that is dragged goes on.
  stage.map.setMaxBounds(null);
  stage.paintBy((commune) => {
    const main = model.main(commune);
    const base = main == null ? TWIN_EMPTY : calm(model.colourOf(main));
    return { base, fill: hatched.has(commune) ? fills.lined(base, TWIN_INK) : base };
  }, fills.onCanvas);
  stage.borderBy((commune) => (commune < 0 ? undefined : model.main(commune)));
  stage.findLines();
  // A small commune in a large region is seen by the line around it.
  stage.marks.found([...hatched]);
  return stage;
}

/** The maps follow each other. */
function twinTied(one, other) {
  let moving = false;
  const follow = (from, to) => () => {
    if (moving) return;
    moving = true;
    to.map.setView(from.map.getCenter(), from.map.getZoom(), { animate: false });
    moving = false;
  };
  one.map.on("move zoom", follow(one, other));
  other.map.on("move zoom", follow(other, one));
}

/** Figures of the territories of both drafts, those that go together side by side. */
function twinRows(app, one, other, rows) {
  const { text } = app;
  const figures = (model, id) => {
    if (id == null) return ["–", "–", "–", "–"];
    const { communes, population, size, leakage } = model.figures(id);
    return [
      text.number(communes),
      population == null ? "–" : text.number(population),
      size == null ? "–" : text.number(size),
      leakage ? panelBounds(text, leakage.low, leakage.high) : "–",
    ];
  };
  return rows.map(({ id, name, other: theirs, otherName }) => {
    const [before, after] = [figures(one, id), figures(other, theirs)];
    const told = name && otherName && name !== otherName ? `${name} / ${otherName}` : name || otherName;
    const same = before.join() === after.join();
    return [same ? told : element("strong", {}, told), ...before, ...after];
  });
}

export function compareDialog(app) {
  const { model, text, data } = app;
  const stages = [];
  let pair = null;

  function maps(names) {
    return names.map((name, k) => {
      const box = element("div", {
        class: "tw-map",
        id: `tw-map-${k}`,
        role: "group",
        "aria-label": text.say("editor.compare_map", { name }),
      });
      return element("figure", { class: "tw-twin" }, element("figcaption", {}, name), box);
    });
  }

  function fill(body) {
    if (!pair) return;
    const { one, other, names, found } = pair;
    const { communes: differs, agreed, rows } = found;
    const figures = maps(names);
    const heads = ["communes", "population", "size", "leakage"].map((key) => text.say(`editor.compare_${key}`));
    const listed = differs
      .slice(0, TWIN_LISTED)
      .map((commune) => [
        `${data.names[commune]} (${data.codes[commune]})`,
        memberText({ ...app, model: one }, commune),
        memberText({ ...app, model: other }, commune),
      ]);
    const rest = differs.length - listed.length;
    body.replaceChildren(
      element(
        "p",
        { class: "tw-count" },
        `${text.count("editor.compare_differ", differs.length)} · ${text.say("editor.compare_agree", {
          share: agreed == null ? "–" : text.percent(agreed, 1),
        })}`,
      ),
      element("div", { class: "tw-twins" }, ...figures),
      element("p", { class: "tw-help" }, text.say("editor.compare_hatched")),
      element("h3", {}, text.say("editor.compare_figures")),
      panelTable(
        [text.say("editor.compare_territory"), ...heads, ...heads],
        twinRows(app, one, other, rows),
        {
          caption: text.say("editor.compare_figures"),
          numbers: [1, 2, 3, 4, 5, 6, 7, 8],
          groups: [["", 1], ...names.map((name) => [name, heads.length])],
        },
      ),
      element("h3", {}, text.say("editor.compare_list")),
      panelTable([text.say("editor.compare_commune"), ...names], listed, {
        caption: text.say("editor.compare_list"),
      }),
      rest > 0 ? element("p", { class: "tw-help" }, text.count("editor.compare_rest", rest)) : "",
    );
    // The maps need their size: they are made once the window is open.
    requestAnimationFrame(() => {
      const hatched = new Set(differs);
      const boxes = figures.map((figure) => figure.querySelector(".tw-map"));
      stages.push(twinStage(app, boxes[0], one, hatched), twinStage(app, boxes[1], other, hatched));
      twinTied(stages[0], stages[1]);
      body.dataset.ready = "true";
    });
  }

  function closed() {
    stages.splice(0).forEach((stage) => stage.map.remove());
    panel.body.replaceChildren();
    delete panel.body.dataset.ready;
    pair = null;
  }

  const panel = panelDialog(app, {
    name: "compare",
    title: text.say("editor.compare_title"),
    fill,
    closed,
    wide: true,
  });
  return (k) => {
    const other = scratchModel(app);
    other.switchTo(k);
    const names = [model.scenarios[model.current].name, model.scenarios[k].name];
    pair = { one: model, other, names, found: model.compare(k) };
    panel.open();
  };
}
