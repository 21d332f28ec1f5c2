/* The rules by which decisions change a draft: the same as those of Python's `revise`, so that a log
   made in the page gives the same territories when it is replayed. */

import { byText, forgetKnown, knownPieces, newJournal, orderedMembers, putClaims, putMembers, putTerritory, swapJournal } from "./drafts.js";

export const RULE_ACTIONS = [
  "move", "release", "share", "claim", "withdraw", "new", "rename", "colour", "merge", "lock", "unlock", "status", "undo",
];
export const RULE_STATUSES = ["initiative", "engineering", "contracting", "running"];

const RULE_LOCKING = ["contracting", "running"];
const RULE_STATUS_WORDS = ["initiative", "ingenierie", "contractualisation", "fonctionnement"];
const RULE_OF_COMMUNES = ["move", "release", "share", "claim", "withdraw"];
const RULE_OF_TERRITORIES = ["rename", "colour", "merge", "lock", "unlock", "status"];
const RULE_TO_ONE = ["move", "claim", "withdraw", "merge"];
const RULE_SAME = 1e-9; // weights nearer than this are the same
const RULE_LONGEST = 120;
const RULE_CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const RULE_TURNING = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g; // signs that turn the text

/** A name as it is looked for: accents, case, hyphens, apostrophes and blanks aside. */
export function foldedName(text) {
  return text
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .replace(/œ/g, "oe")
    .replace(/[\s'’ʼ`´‐‑‒–—−-]+/g, " ")
    .trim();
}

/** Our name of a status, from its word in either language; null where there is none. */
export function statusNamed(text) {
  const wanted = foldedName(text);
  const place = RULE_STATUS_WORDS.indexOf(wanted);
  if (place >= 0) return RULE_STATUSES[place];
  return RULE_STATUSES.includes(wanted) ? wanted : null;
}

/** Whether a territory may neither gain nor lose communes. */
export const isLocked = ({ lock, status }) => (lock == null ? RULE_LOCKING.includes(status) : lock);

/** A line with all its fields. */
export function wholeLine(line) {
  return {
    order: Number.isInteger(line.order) && line.order > 0 ? line.order : 0,
    action: String(line.action ?? ""),
    code: String(line.code ?? ""),
    territory: String(line.territory ?? ""),
    target: String(line.target ?? ""),
    parts: [...(line.parts ?? [])],
    author: String(line.author ?? ""),
    date: String(line.date ?? ""),
    reason: String(line.reason ?? ""),
    force: Boolean(line.force),
  };
}

const ruleFolded = new WeakMap();

/** The name of a territory as it is looked for, folded once. */
function ruleFoldedName(territory) {
  if (!ruleFolded.has(territory)) ruleFolded.set(territory, foldedName(territory.name));
  return ruleFolded.get(territory);
}

// ---------------------------------------------------------------- one line

class RuleFault extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** A code as it was before a spreadsheet took it for a number. */
export const withZeros = (text) => (/^[0-9]+$/.test(text) ? text.padStart(5, "0") : text);

/** Find a territory by its id, its name, this but for accents and case, or an id but for zeros. */
export function foundTerritory(draft, text, key = "revision_target") {
  if (draft.territories.has(text)) return text;
  const all = [...draft.territories.values()];
  const exact = all.filter(({ name }) => text && name === text);
  const wanted = foldedName(text);
  const alike = exact.length ? exact : all.filter((each) => wanted && ruleFoldedName(each) === wanted);
  if (alike.length > 1) {
    throw new RuleFault("revision_ambiguous", { value: text, values: alike.map(({ id }) => id).sort(byText).join(", ") });
  }
  if (!alike.length && draft.territories.has(withZeros(text))) return withZeros(text);
  if (!alike.length) {
    throw new RuleFault(key, key === "revision_target" ? { target: text } : { territory: text });
  }
  return alike[0].id;
}

function ruleRefuseLocked(draft, ids) {
  const locked = ids.map((id) => draft.territories.get(id)).filter(isLocked);
  if (locked.length) throw new RuleFault("revision_locked", { territories: locked.map(({ name }) => name).join(", ") });
}

/** Put a commune in other territories, none of those concerned being locked. */
function rulePut(draft, journal, commune, members) {
  const before = new Map(draft.members[commune]);
  const after = new Map(members);
  const changed = [...new Set([...before.keys(), ...after.keys()])]
    .filter((id) => Math.abs((before.get(id) ?? 0) - (after.get(id) ?? 0)) > RULE_SAME)
    .sort(byText);
  ruleRefuseLocked(draft, changed);
  if (changed.length) putMembers(draft, journal, commune, orderedMembers(members));
  putClaims(draft, journal, commune, []);
}

function ruleShare(layer, draft, journal, line, commune) {
  if (!layer.overlaps) throw new RuleFault("revision_overlap");
  const targets = line.target.split("|").map((text) => foundTerritory(draft, text.trim()));
  const parts = line.parts.length ? line.parts : targets.map(() => 1);
  const fits = targets.length > 1 && targets.length <= 3 && new Set(targets).size === targets.length;
  if (!fits || parts.length !== targets.length || !parts.every((part) => Number.isInteger(part) && part > 0)) {
    throw new RuleFault("revision_share");
  }
  const sum = parts.reduce((all, part) => all + part, 0);
  rulePut(draft, journal, commune, targets.map((id, k) => [id, parts[k] / sum]));
  return targets;
}

function ruleMerge(draft, journal, subject, target) {
  if (subject === target) throw new RuleFault("revision_self", { territory: draft.territories.get(subject).name });
  ruleRefuseLocked(draft, [subject, target]);
  for (const commune of [...draft.inside.get(subject)].sort((one, other) => one - other)) {
    const weights = new Map(draft.members[commune]);
    weights.set(target, (weights.get(target) ?? 0) + weights.get(subject));
    weights.delete(subject);
    putMembers(draft, journal, commune, orderedMembers([...weights]));
    putClaims(draft, journal, commune, draft.claims[commune].filter((id) => id !== target));
  }
  draft.claims.forEach((claims, commune) => {
    if (!claims.includes(subject)) return;
    const left = new Set(claims.filter((id) => id !== subject));
    if (draft.members[commune].every(([id]) => id !== target)) left.add(target);
    putClaims(draft, journal, commune, [...left].sort(byText));
  });
  forgetKnown(draft, journal, subject);
  putTerritory(draft, journal, subject, null);
}

function ruleRefuseName(draft, name, but) {
  if (!name || [...name].length > RULE_LONGEST || RULE_CONTROL.test(name)) throw new RuleFault("revision_name");
  for (const each of draft.territories.values()) {
    if (each.id !== but && (each.id === name || each.name === name)) throw new RuleFault("revision_exists", { value: name });
  }
}

/** A name in one line, as a file gives it back. */
const ruleName = (text) => (RULE_CONTROL.test(text) ? text : text.replace(/\s+/g, " ").replace(RULE_TURNING, "\ufffd")).trim();

/** Apply a line that says something of a territory: that it exists, its name, its look. */
function ruleSay(draft, journal, line, subject) {
  const text = ruleName(line.target);
  const known = draft.territories.get(subject);
  if (line.action === "new") {
    const id = ruleName(line.territory);
    ruleRefuseName(draft, id, null);
    ruleRefuseName(draft, text || id, null);
    putTerritory(draft, journal, id, { id, name: text || id, colour: null, status: null, lock: null, commune: -1 });
  } else if (line.action === "rename") {
    ruleRefuseName(draft, text, subject);
    putTerritory(draft, journal, subject, { ...known, name: text });
  } else if (line.action === "colour") {
    if (!/^#[0-9a-f]{6}$/i.test(text)) throw new RuleFault("revision_colour", { value: text });
    putTerritory(draft, journal, subject, { ...known, colour: text.toLowerCase() });
  } else {
    const status = text ? statusNamed(text) : null;
    if (text && !status) throw new RuleFault("revision_status", { value: text });
    putTerritory(draft, journal, subject, { ...known, status, lock: null });
  }
}

/** Apply one line, or throw what is wrong with it; a line that is wrong changes nothing. Gives the
    line with its territories by their ids. */
function ruleChange(layer, draft, journal, line, orders) {
  if (!RULE_ACTIONS.includes(line.action)) {
    throw new RuleFault("revision_action", { action: line.action });
  }
  const commune = layer.place.get(line.code);
  if (RULE_OF_COMMUNES.includes(line.action) && commune === undefined) throw new RuleFault("revision_commune");
  const everywhere = line.territory === "*" && (line.action === "lock" || line.action === "unlock");
  const named = RULE_OF_TERRITORIES.includes(line.action) && !everywhere;
  const subject = named ? foundTerritory(draft, line.territory, "revision_territory") : null;
  const target = RULE_TO_ONE.includes(line.action) ? foundTerritory(draft, line.target) : null;
  if (line.action === "move") rulePut(draft, journal, commune, [[target, 1]]);
  else if (line.action === "release") rulePut(draft, journal, commune, []);
  else if (line.action === "share") return { ...line, target: ruleShare(layer, draft, journal, line, commune).join("|") };
  else if (line.action === "claim") {
    const member = draft.members[commune].some(([id]) => id === target);
    if (!member) putClaims(draft, journal, commune, [...new Set([...draft.claims[commune], target])].sort(byText));
  } else if (line.action === "withdraw") {
    putClaims(draft, journal, commune, draft.claims[commune].filter((id) => id !== target));
  } else if (line.action === "merge") ruleMerge(draft, journal, subject, target);
  else if (line.action === "undo") {
    if (ruleUndoneBy(line, orders) === null) throw new RuleFault("revision_undo", { target: line.target });
  } else if (line.action === "lock" || line.action === "unlock") {
    const lock = line.action === "lock";
    for (const id of everywhere ? [...draft.territories.keys()] : [subject]) {
      putTerritory(draft, journal, id, { ...draft.territories.get(id), lock });
    }
  } else ruleSay(draft, journal, line, subject);
  return { ...line, territory: subject ?? line.territory.trim(), target: target ?? line.target.trim() };
}

// ---------------------------------------------------------------- steps

/** The earlier step that an undo names; null where there is none. */
function ruleUndoneBy(line, orders) {
  const text = line.target.trim();
  const order = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  return orders.has(order) && order < line.order ? order : null;
}

/** Gather lines of one order; those that have none are each a step of its own, and first. */
export function stepsOf(lines) {
  const sorted = lines.map(wholeLine).sort((one, other) => one.order - other.order);
  const steps = [];
  for (const line of sorted) {
    const last = steps[steps.length - 1];
    if (line.order && last && last[0].order === line.order) last.push(line);
    else steps.push([line]);
  }
  return steps;
}

/** Number steps from `first` on, and the steps that undos name with them. */
export function numberedSteps(steps, first) {
  const numbers = new Map(steps.map(([line], k) => [line.order || null, first + k]));
  return steps.map((lines, k) =>
    lines.map((line) => {
      const named = line.action === "undo" && numbers.get(Number(line.target.trim()));
      return { ...line, order: first + k, target: named ? String(named) : line.target };
    }),
  );
}

/** Apply one step to the draft: line by line, and not at all if it cuts a territory unforced. */
export function attemptStep(layer, draft, lines, { orders = new Set(), force = false } = {}) {
  const journal = newJournal();
  const results = lines.map((line) => {
    const version = draft.version;
    try {
      const resolved = ruleChange(layer, draft, journal, line, orders);
      const changed = line.action === "undo" || draft.version !== version;
      return { result: "applied", changed, fault: null, line: resolved };
    } catch (problem) {
      if (!(problem instanceof RuleFault)) throw problem;
      const values = { order: String(line.order), code: line.code || line.territory || "–", ...problem.values };
      return { result: "fault", changed: false, fault: { key: problem.key, values } };
    }
  });
  for (const [id, before] of journal.territories) {
    const made = draft.territories.get(id);
    if (!before && made && !made.colour) putTerritory(draft, journal, id, { ...made, colour: ruleFreeColour(layer, draft, id) });
  }
  const cuts = cutBy(layer, draft, journal);
  const done = lines.filter((_, k) => results[k].result === "applied");
  if (!cuts.length || force || lines.some((line) => line.force)) return { journal, results, cuts, kept: true };
  const values = {
    order: String(done[0].order),
    code: (done[0].code || done[0].territory || "–") + (done.length > 1 ? ", …" : ""),
    territories: cuts.map((id) => draft.territories.get(id).name).join(", "),
  };
  swapJournal(draft, journal);
  const fault = { key: "revision_cuts", values };
  return {
    journal: newJournal(),
    results: results.map((each) => ({ ...each, result: "fault", fault: each.fault ?? fault })),
    cuts,
    kept: false,
  };
}

/** Territories that a journal left in more pieces than they were. */
function cutBy(layer, draft, journal) {
  const count = (id) => (draft.inside.has(id) ? knownPieces(layer, draft, id).length : 0);
  const ids = [...journal.known.keys()].filter((id) => draft.inside.has(id));
  const after = new Map(ids.map((id) => [id, count(id)]));
  if (ids.every((id) => after.get(id) <= 1)) return [];
  swapJournal(draft, journal);
  const before = new Map(ids.map((id) => [id, count(id)]));
  swapJournal(draft, journal);
  return ids.filter((id) => after.get(id) > Math.max(1, before.get(id))).sort(byText);
}

/** How alike two colours look: 1 the same, 0 far apart. */
function ruleAlike(one, other) {
  const part = (colour, k) => parseInt(colour.slice(2 * k + 1, 2 * k + 3), 16);
  const red = (part(one, 0) + part(other, 0)) / 512;
  const weights = [2 + red, 4, 3 - red]; // the eye's, for red, green and blue
  const squares = weights.map((weight, k) => weight * (part(one, k) - part(other, k)) ** 2);
  return Math.max(0, 1 - Math.sqrt(squares[0] + squares[1] + squares[2]) / 300);
}

/** The colour of the palette least like those of the neighbours of a new territory, then the rarest. */
function ruleFreeColour(layer, draft, id) {
  const used = new Map(layer.palette.map((colour) => [colour, 0]));
  const count = (territory, weight) => {
    const colour = draft.territories.get(territory)?.colour;
    if (used.has(colour)) used.set(colour, used.get(colour) + weight);
  };
  for (const each of draft.territories.keys()) if (each !== id) count(each, 1);
  const near = new Set();
  for (const commune of draft.inside.get(id)) {
    for (let at = layer.rows.start[commune]; at < layer.rows.start[commune + 1]; at += 1) {
      for (const [other] of draft.members[layer.rows.near[at]]) if (other !== id) near.add(other);
    }
  }
  for (const each of near) {
    count(each, 1_000);
    const colour = draft.territories.get(each)?.colour;
    if (colour) for (const [own, weight] of used) used.set(own, weight + 20 * ruleAlike(own, colour));
  }
  return [...used].reduce((best, each) => (each[1] < best[1] ? each : best))[0];
}

/** Replay steps on a draft: what became of each line. Steps that are undone do not count. */
export function replaySteps(layer, draft, steps) {
  const orders = new Set(steps.map(([line]) => line.order).filter((order) => order > 0));
  const undone = new Set();
  for (const lines of [...steps].reverse()) {
    if (undone.has(lines[0].order)) continue;
    for (const line of lines) {
      const order = line.action === "undo" ? ruleUndoneBy(line, orders) : null;
      if (order !== null) undone.add(order);
    }
  }
  return steps.map((lines) =>
    undone.has(lines[0].order)
      ? lines.map(() => ({ result: "undone", changed: false, fault: null }))
      : attemptStep(layer, draft, lines, { orders }).results,
  );
}
