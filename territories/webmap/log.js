/* Files of the workshop: the log of decisions, the communes by territory, the shapes.

   Faults are a key of the table of words and values, with the row of the file. */

import { cellNumber, cellRows, cellsText, decodeBytes } from "./cells.js";
import { RULE_ACTIONS, RULE_STATUSES, foldedName, statusNamed, withZeros } from "./rules.js";
import { partsOf } from "./splitting.js";
import { dissolvedRings } from "./rings.js";

const LOG_FRENCH_ACTIONS = [
  "déplacer", "libérer", "partager", "revendiquer", "retirer", "créer", "renommer", "colorier", "fusionner",
  "verrouiller", "déverrouiller", "statut", "annuler",
];
const LOG_FRENCH_STATUSES = ["initiative", "ingénierie", "contractualisation", "fonctionnement"];
const LOG_HEADS = {
  fr: ["ordre", "action", "commune", "nom", "territoire", "cible", "parts", "auteur", "date", "motif", "force"],
  en: ["order", "action", "commune", "name", "territory", "target", "parts", "author", "date", "reason", "force"],
};
// What columns may be called, the surest name first; read with accents, case and signs aside.
const LOG_COLUMNS = {
  order: ["ordre", "order", "numero", "num", "no", "n"],
  action: ["action", "decision"],
  code: ["commune", "code", "code commune", "code insee", "insee", "codgeo"],
  territory: ["territoire", "territory"],
  target: ["cible", "target", "vers", "destination"],
  parts: ["parts", "part", "poids", "weights", "weight"],
  author: ["auteur", "author"],
  date: ["date"],
  reason: ["motif", "reason", "raison"],
  force: ["force", "forcee", "forced"],
};
const LOG_ORDER = /^(\d{1,9})([.,]0+)?$/; // a spreadsheet writes 12 as 12,0
const LOG_YES = ["oui", "yes", "vrai", "true", "1", "x"];

const ASSIGNMENT_HEADS = {
  fr: ["code", "nom", "territoire", "nom_territoire", "poids"],
  en: ["code", "name", "territory", "territory_name", "weight"],
};
const ASSIGNMENT_COLUMNS = {
  code: ["code", "code commune", "code insee", "insee", "codgeo", "depcom", "commune"],
  territory: ["territoire", "territory", "code territoire", "territory code", "cible", "target", "cpts"],
  name: ["nom territoire", "nom du territoire", "territory name"],
  weight: ["poids", "weight"],
};
// More than any meeting decides: the page would stand still, where Python's replay does not.
const LOG_ROWS = 50_000;
const LOG_DECISIONS = 10_000;
const LOG_REPLAYED = 100_000; // lines replayed for the steps that are undone: all of them for each
const LOG_NEW = 1_000; // territories that one file makes

const ASSIGNMENT_SLACK = 0.01; // weights that people round: 0,33 three times

const LOG_STEMS = { log: "journal", assignment: "communes", communes: "communes", territories: "territoires", geojson: "territoires" };
const LOG_STEMS_ENGLISH = { log: "log", journal: "log", assignment: "communes", communes: "communes", territories: "territories", territoires: "territories", geojson: "territories" };

/** Place of each of our columns in a head; -1 where it is not there. */
function logColumns(cells, known) {
  const heads = cells.map((cell) => foldedName(cell.replace(/_/g, " ")));
  return Object.fromEntries(
    Object.entries(known).map(([name, called]) => [name, called.map((each) => heads.indexOf(each)).find((place) => place >= 0) ?? -1]),
  );
}

/** Refuse a file with more than can be done while one waits. */
function logRefuseMany(number, most) {
  if (number > most) throw Object.assign(new RangeError("too many"), { key: "editor.files_many" });
}

/** Rows of a file under our names of its columns; a fault in place of them where some are missing. */
function logRead(bytes, known, needed) {
  const [head, ...rows] = cellRows(decodeBytes(bytes), LOG_ROWS + 1);
  if (!head) return { rows: [], rejected: [{ row: 1, key: "editor.file_empty", values: {} }] };
  logRefuseMany(rows.length, LOG_ROWS);
  const columns = logColumns(head.cells, known);
  const missing = needed.filter((name) => columns[name] < 0);
  if (missing.length) {
    const columnsNamed = missing.map((name) => known[name][0]).join(", ");
    return { rows: [], rejected: [{ row: head.number, key: "editor.file_columns", values: { columns: columnsNamed } }] };
  }
  const cell = (cells, name) => (columns[name] >= 0 && cells[columns[name]]) || "";
  const named = rows.map(({ number, cells }) => ({
    row: number,
    ...Object.fromEntries(Object.keys(known).map((name) => [name, cell(cells, name)])),
  }));
  return { rows: named, rejected: [] };
}

// ---------------------------------------------------------------- the log

/** The decisions of the current scenario up to now, one a line. */
export function logText(model, language = model.data.language) {
  const french = language !== "en";
  const actions = new Map(RULE_ACTIONS.map((action, k) => [action, french ? LOG_FRENCH_ACTIONS[k] : action]));
  const rows = model.lines().map((line) => {
    const commune = model.communeOf(line.code);
    const place = line.action === "status" ? RULE_STATUSES.indexOf(statusNamed(line.target)) : -1;
    const target = place >= 0 && french ? LOG_FRENCH_STATUSES[place] : line.target;
    return [
      line.order,
      actions.get(line.action) ?? line.action,
      line.code,
      commune >= 0 ? model.data.names[commune] : "",
      line.territory,
      target,
      line.parts.join("|"),
      line.author,
      line.date,
      line.reason,
      line.force ? (french ? "oui" : "yes") : "",
    ];
  });
  return cellsText([LOG_HEADS[french ? "fr" : "en"], ...rows]);
}

function logAction(text) {
  const wanted = foldedName(text);
  const place = LOG_FRENCH_ACTIONS.findIndex((word) => foldedName(word) === wanted);
  if (place >= 0) return RULE_ACTIONS[place];
  return RULE_ACTIONS.includes(wanted) ? wanted : null;
}

/** What a line names, as our lines write it. */
function logTarget(action, text) {
  if (action === "status") return statusNamed(text) || text;
  const order = action === "undo" && LOG_ORDER.exec(text);
  return order ? order[1] : text;
}

/** A date as it was before a French spreadsheet showed it in its own way. */
function logDate(text) {
  const found = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!found) return text;
  const [, day, month, year, hour, minute, second = "00"] = found;
  const two = (number) => number.padStart(2, "0");
  const date = `${year}-${two(month)}-${two(day)}`;
  return hour ? `${date}T${two(hour)}:${minute}:${second}` : date;
}

/** Read a log: its lines, in the order of the file, and the rows that cannot be read. */
export function parseLog(bytes) {
  const { rows, rejected } = logRead(bytes, LOG_COLUMNS, ["action"]);
  logRefuseMany(rows.length, LOG_DECISIONS);
  const lines = [];
  for (const each of rows) {
    const wrong = (key, values = {}) =>
      rejected.push({ row: each.row, key, values: { order: each.order || "–", code: each.code || each.territory || "–", ...values } });
    const action = logAction(each.action);
    const order = LOG_ORDER.exec(each.order);
    const parts = each.parts ? each.parts.split("|").map((part) => part.trim()) : [];
    if (!action) wrong("revision_action", { action: each.action });
    else if (each.order && !order) wrong("editor.file_order", { value: each.order });
    else if (!parts.every((part) => /^\d{1,9}$/.test(part))) wrong("revision_share");
    else {
      lines.push({
        row: each.row,
        order: order ? Number(order[1]) : 0,
        action,
        code: withZeros(each.code),
        territory: each.territory,
        target: logTarget(action, each.target),
        parts: parts.map(Number),
        author: each.author,
        date: logDate(each.date),
        reason: each.reason,
        force: LOG_YES.includes(foldedName(each.force)),
      });
    }
  }
  const count = (wanted) => lines.filter(({ action }) => action === wanted).length;
  logRefuseMany(count("new"), LOG_NEW);
  logRefuseMany(count("undo") * lines.length, LOG_REPLAYED);
  return { lines, rejected };
}

// ---------------------------------------------------------------- communes by territory

/** One line for each commune and territory; communes in none have a line without territory. */
export function assignmentText(model) {
  const french = model.data.language !== "en";
  const rows = model.data.codes.flatMap((code, commune) => {
    const name = model.data.names[commune];
    const members = model.members(commune);
    if (!members.length) return [[code, name, "", "", ""]];
    return members.map(([id, weight]) => {
      const share = String(weight);
      return [code, name, id, model.territory(id).name, french ? share.replace(".", ",") : share];
    });
  });
  return cellsText([ASSIGNMENT_HEADS[french ? "fr" : "en"], ...rows]);
}

/** Read communes and their territories, all or a part: the lines of one step that makes it so.
    `accepted` counts the communes that are read, those that stay where they are included. */
export function parseAssignment(model, bytes) {
  const { rows, rejected } = logRead(bytes, ASSIGNMENT_COLUMNS, ["code", "territory"]);
  const made = new Map(); // territories that the file makes: id by what it calls them
  const groups = new Map();
  const wrong = ({ row, code }, key, values = {}) => rejected.push({ row, key, values: { order: "–", code: code || "–", ...values } });
  for (const each of rows) {
    const commune = model.communeOf(withZeros(each.code));
    if (!each.code) wrong(each, "editor.file_code");
    else if (commune < 0) wrong(each, "revision_commune");
    else if (groups.has(commune)) groups.get(commune).push(each);
    else groups.set(commune, [each]);
  }
  const lines = [];
  let accepted = 0;
  const wanted = [...groups].sort(([one], [other]) => one - other);
  for (const [commune, listed] of wanted) {
    const read = assignmentMembers(model, made, listed);
    if (read.key) {
      for (const each of listed) wrong(each, read.key, read.values);
      continue;
    }
    const locked = assignmentLocked(model, commune, read.members);
    if (locked.length) {
      for (const each of listed) wrong(each, "revision_locked", { territories: locked.join(", ") });
      continue;
    }
    accepted += 1;
    const line = assignmentLine(model, commune, read.members);
    if (line) lines.push(line);
  }
  const used = new Set(lines.flatMap(({ target }) => (target ?? "").split("|")));
  const news = [...made.values()].filter(({ id }) => used.has(id));
  const heads = news.map(({ id, name }) => ({ action: "new", territory: id, target: name }));
  rejected.sort((one, other) => one.row - other.row);
  return { lines: [...heads, ...lines], rejected, accepted };
}

/** Members of a commune as the rows of a file say, or the key of what is wrong with them. */
function assignmentMembers(model, made, listed) {
  const named = listed.filter(({ territory }) => territory);
  if (!named.length) return { members: [] };
  if (named.length < listed.length) return { key: "editor.file_twice", values: {} };
  const members = new Map();
  for (const each of named) {
    const found = assignmentTerritory(model, made, each);
    if (found.key) return found;
    const weight = each.weight ? cellNumber(each.weight) : null;
    if (each.weight && !(weight > 0)) return { key: "editor.file_weight", values: { value: each.weight } };
    if (members.has(found.id) && (weight === null || members.get(found.id) === null)) continue; // said twice
    members.set(found.id, weight === null ? null : (members.get(found.id) ?? 0) + weight);
  }
  if (members.size === 1) return { members: [[members.keys().next().value, 1]] };
  const weights = [...members.values()];
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (weights.includes(null) || Math.abs(sum - 1) > ASSIGNMENT_SLACK) return { key: "editor.file_twice", values: {} };
  if (model.data.settings?.overlaps === false) return { key: "revision_overlap", values: {} };
  if (members.size > 3) return { key: "revision_share", values: {} };
  const scaled = Math.abs(sum - 1) < 1e-9 ? 1 : sum;
  return { members: [...members].map(([id, weight]) => [id, weight / scaled]) };
}

/** A territory by its id or name; one that nobody knows is a new one. */
function assignmentTerritory(model, made, { territory, name }) {
  if (made.has(territory)) return made.get(territory);
  for (const text of name ? [territory, name] : [territory]) {
    try {
      return { id: model.found(text) };
    } catch (problem) {
      if (!problem.key) throw problem;
      if (problem.key === "revision_ambiguous") return { key: problem.key, values: problem.values };
    }
  }
  logRefuseMany(made.size + 1, LOG_NEW);
  const taken = [...made.values()].some((each) => each.name === name || each.id === name);
  const found = { id: territory, name: name && !taken ? name : territory };
  const faults = model.check([{ action: "new", territory: found.id, target: found.name }]).faults;
  if (faults.length) return { key: faults[0].key, values: { value: territory } };
  made.set(territory, found);
  return found;
}

/** Names of the locked territories that would gain or lose a part of a commune. */
function assignmentLocked(model, commune, members) {
  const [now, then] = [new Map(model.members(commune)), new Map(members)];
  return [...new Set([...now.keys(), ...then.keys()])]
    .filter((id) => Math.abs((now.get(id) ?? 0) - (then.get(id) ?? 0)) > 1e-9)
    .map((id) => model.territory(id))
    .filter((territory) => territory?.locked)
    .map(({ name }) => name);
}

/** The line that puts a commune where a file says; null where it is there already. */
function assignmentLine(model, commune, members) {
  const now = new Map(model.members(commune));
  const same = now.size === members.length && members.every(([id, weight]) => Math.abs((now.get(id) ?? 0) - weight) < 1e-9);
  if (same) return null;
  const code = model.data.codes[commune];
  if (!members.length) return { action: "release", code };
  if (members.length === 1) return { action: "move", code, target: members[0][0] };
  const ids = members.map(([id]) => id).join("|");
  return { action: "share", code, target: ids, parts: partsOf(members.map(([, weight]) => weight)) };
}

// ---------------------------------------------------------------- shapes, names of files

/** Territories as GeoJSON by RFC 7946; shared communes with their main territory. */
export function geojsonText(model, shapes = model.data.shapes) {
  const french = model.data.language !== "en";
  const features = model
    .territories()
    .filter(({ empty }) => !empty)
    .map(({ id, name, status, colour }) => {
      const own = model.communesOf(id).filter((commune) => model.main(commune) === id);
      const polygons = dissolvedRings(own.map((commune) => shapes[commune]));
      const { communes, population, size } = model.figures(id);
      const place = RULE_STATUSES.indexOf(status);
      const properties = french
        ? { territoire: id, nom: name, communes, population, taille_aci: size, statut: place < 0 ? null : LOG_FRENCH_STATUSES[place], couleur: colour }
        : { territory: id, name, communes, population, aci_size: size, status, colour };
      const geometry =
        polygons.length === 0 ? null
          : polygons.length === 1 ? { type: "Polygon", coordinates: polygons[0] }
            : { type: "MultiPolygon", coordinates: polygons };
      return { type: "Feature", properties, geometry };
    });
  const written = features.map((feature) => JSON.stringify(feature)).join(",\n");
  return `{"type":"FeatureCollection","features":[\n${written}\n]}\n`;
}

const logSlug = (text) => foldedName(text ?? "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);

/** A name that says what the file is: its kind, the draft, the day and what the draft comes from. */
export function fileName(model, kind, extension, day = new Date()) {
  const french = model.data.language !== "en";
  const { name, parent } = model.scenarios[model.current];
  const stem = (french ? LOG_STEMS : LOG_STEMS_ENGLISH)[kind] ?? logSlug(kind);
  const date = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  const from = logSlug(parent ?? model.data.draft?.parent);
  const parts = [stem, logSlug(name) || (french ? "brouillon" : "draft"), date];
  if (from) parts.push(`${french ? "de" : "from"}-${from}`);
  return `${parts.join("_")}.${extension}`;
}
