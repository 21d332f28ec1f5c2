/* The workshop inside a notebook: each change of a view goes to Python, and each from Python or
   from another view comes back.

   A change is {of, keep, lines}: of a log of `of` lines the first `keep` stay, and `lines` follow.
   Python's log is the one that counts: a view that no longer has the same takes Python's. */
import { element } from "./elements.js";
import { territoriesEditor } from "./editor.js";

const WIDGET_WAIT = 5_000; // milliseconds until a silent kernel is told of

const WIDGET_FIELDS = ["order", "action", "code", "territory", "target", "parts", "author", "date", "reason", "force"];

const widgetLine = (line) => Object.fromEntries(WIDGET_FIELDS.map((name) => [name, line[name]]));
const widgetSame = (one, other) => JSON.stringify(widgetLine(one)) === JSON.stringify(widgetLine(other));

/** Called by anywidget for each view: `model` speaks with Python, `el` is the output of the cell. */
export function renderWidget({ model: python, el }) {
  const data = JSON.parse(python.get("_data"));
  const view = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const say = (key) => data.words[`editor.${key}`];
  const container = element("div", { class: "te-inside" });
  const box = element("div", { class: "te-widget", lang: data.language }, container);
  // Keys that are ours are not the notebook's, where D twice deletes a cell.
  box.dataset.lmSuppressShortcuts = "true";
  for (const kind of ["keydown", "keypress", "keyup"]) box.addEventListener(kind, (event) => event.stopPropagation());
  el.append(box);

  let app = null;
  let known = []; // the log as Python has it
  let following = false; // what comes from Python is not sent back
  let silent = 0;

  function redraw() {
    const { commune } = app.state;
    if (commune < 0) tell([say("redraw_choose")]);
    else python.send({ type: "redraw", view, around: [data.codes[commune]] });
  }
  function tell(sentences) {
    if (sentences.length) app.tell(sentences.join(" "), { wrong: true });
  }
  const place = () => {
    const { name, draft } = app.model.scenarios[app.model.current];
    return { scenario: name, draft };
  };

  /** Tell Python what of the log is another since it was told last. */
  function changed() {
    if (following) return;
    const lines = app.model.lines().map(widgetLine);
    let keep = 0;
    while (keep < known.length && keep < lines.length && widgetSame(known[keep], lines[keep])) keep += 1;
    if (keep === known.length && keep === lines.length) return;
    const of = known.length;
    known = lines;
    python.send({ type: "change", view, of, keep, lines: lines.slice(keep), ...place() });
  }

  function follow(work) {
    following = true;
    try {
      work();
    } finally {
      following = false;
    }
  }
  /** Have the log that Python has, by the shortest way. */
  function take(lines, { scenario, draft }) {
    follow(() => {
      const now = app.model.lines();
      const keep = now.length;
      const added = lines.slice(keep);
      const own = place();
      const begins = own.draft === draft && lines.length > keep && now.every((line, k) => widgetSame(line, lines[k]));
      if (begins && added.every(({ order }) => order === added[0].order)) app.model.step(added, { force: added[0].force });
      const shorter = lines.length < keep && lines.every((line, k) => widgetSame(line, now[k]));
      if (own.draft === draft && shorter && app.model.canUndo) app.model.undo();
      if (own.draft !== draft || !as(lines)) restore(lines, { scenario, draft });
    });
    known = app.model.lines().map(widgetLine);
  }
  function as(lines) {
    const now = app.model.lines();
    return now.length === lines.length && now.every((line, k) => widgetSame(line, lines[k]));
  }
  function restore(lines, { scenario, draft }) {
    const saved = app.model.save();
    const steps = new Set(lines.map(({ order }) => order)).size;
    saved.scenarios[saved.current] = { ...saved.scenarios[saved.current], name: scenario, draft, cursor: steps, lines };
    app.model.restore(saved);
  }

  function heard(message) {
    if (!app || (message.view !== null && message.view !== view && message.type !== "change")) return;
    if (message.type === "state") {
      clearTimeout(silent);
      take(message.lines, message);
      box.dataset.ready = "true";
    } else if (message.type === "change" && message.view === view) {
      const results = app.model.lines().slice(message.keep).map(({ result }) => (result === "fault" ? "refused" : result));
      // By the same rules both did the same; were it not so, Python's draft is the one that counts.
      if (results.length === message.results.length && results.some((each, k) => each !== message.results[k])) {
        python.send({ type: "open", view });
      }
    } else if (message.type === "change") {
      if (message.of === known.length) take([...known.slice(0, message.keep), ...message.lines], message);
      else python.send({ type: "open", view });
    }
    if (message.exact && Object.keys(message.exact).length) app.exact(message.exact);
    if (message.told) tell(message.told);
    box.dataset.lines = String(known.length);
  }

  function built() {
    app = territoriesEditor(container, data, { keep: false });
    if (data.flows) {
      const attributes = { type: "button", class: "te-button te-around", title: say("redraw_title"), onclick: redraw };
      app.shell.tools.append(element("button", attributes, say("redraw_around")));
    }
    box.app = app; // for tests and the curious, as `territoriesWorkshop` is the page's
    app.model.on(changed);
    python.on("msg:custom", heard);
    python.send({ type: "open", view });
    silent = setTimeout(() => tell([say("widget_silent")]), WIDGET_WAIT);
  }
  // The output gets its size once it is on the page.
  const sized = new ResizeObserver(() => {
    if (!container.clientWidth || !container.clientHeight) return;
    if (app) app.stage.resized();
    else built();
  });
  sized.observe(container);
  return () => {
    clearTimeout(silent);
    sized.disconnect();
    python.off("msg:custom", heard);
    if (app) app.ended.abort();
  };
}
