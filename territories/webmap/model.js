/* The model of the workshop: drafts that change by steps, their figures, and their history.

   No word and no element is here: faults are keys and values. Each scenario has its own draft and
   its own history; the steps up to its cursor are its log. */

import { byText, changedBy, changesNothing, journalBetween, knownCommunes, madeDraft, swapJournal, touchedBy } from "./drafts.js";
import { comparedWith, evidenceOf, flowsFrom } from "./evidence.js";
import { figuresOf, madeLayer, totalsOf, whiteZonesOf } from "./measures.js";
import { RULE_ACTIONS, attemptStep, foundTerritory, isLocked, numberedSteps, replaySteps, stepsOf, wholeLine } from "./rules.js";
import { splitLines, splitPiecesLines } from "./splitting.js";

const MODEL_FORMAT = 1;
const MODEL_LONGEST = 1_000; // signs of a reason
const MODEL_SCENARIOS = 100; // that are taken back
const MODEL_LAST = 9_999_999; // number of a step of a file: those that follow have nine digits at most
const MODEL_PART = 999_999_999;
const MODEL_CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const MODEL_TEXTS = ["action", "code", "territory", "target", "author", "date", "reason"];

/** What somebody typed, in one line and without signs that are not seen. */
const modelText = (text) =>
  String(text)
    .replace(/\s+/g, " ")
    .replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, "\ufffd")
    .trim()
    .slice(0, MODEL_LONGEST);

/** Who decided and why, as it is told. */
const modelTold = ({ author = "", reason = "", date = "" }) => ({ author: modelText(author), reason: modelText(reason), date: modelText(date) });

/** Make the model of a payload (see `workshop.payload`). */
export function createModel(data) {
  const layer = madeLayer(data);
  const listeners = new Set();
  const scenarios = [];
  let current = 0;
  let last = null;

  // ---- scenarios

  const sourceOf = (draft) => (draft === 0 ? data : { ...data.drafts[draft - 1] });

  function newScenario(name, { parent = null, draft = 0 } = {}) {
    return { name, parent, source: draft, draft: madeDraft(layer.n, sourceOf(draft)), entries: [], cursor: 0, numbers: new Map() };
  }

  /** Add a step at the cursor; what was undone after it is gone. */
  function append(scenario, lines, { force = false } = {}) {
    scenario.entries.length = scenario.cursor;
    const entry = { order: lines[0].order, lines, results: [], journal: null, all: null };
    const before = scenario.entries;
    let outcome = null;
    if (lines.some(({ action }) => action === "undo")) {
      const draft = madeDraft(layer.n, sourceOf(scenario.source));
      entry.all = replaySteps(layer, draft, [...before.map((each) => each.lines), lines]);
      entry.results = entry.all[before.length];
      entry.journal = journalBetween(scenario.draft, draft);
      swapJournal(scenario.draft, entry.journal);
      outcome = { results: entry.results, cuts: [], kept: true };
    } else {
      outcome = attemptStep(layer, scenario.draft, lines, { force });
      entry.results = outcome.results;
      // Names may change later: the log names territories by their ids.
      entry.lines = lines.map((line, k) => outcome.results[k].line ?? line);
      entry.journal = outcome.journal;
    }
    scenario.entries.push(entry);
    scenario.cursor += 1;
    return { ...outcome, entry };
  }

  const nextOrder = ({ entries, cursor }) => (cursor ? entries[cursor - 1].order + 1 : 1);
  const scenarioNow = () => scenarios[current];
  const draftNow = () => scenarioNow().draft;

  /** Add the steps of a log at the cursor, in its order, with what no longer applies as faults. */
  function appendLog(scenario, lines) {
    const steps = stepsOf(lines);
    const keep = !scenario.cursor && steps.every(([{ order }]) => order > 0 && order <= MODEL_LAST);
    const numbered = keep ? steps : numberedSteps(steps, nextOrder(scenario));
    return numbered.map((each) => append(scenario, each));
  }

  function tell(kind, { touched = [], communes = [], ...more } = {}) {
    for (const listener of [...listeners]) listener({ kind, touched, communes, ...more });
  }

  function readScenario({ name, parent, source, entries, cursor }) {
    return { name, parent, draft: source, lines: entries.flatMap(({ lines }) => lines), cursor };
  }

  // ---- steps

  /** What the last change did: figures of the territories it touched, before it and after it. */
  function measured(journal, entry, kind) {
    const draft = draftNow();
    const touched = touchedBy(journal);
    const figures = () => Object.fromEntries(touched.map((id) => [id, figuresOf(layer, draft, id)]));
    swapJournal(draft, journal);
    const before = figures();
    swapJournal(draft, journal);
    const after = figures();
    last = { step: { order: entry.order, lines: entry.lines, kind }, touched, before, after };
    return { touched, before, after, communes: changedBy(journal) };
  }

  const refusedPublic = () => ({ ok: false, faults: [{ key: "editor.public_copy", values: {} }], cuts: [], ...nothing });
  const nothing = { touched: [], before: {}, after: {}, communes: [] };
  const faultsOf = (results) => results.map(({ fault }) => fault).filter((fault) => fault && fault.key !== "revision_cuts");

  function prepared(lines, { author = "", reason = "", date = "" } = {}) {
    const order = nextOrder(scenarioNow());
    return lines.map((line) => {
      const whole = wholeLine(line);
      return { ...whole, order, author: modelText(whole.author || author), reason: modelText(whole.reason || reason), date: modelText(whole.date || date) };
    });
  }

  function step(lines, { author, reason, date, force = false } = {}) {
    if (data.settings?.public) return refusedPublic();
    const scenario = scenarioNow();
    if (lines.some(({ action }) => action === "undo")) return undoLines(fromFile(scenario, lines), { author, reason, date });
    let wanted = prepared(lines, { author, reason, date });
    // A dry run first: lines that are refused, or that change nothing, are no decisions.
    const tried = attemptStep(layer, scenario.draft, wanted, { force });
    const faults = faultsOf(tried.results);
    if (!tried.kept) return { ok: false, faults, cuts: tried.cuts, ...nothing };
    swapJournal(scenario.draft, tried.journal);
    const ok = !faults.length || tried.results.some(({ result }) => result === "applied");
    fromFile(scenario, lines);
    if (changesNothing(tried.journal)) return { ok, faults, cuts: [], ...nothing };
    const forced = force && tried.cuts.length > 0;
    wanted = wanted.filter((_, k) => tried.results[k].changed).map((line) => ({ ...line, force: line.force || forced }));
    const { entry } = append(scenario, wanted);
    const found = measured(entry.journal, entry, "step");
    tell("step", { touched: found.touched, communes: found.communes });
    return { ok, faults, cuts: tried.cuts, ...found };
  }

  function check(lines, { force = false } = {}) {
    const { draft } = scenarioNow();
    const tried = attemptStep(layer, draft, prepared(lines), { force, orders: ordersNow() });
    if (tried.kept) swapJournal(draft, tried.journal);
    return { faults: faultsOf(tried.results), cuts: tried.cuts };
  }

  const ordersNow = () => new Set(scenarioNow().entries.slice(0, scenarioNow().cursor).map(({ order }) => order));

  /** Steps of a file keep their numbers for the undos of the same file that name them. */
  function fromFile(scenario, lines) {
    const order = Number(lines[0]?.order) || 0;
    if (!order) return lines;
    const known = scenario.numbers;
    if (order <= Math.max(0, ...known.keys())) known.clear();
    known.set(order, nextOrder(scenario));
    return lines.map((line) => {
      if (line.action !== "undo") return line;
      return { ...line, target: String(known.get(Number(line.target)) ?? line.target) };
    });
  }

  /** Undo an earlier step by a line of the log; what follows it is replayed without it. */
  const undoStep = (order, who = {}) => undoLines([{ action: "undo", target: String(order) }], who);

  function undoLines(lines, who) {
    const scenario = scenarioNow();
    if (data.settings?.public) return refusedPublic();
    const wanted = prepared(lines, who);
    const tried = attemptStep(layer, scenario.draft, wanted, { orders: ordersNow(), force: true });
    swapJournal(scenario.draft, tried.journal);
    const applied = wanted.filter((_, k) => tried.results[k].result === "applied");
    if (!applied.some(({ action }) => action === "undo")) return { ok: false, faults: faultsOf(tried.results), cuts: [], ...nothing };
    const place = ({ order, place: at }) => `${order} ${at}`;
    const faulty = () => readLines(scenario).filter(({ result }) => result === "fault");
    const known = new Set(faulty().map(place));
    const { entry } = append(scenario, applied);
    const faults = [...faultsOf(tried.results), ...faulty().filter((each) => !known.has(place(each))).map(({ fault }) => fault)];
    const found = measured(entry.journal, entry, "undoStep");
    tell("undoStep", { touched: found.touched, communes: found.communes });
    return { ok: true, faults, cuts: [], ...found };
  }

  function travel(kind) {
    const scenario = scenarioNow();
    const place = kind === "undo" ? scenario.cursor - 1 : scenario.cursor;
    const entry = scenario.entries[place];
    if (!entry || data.settings?.public) return null;
    swapJournal(scenario.draft, entry.journal);
    scenario.cursor += kind === "undo" ? -1 : 1;
    const found = measured(entry.journal, entry, kind);
    tell(kind, { touched: found.touched, communes: found.communes });
    return { step: { order: entry.order, lines: entry.lines }, ...found };
  }

  /** Lines up to the cursor, each with what became of it. */
  function readLines({ entries, cursor }) {
    const made = entries.slice(0, cursor);
    const results = made.map((entry) => entry.results);
    made.forEach(({ all }) => all && all.forEach((each, k) => (results[k] = each)));
    return made.flatMap(({ lines }, k) =>
      lines.map((line, place) => ({ ...line, place, result: results[k][place].result, fault: results[k][place].fault })),
    );
  }

  // ---- saving

  function save() {
    const listed = scenarios.map(({ name, parent, source, entries, cursor }) => ({
      name,
      parent,
      draft: source,
      cursor,
      lines: entries.flatMap(({ lines }) => lines),
    }));
    return { format: MODEL_FORMAT, id: data.id, current, scenarios: listed };
  }

  /** Take back what `save` gave; faults, and nothing changed, where it is not of this draft. */
  function restore(saved) {
    const wrong = (key) => ({ ok: false, faults: [{ key, values: {} }] });
    if (!savedFits(saved)) return wrong("editor.saved_form");
    if (saved.id !== data.id) return wrong("editor.saved_foreign");
    const made = saved.scenarios.map(({ name, parent, draft, lines, cursor }) => {
      const scenario = newScenario(name, { parent, draft });
      for (const each of stepsOf(lines)) append(scenario, each);
      while (scenario.cursor > cursor) {
        scenario.cursor -= 1;
        swapJournal(scenario.draft, scenario.entries[scenario.cursor].journal);
      }
      return scenario;
    });
    scenarios.splice(0, scenarios.length, ...made);
    current = saved.current;
    last = null;
    tellAll("restore");
    return { ok: true, faults: [] };
  }

  function savedFits(saved) {
    const text = (value) => typeof value === "string";
    const whole = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
    const line = (each) =>
      each && MODEL_TEXTS.every((field) => text(each[field])) && RULE_ACTIONS.includes(each.action) &&
      !["code", "territory", "target"].some((field) => MODEL_CONTROL.test(each[field])) &&
      whole(each.order, 1, 2 * MODEL_LAST) && Array.isArray(each.parts) && each.parts.every((part) => whole(part, 0, MODEL_PART));
    const drafts = 1 + (data.drafts?.length ?? 0);
    return (
      saved?.format === MODEL_FORMAT && Array.isArray(saved.scenarios) && saved.scenarios.length > 0 &&
      saved.scenarios.length <= MODEL_SCENARIOS &&
      Number.isInteger(saved.current) && saved.current >= 0 && saved.current < saved.scenarios.length &&
      saved.scenarios.every(
        (each) => each && text(each.name) && (each.parent === null || text(each.parent)) && Array.isArray(each.lines) && each.lines.every(line) &&
          Number.isInteger(each.draft) && each.draft >= 0 && each.draft < drafts &&
          Number.isInteger(each.cursor) && each.cursor >= 0,
      )
    );
  }

  const everyCommune = () => data.codes.map((_, commune) => commune);
  const tellAll = (kind) => tell(kind, { touched: [...draftNow().territories.keys()].sort(byText), communes: everyCommune() });

  scenarios.push(newScenario(data.draft?.name ?? ""));
  (data.drafts ?? []).forEach(({ name }, k) => scenarios.push(newScenario(name, { draft: k + 1 })));
  appendLog(scenarios[0], data.log ?? []);

  const described = (each) => ({ ...each, locked: isLocked(each), empty: draftNow().inside.get(each.id).size === 0 });
  const listedTerritories = () => [...draftNow().territories.values()].sort((one, other) => byText(one.id, other.id)).map(described);

  const model = {
    data,
    n: layer.n,
    get scenarios() {
      return scenarios.map(readScenario);
    },
    get current() {
      return current;
    },
    get last() {
      return last;
    },
    get canUndo() {
      return scenarioNow().cursor > 0 && !data.settings?.public;
    },
    get canRedo() {
      return scenarioNow().cursor < scenarioNow().entries.length && !data.settings?.public;
    },
    communeOf: (code) => layer.place.get(code) ?? -1,
    territories: listedTerritories,
    territory: (id) => (draftNow().territories.has(id) ? described(draftNow().territories.get(id)) : null),
    colourOf: (id) => draftNow().territories.get(id)?.colour ?? null,
    found: (text) => foundTerritory(draftNow(), text),
    members: (commune) => draftNow().members[commune],
    main: (commune) => draftNow().members[commune][0]?.[0] ?? null,
    claims: (commune) => draftNow().claims[commune],
    communesOf: (id) => (draftNow().inside.has(id) ? knownCommunes(draftNow(), id) : []),
    figures: (id) => figuresOf(layer, draftNow(), id),
    whiteZones: () => whiteZonesOf(layer, draftNow()),
    totals: () => totalsOf(layer, draftNow()),
    check,
    step,
    undo: () => travel("undo"),
    redo: () => travel("redo"),
    undoStep,
    lines: () => readLines(scenarioNow()),
    appendLog(lines) {
      const scenario = scenarioNow();
      if (data.settings?.public) return { applied: 0, faults: [{ key: "editor.public_copy", values: {} }] };
      const from = scenario.cursor;
      appendLog(scenario, lines.map((each) => ({ ...each, ...modelTold(each) })));
      const orders = new Set(scenario.entries.slice(from).map(({ order }) => order));
      const added = readLines(scenario).filter(({ order }) => orders.has(order));
      last = null;
      tellAll("log");
      return {
        applied: added.filter(({ result }) => result === "applied").length,
        undone: added.filter(({ result }) => result === "undone").length,
        faults: added.map(({ fault }) => fault).filter(Boolean),
        lines: added,
      };
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    freshId() {
      const stem = data.language === "fr" ? "nouveau" : "new";
      const used = new Set(scenarioNow().entries.flatMap(({ lines }) => lines.map(({ territory }) => territory)));
      for (const { id, name } of draftNow().territories.values()) used.add(id).add(name);
      let number = 1;
      while (used.has(`${stem}-${number}`)) number += 1;
      return `${stem}-${number}`;
    },
    split: (id, commune) => splitLines(layer, draftNow(), { id, commune, made: model.freshId(), codes: data.codes }),
    splitPieces: (id) => splitPiecesLines(layer, draftNow(), { id, made: model.freshId(), codes: data.codes }),
    flowsOf: (commune) => flowsFrom(layer, commune),
    claimEvidence: (commune) => evidenceOf(layer, draftNow(), commune),
    compare: (k) => comparedWith(layer, draftNow(), scenarios[k].draft),
    switchTo(k) {
      if (!scenarios[k] || k === current) return;
      current = k;
      last = null;
      tellAll("scenario");
    },
    duplicate(name) {
      const { name: parent, source, entries, cursor } = scenarioNow();
      const copy = newScenario(name, { parent, draft: source });
      for (const { lines } of entries.slice(0, cursor)) append(copy, lines);
      scenarios.push(copy);
      current = scenarios.length - 1;
      last = null;
      tellAll("scenario");
      return current;
    },
    renameScenario(k, name) {
      scenarios[k].name = name;
      tell("scenarios");
    },
    removeScenario(k) {
      if (scenarios.length < 2 || !scenarios[k]) return;
      scenarios.splice(k, 1);
      const moved = current === k;
      if (current >= k && current > 0) current -= 1;
      if (moved) {
        last = null;
        tellAll("scenario");
      } else tell("scenarios");
    },
    save,
    restore,
  };
  return model;
}
