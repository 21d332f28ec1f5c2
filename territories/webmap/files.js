/* Files in and out: the log, the list of communes by territory, the shapes. What comes in is shown
   first, line by line; nothing changes before one says so. */
import { element } from "./elements.js";
import { decodeBytes } from "./cells.js";
import { assignmentText, fileName, geojsonText, logText, parseAssignment, parseLog } from "./log.js";
import { createModel } from "./model.js";
import { toldStep } from "./journal.js";
import { panelButton, panelDialog, panelDownload, panelNow, panelReason, panelTable, panelTerritory } from "./dialogs.js";

const FILES_LARGEST = 4_000_000; // bytes: the communes of a country are far below
const FILES_SHOWN = 200; // rows of a list in sight
const FILES_CSV = "text/csv;charset=utf-8";

/** Whether a text looks like a log: its head has a column of actions. */
function filesIsLog(text) {
  const head = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).find((line) => line.trim()) || "";
  return head
    .split(/[;,\t]/)
    .some((cell) => ["action", "actions"].includes(cell.trim().replace(/^"|"$/g, "").toLowerCase()));
}

/** Read a file: what it holds, or why it cannot be read. Changes nothing. */
function readFile(app, bytes) {
  if (bytes.length > FILES_LARGEST) return { broken: "editor.files_large" };
  if (!bytes.length) return { broken: "editor.files_none" };
  // A picture or a spreadsheet, not a text: only UTF-16, which says so, has zero bytes.
  const wide = [0xfeff, 0xfffe].includes(256 * bytes[0] + bytes[1]);
  if (!wide && bytes.subarray(0, 4_096).includes(0)) return { broken: "editor.files_binary" };
  try {
    const text = decodeBytes(bytes);
    const log = filesIsLog(text);
    const read = log ? parseLog(bytes) : parseAssignment(app.model, bytes);
    if (!read.rejected.length && !(log ? read.lines.length : read.accepted)) return { broken: "editor.files_nothing" };
    return { kind: log ? "log" : "assignment", ...read };
  } catch (problem) {
    if (problem && problem.key) return { broken: problem.key, values: problem.values };
    return { broken: "editor.files_unread" };
  }
}

/** A state of the model with one more scenario, empty, that starts where the current one did. */
function filesFresh(model, name) {
  const state = model.save();
  const { name: parent, draft } = state.scenarios[state.current];
  state.scenarios.push({ name, parent, draft, cursor: 0, lines: [] });
  state.current = state.scenarios.length - 1;
  return state;
}

/** Apply what was read to a model: what became of each line, in the order of the steps. */
function appliedLines(app, read, model, fresh = "") {
  if (fresh) model.restore(filesFresh(model, fresh));
  if (read.kind === "assignment") {
    const { cuts, faults } = model.step(read.lines, { ...app.meeting, date: panelNow(), force: true });
    const rejected = faults.map((fault) => ({ told: fault.values.code, why: panelReason(app, fault, { alone: true }) }));
    const moved = read.lines.filter(({ action }) => action !== "new").length;
    return { applied: moved - faults.length, undone: 0, rejected, cuts };
  }
  const { applied, undone } = model.appendLog(read.lines);
  const sorted = [...read.lines].sort((one, other) => (one.order || 0) - (other.order || 0));
  const added = model.lines().slice(-sorted.length);
  const rejected = added.flatMap((line, k) =>
    line.result === "fault"
      ? [{ row: sorted[k].row, told: toldStep(app, [line]).join(""), why: panelReason(app, line.fault) }]
      : [],
  );
  return { applied, undone, rejected, cuts: [] };
}

export function filesPanel(app) {
  const { model, text, data } = app;
  let read = null; // the file that is shown before it is applied

  const saved = (kind, extension, make, type) => () => {
    panelDownload(app, fileName(model, kind, extension), make(), type);
    if (kind === "log" && app.keeper) app.keeper.written();
    panel.say(text.say("editor.files_written", { file: fileName(model, kind, extension) }));
  };

  function exports() {
    const button = (key, ...rest) =>
      element(
        "li",
        {},
        panelButton(text.say(`editor.files_${key}`), saved(...rest)),
        element("span", { class: "tw-help" }, text.say(`editor.files_${key}_help`)),
      );
    const log = () => logText(model, data.language);
    const shapes = () => geojsonText(model, data.shapes);
    return element(
      "section",
      { "aria-labelledby": "tw-files-out" },
      element("h3", { id: "tw-files-out" }, text.say("editor.files_out")),
      element(
        "ul",
        { class: "tw-list" },
        button("log", "log", "csv", log, FILES_CSV),
        button("assignment", "communes", "csv", () => assignmentText(model), FILES_CSV),
        button("geojson", "territories", "geojson", shapes, "application/geo+json"),
      ),
    );
  }

  function imports() {
    const input = element("input", {
      type: "file",
      id: "tw-file",
      accept: ".csv,.txt,.tsv,text/csv,text/plain",
      hidden: true,
      onchange: () => {
        if (input.files.length) taken(input.files[0]);
        input.value = "";
      },
    });
    return element(
      "section",
      { "aria-labelledby": "tw-files-in" },
      element("h3", { id: "tw-files-in" }, text.say("editor.files_in")),
      element("p", { class: "tw-help" }, text.say("editor.files_in_help")),
      element("p", {}, panelButton(text.say("editor.files_choose"), () => input.click()), input),
    );
  }

  async function taken(file) {
    panel.open();
    read = null;
    let bytes = null;
    try {
      if (file.size > FILES_LARGEST) throw new RangeError("large");
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch {
      panel.refresh();
      panel.say(text.say(file.size > FILES_LARGEST ? "editor.files_large" : "editor.files_unread"), true);
      return;
    }
    const found = readFile(app, bytes);
    if (found.broken) {
      panel.refresh();
      panel.say(text.say(found.broken.includes(".") ? found.broken : `error.${found.broken}`, found.values), true);
      return;
    }
    read = { ...found, file: file.name, fresh: model.lines().length > 0 };
    tried();
    panel.refresh();
    panel.body.querySelector(".tw-preview").focus();
  }

  const freshName = () => {
    const name = text.say("editor.files_scenario", { file: read.file.replace(/\.[^.]*$/, "") });
    const taken = new Set(model.scenarios.map((each) => each.name));
    let [free, k] = [name, 2];
    while (taken.has(free)) free = `${name} (${k++})`;
    return read.kind === "log" && read.fresh ? free : "";
  };

  function tried() {
    const state = model.save();
    const scratch = createModel(data);
    scratch.restore(state);
    read.trial = appliedLines(app, read, scratch, freshName());
  }

  function applied() {
    const { file } = read;
    const { applied: count } = appliedLines(app, read, model, freshName());
    read = null;
    panel.refresh();
    panel.say(text.count("editor.files_applied", count).replace("{file}", () => file));
  }

  function preview() {
    const { trial, rejected, lines, file } = read;
    const unread = rejected.map(({ row, key, values }) => ({
      row,
      told: values.code || "–",
      why: panelReason(app, { key, values }, { alone: read.kind === "assignment" }),
    }));
    const bad = [...unread, ...trial.rejected]
      .sort((one, other) => (one.row || 0) - (other.row || 0))
      .map(({ row, told, why }) => [row ? text.number(row) : "–", told, why]);
    const count = (read.kind === "log" ? lines.length : read.accepted) + rejected.length;
    const applies = read.kind === "log" ? "editor.files_apply_count" : "editor.files_change_count";
    const heads = ["row", "what", "why"].map((head) => text.say(`editor.files_head_${head}`));
    const kind = text.say(`editor.files_kind_${read.kind}`);
    const choice = (fresh) => {
      const input = element("input", {
        type: "radio",
        name: "tw-import-where",
        checked: read.fresh === fresh,
        onchange: () => {
          read.fresh = fresh;
          tried();
          panel.refresh();
        },
      });
      return element("label", { class: "tw-tick" }, input, " ", text.say(`editor.files_where_${fresh ? "fresh" : "after"}`));
    };
    const applicable = trial.applied > 0;
    return element(
      "section",
      { class: "tw-preview tw-part-box", tabindex: "-1", "aria-labelledby": "tw-preview-title" },
      element("h3", { id: "tw-preview-title" }, text.say("editor.files_preview", { file })),
      element(
        "p",
        { class: "tw-count" },
        [
          kind,
          text.count("editor.files_read", count),
          text.count(applies, trial.applied),
          trial.undone ? text.count("editor.files_undone", trial.undone) : null,
          text.count("editor.files_rejected", bad.length),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      ...(read.kind === "log" && model.lines().length
        ? [element("fieldset", {}, element("legend", {}, text.say("editor.files_where")), choice(true), choice(false))]
        : []),
      ...(trial.cuts.length
        ? [element("p", { class: "tw-warning" }, text.say("editor.files_cuts", { names: filesNames(app, trial.cuts) }))]
        : []),
      ...(bad.length
        ? [
            panelTable(heads, bad.slice(0, FILES_SHOWN), { caption: text.say("editor.files_rejects"), numbers: [0] }),
            bad.length > FILES_SHOWN
              ? element("p", { class: "tw-help" }, text.count("editor.files_rest", bad.length - FILES_SHOWN))
              : "",
          ]
        : []),
      element("p", { class: "tw-help" }, text.say("editor.files_nothing_yet")),
      element(
        "p",
        { class: "tw-actions" },
        panelButton(text.say("editor.files_apply"), applied, { class: "tw-button tw-main", disabled: !applicable }),
        panelButton(text.say("editor.files_drop"), () => {
          read = null;
          panel.refresh();
          panel.say(text.say("editor.files_dropped"));
        }),
      ),
    );
  }

  function fill(body) {
    body.replaceChildren(...(read ? [preview()] : []), imports(), exports());
  }

  /** A file dropped anywhere on the page is read like one that was chosen. */
  function droppable(place) {
    place.addEventListener("dragover", (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      app.container.classList.add("tw-dropping");
    });
    place.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) app.container.classList.remove("tw-dropping");
    });
    place.addEventListener("drop", (event) => {
      app.container.classList.remove("tw-dropping");
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      taken(event.dataTransfer.files[0]);
    });
  }

  const panel = panelDialog(app, {
    name: "files",
    title: text.say("editor.files_title"),
    fill,
    wide: true,
    closed: () => (read = null),
  });
  droppable(app.container);
  return { ...panel, taken };
}

const filesNames = (app, ids) => ids.map((id) => panelTerritory(app, id)).join(", ");
