/* The log of the decisions as people read it: what was decided, by whom, when, why; undone by line. */
import { element } from "./elements.js";
import { panelAsk, panelButton, panelDate, panelDialog, panelNow, panelReason, panelTable, panelTerritory } from "./dialogs.js";
import { statusNamed } from "./rules.js";

const JOURNAL_NAMED = 3; // communes named in a sentence; the others are counted, and listed below
const JOURNAL_SHOWN = 200; // decisions in sight; older ones on demand

/** Lines with the same order are one decision; lines without order are each one. */
function logSteps(lines) {
  const steps = [];
  for (const line of lines) {
    const last = steps[steps.length - 1];
    if (last && line.order && last.order === line.order) last.lines.push(line);
    else steps.push({ order: line.order, lines: [line] });
  }
  return steps;
}

/** Sentences that tell a decision: lines of one kind and one target are told together. */
export function toldStep(app, lines) {
  const groups = [];
  for (const line of lines) {
    const key = [line.action, line.target, line.territory, (line.parts || []).join()].join("\n");
    const last = groups[groups.length - 1];
    if (last && last.key === key && line.code) last.lines.push(line);
    else groups.push({ key, lines: [line] });
  }
  return groups.map((group) => journalSentence(app, group.lines));
}

function communeNamed(app, code) {
  const known = app.model.communeOf(code);
  return known < 0 ? code : app.data.names[known];
}

function journalSentence(app, lines) {
  const { text } = app;
  const [line] = lines;
  const named = lines.slice(0, JOURNAL_NAMED).map((each) => communeNamed(app, each.code));
  const others = lines.length - named.length;
  const communes = others
    ? text.say("editor.told_others", { names: named.join(", "), count: text.number(others) })
    : journalJoined(app, named);
  const action = `editor.told_${line.action}`;
  if (!app.data.words[action]) return line.action;
  // Only locks are of all territories; a file may say "*" in any line.
  const wanted = lines.length > 1 ? "_many" : line.territory === "*" ? "_all" : "";
  const sentence = text.say(app.data.words[action + wanted] ? action + wanted : action, {
    communes,
    target: journalTarget(app, line),
    territory: journalSubject(app, line),
  });
  return line.force ? `${sentence} ${text.say("editor.told_forced")}` : sentence;
}

function journalJoined(app, names) {
  if (names.length < 2) return names.join("");
  const last = names[names.length - 1];
  return app.text.say("editor.told_and", { names: names.slice(0, -1).join(", "), last });
}

/** Who a decision is about; of one renamed, the name it had in the draft. */
function journalSubject(app, { action, territory }) {
  const first = app.data.territories.find((each) => each.id === territory);
  return action === "rename" && first ? first.name : panelTerritory(app, territory);
}

function journalTarget(app, line) {
  const target = line.target == null ? "" : String(line.target);
  if (line.action === "status") {
    const status = target ? statusNamed(target) : "none";
    return status ? app.text.say(`editor.status_${status}`) : target; // one that a file invents
  }
  if (line.action === "new") return target || line.territory;
  if (["rename", "colour", "undo"].includes(line.action)) return target;
  const parts = line.parts || [];
  const names = target.split("|").map((id, k) => {
    const name = panelTerritory(app, id);
    return k < parts.length ? `${name} (${parts[k]})` : name;
  });
  return journalJoined(app, names);
}

/** Who decides, and why: said once, then written on each line. */
function journalMeeting(app) {
  const { text } = app;
  const field = (name) => {
    const input = element("input", {
      id: `tw-meeting-${name}`,
      value: app.meeting[name],
      maxlength: 300,
      autocomplete: "off",
      oninput: () => {
        app.meeting[name] = input.value.trim();
        if (app.keep) app.keep();
      },
    });
    const label = element("label", { for: input.id }, text.say(`editor.log_${name}`));
    return element("p", { class: "tw-field" }, label, input);
  };
  return element(
    "section",
    { class: "tw-meeting", "aria-label": text.say("editor.log_meeting") },
    element("p", { class: "tw-help" }, text.say("editor.log_meeting_help")),
    field("author"),
    field("reason"),
  );
}

function journalResult(app, step) {
  const { text } = app;
  const results = step.lines.map((line) => line.result || "applied");
  const faults = step.lines.filter((line) => line.result === "fault");
  if (results.every((each) => each === "undone")) return text.say("editor.log_undone");
  if (!faults.length) return text.say("editor.log_applied");
  const reasons = [...new Set(faults.map((line) => panelReason(app, line.fault)))];
  const head = faults.length === results.length ? "editor.log_refused" : "editor.log_partly";
  return `${text.say(head)} ${reasons.join(" ")}`;
}

function journalTold(app, step) {
  const sentences = toldStep(app, step.lines);
  const list = sentences.map((sentence) => element("div", {}, sentence));
  const codes = step.lines.filter((line) => line.code);
  if (codes.length <= JOURNAL_NAMED) return element("div", {}, ...list);
  const names = codes.map((line) => `${communeNamed(app, line.code)} (${line.code})`).join(", ");
  const summary = element("summary", {}, app.text.count("editor.log_communes", codes.length));
  return element("div", {}, ...list, element("details", {}, summary, element("p", {}, names)));
}

export function logPanel(app) {
  const { model, text, data } = app;
  const meeting = journalMeeting(app);
  const list = element("div", {});
  let shown = JOURNAL_SHOWN;

  async function undone(step) {
    const answer = await panelAsk(app, {
      title: text.say("editor.log_undo_title", { order: step.order }),
      sentence: toldStep(app, step.lines).join(" ; "),
      fields: [{ name: "reason", label: text.say("editor.log_undo_reason") }],
      accept: text.say("editor.log_undo_accept"),
    });
    if (!answer) return;
    const reason = answer.reason || app.meeting.reason;
    const result = model.undoStep(step.order, { author: app.meeting.author, reason, date: panelNow() });
    // What came later and stood on this decision may no longer apply: it is said.
    const why = result.faults.map((each) => panelReason(app, each));
    const done = result.ok ? [text.say("editor.log_undo_done", { order: step.order })] : [];
    panel.say([...done, ...why].join(" "), why.length > 0);
  }

  function row(step) {
    const [first] = step.lines;
    const off = step.lines.every((line) => line.result && line.result !== "applied");
    const label = text.say("editor.log_undo_title", { order: step.order });
    const button =
      step.order > 0 && !off && !data.settings.public
        ? panelButton(text.say("editor.log_undo"), () => undone(step), { "aria-label": label })
        : "";
    return [
      step.order ? text.number(step.order) : "–",
      journalTold(app, step),
      first.author || "–",
      panelDate(app, first.date) || "–",
      first.reason || "–",
      journalResult(app, step),
      button,
    ];
  }

  function fill(body) {
    if (!body.contains(meeting)) body.replaceChildren(meeting, list);
    for (const name of ["author", "reason"]) {
      const input = meeting.querySelector(`#tw-meeting-${name}`);
      if (input.value.trim() !== app.meeting[name]) input.value = app.meeting[name];
    }
    const steps = logSteps(model.lines()).reverse();
    if (!steps.length) {
      list.replaceChildren(element("p", { class: "tw-help" }, text.say("editor.log_empty")));
      return;
    }
    const heads = ["order", "what", "who", "date", "why", "result", "action"];
    const table = panelTable(
      heads.map((head) => text.say(`editor.log_head_${head}`)),
      steps.slice(0, shown).map(row),
      { caption: text.say("editor.log_title"), numbers: [0] },
    );
    const more = () => {
      shown += JOURNAL_SHOWN;
      fill(body);
    };
    const rest = steps.length - shown;
    list.replaceChildren(
      element("p", { class: "tw-count" }, text.count("editor.log_steps", steps.length)),
      table,
      rest > 0 ? panelButton(text.count("editor.log_more", rest), more) : "",
    );
  }

  const panel = panelDialog(app, { name: "log", title: text.say("editor.log_title"), fill, wide: true });
  return panel;
}
