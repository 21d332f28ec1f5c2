/* The draft kept in the browser: written after each change, offered again when the page opens. */
import { panelAsk, panelDate, panelNow, panelTell } from "./dialogs.js";

const KEEPER_WAIT = 250; // milliseconds: one writing for a stroke of the brush

function keeperStore() {
  try {
    const store = window.localStorage;
    const probe = "territories:probe";
    store.setItem(probe, "1");
    store.removeItem(probe);
    return store;
  } catch {
    return null; // refused by the browser (private window, file:// in some of them)
  }
}

function keeperRead(store, key) {
  try {
    const kept = JSON.parse(store.getItem(key));
    return kept && typeof kept === "object" && kept.state && typeof kept.date === "string" ? kept : null;
  } catch {
    return null; // not ours, or cut off: as if there were none
  }
}

function keeperWrite(store, key, kept) {
  try {
    store.setItem(key, JSON.stringify(kept));
    return true;
  } catch {
    return false; // full
  }
}

/** Keep the draft; `kept.ready` is a promise that is there once the reader has chosen. */
export function keeper(app) {
  const { model, text, data } = app;
  const key = `territories:${data.id}`;
  const aside = `${key}:aside`;
  const store = keeperStore();
  const kept = { works: Boolean(store), unsaved: false, unwritten: false, saved: null };
  let timer = 0;

  function write() {
    clearTimeout(timer);
    timer = 0;
    const state = { state: model.save(), meeting: app.meeting, date: panelNow() };
    if (store && keeperWrite(store, key, state)) {
      kept.unsaved = false;
      kept.works = true;
      kept.saved = state.date;
      return;
    }
    if (kept.works) panelTell(app, text.say("editor.keeper_refused"), true);
    kept.works = false;
  }

  function changed() {
    kept.unsaved = true;
    kept.unwritten = true;
    if (store && !timer) timer = setTimeout(write, KEEPER_WAIT);
  }

  function resume(saved) {
    try {
      if (!model.restore(saved.state).ok) throw new Error("refused");
      const { author, reason } = saved.meeting || {};
      const typed = (text) => (typeof text === "string" ? text : "");
      Object.assign(app.meeting, { author: typed(author), reason: typed(reason) });
      panelTell(app, text.say("editor.keeper_resumed"));
      return true;
    } catch {
      panelTell(app, text.say("editor.keeper_broken"), true);
      return false;
    }
  }

  async function offered() {
    const fresh = JSON.stringify(model.save());
    const saved = store && keeperRead(store, key);
    if (saved && JSON.stringify(saved.state) !== fresh) {
      const answer = await panelAsk(app, {
        title: text.say("editor.keeper_title"),
        sentence: text.say("editor.keeper_ask", { date: panelDate(app, saved.date) }),
        accept: text.say("editor.keeper_resume"),
        refuse: text.say("editor.keeper_fresh"),
      });
      // What is not taken up is put aside, not lost.
      if (!answer || !resume(saved)) keeperWrite(store, aside, saved);
    }
    if (!store) panelTell(app, text.say("editor.keeper_refused"), true);
    model.on(changed);
    app.keep = changed;
    window.addEventListener("storage", (event) => {
      if (event.key === key && event.newValue) panelTell(app, text.say("editor.keeper_twice"), true);
    });
  }

  // A change of the last quarter of a second is written when the page goes.
  window.addEventListener("pagehide", () => timer && write());
  window.addEventListener("beforeunload", (event) => {
    if (timer) write();
    if (kept.unsaved && kept.unwritten) event.preventDefault();
  });
  kept.ready = offered();
  /** A file of the log was written: nothing is lost any more. */
  kept.written = () => {
    kept.unwritten = false;
  };
  kept.aside = () => store && keeperRead(store, aside);
  kept.resume = resume;
  return kept;
}
