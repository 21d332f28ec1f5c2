/* Steps of the draft: done, refused with the reason, or asked when they cut a territory. */
import { capital } from "./words.js";

/** Today as the log writes it, in the time of the place. */
function stamp() {
  const now = new Date();
  const two = (value) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${day}T${two(now.getHours())}:${two(now.getMinutes())}`;
}

export function stepping(app) {
  const { model, text } = app;
  let quiet = false; // a step that came from Python is not sent back to it

  const quoted = (ids) => ids.map((id) => text.say("editor.quoted", { name: app.nameOf(id) })).join(text.say("and"));

  /** Why, without the number of a decision that is just being tried and the commune in sight. */
  function faultWords({ key, values = {} }) {
    const template = app.data.words[key.startsWith("error.") ? key : `error.${key}`];
    if (!template) return key;
    const reason = template.replace(/^[^:]*\{code\}\)\s*:\s*/, "");
    return capital(reason.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)));
  }
  /** Several communes of one locked territory are one reason. */
  app.tellFaults = (faults) => {
    const reasons = [...new Set(faults.map(faultWords))];
    const more = reasons.length > 2 ? [app.say("faults_more", { count: text.number(reasons.length - 2) })] : [];
    app.tell([...reasons.slice(0, 2), ...more].join(" "), { wrong: true });
  };

  /** Do a step of lines; true when the draft has changed. */
  app.step = async (lines, { force = false, reason = "" } = {}) => {
    if (!app.editable || !lines.length) return false;
    if (app.asking()) app.answer(false);
    const { author = "", reason: why = "" } = app.meeting;
    const about = { author, reason: reason || why, date: stamp() };
    const told = (done) => {
      if (done.faults.length) app.tellFaults(done.faults);
      else app.tellStep(done);
      return done.touched.length > 0;
    };
    const done = model.step(lines, { ...about, force });
    if (force || !done.cuts.length) return told(done);
    const yes = await app.ask(app.say(done.cuts.length > 1 ? "cuts_several" : "cuts", { names: quoted(done.cuts) }), [
      { value: true, label: app.say("force") },
    ]);
    if (!yes) {
      app.announce(app.say("not_done"));
      app.refresh({ communes: lines.map(({ code }) => app.numberOf(code)).filter((k) => k >= 0), touched: [] });
      return false;
    }
    return told(model.step(lines, { ...about, force: true }));
  };
  app.tellStep = ({ communes = [], touched = [] }) => {
    const names = touched.map(app.nameOf).join(", ");
    app.announce(app.say("done", { communes: text.count("communes", communes.length), names }));
  };
  app.undo = () => {
    if (app.asking()) return app.answer(false);
    if (!model.canUndo) return app.announce(app.say("nothing_to_undo"));
    model.undo();
    app.announce(app.say("undone"));
  };
  app.redo = () => {
    if (!model.canRedo) return app.announce(app.say("nothing_to_redo"));
    model.redo();
    app.announce(app.say("redone"));
  };
  /** Do what Python did: it is not told of it again. */
  app.remote = (lines) => {
    quiet = true;
    try {
      return model.step(lines, { force: true });
    } finally {
      quiet = false;
    }
  };

  const numbers = new Map(app.data.codes.map((code, commune) => [code, commune]));
  app.numberOf = (code) => numbers.get(code) ?? -1;

  model.on((change) => {
    for (const id of change.touched || []) app.exactFigures.delete(id);
    app.refresh(change);
    const { last } = model;
    if (app.onStep && !quiet) app.onStep({ lines: last ? last.step.lines : [], kind: change.kind });
  });
}
