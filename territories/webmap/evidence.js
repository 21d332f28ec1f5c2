/* What the flows that may be shown say of a commune, and how two drafts differ. */

import { byText, knownCommunes } from "./drafts.js";
import { peopleOf } from "./measures.js";

/** Where the patients of a commune go, the most first, with the bounds of each share. Cells of the
    page may be rounded down to a step, what is cut off being with the rest. */
export function flowsFrom({ flows }, commune) {
  if (!flows) return [];
  const rows = [];
  let known = 0;
  for (let at = flows.start[commune]; at < flows.start[commune + 1]; at += 1) {
    rows.push({ to: flows.to[at], patients: flows.patients[at] });
    known += flows.patients[at];
  }
  const most = known + flows.high[commune];
  const least = known + Math.max(flows.low[commune], flows.over);
  return rows
    .map((row) => ({ ...row, low: most ? row.patients / most : null, high: least ? (row.patients + flows.over) / least : null }))
    .sort((one, other) => other.patients - one.patients || one.to - other.to);
}

/** What the flows say of each territory that has or claims a commune: how many of its patients are
    seen there at least and at most, and which share that is. */
export function evidenceOf({ flows }, draft, commune) {
  const members = new Map(draft.members[commune]);
  const ids = [...members.keys(), ...draft.claims[commune]];
  if (!flows) return ids.map((id) => ({ id, member: members.has(id), patients_low: null, patients_high: null, share_low: null, share_high: null }));
  const seen = new Map(ids.map((id) => [id, 0]));
  let known = 0;
  for (let at = flows.start[commune]; at < flows.start[commune + 1]; at += 1) {
    known += flows.patients[at];
    if (flows.to[at] < 0) continue;
    for (const [id, weight] of draft.members[flows.to[at]]) {
      // The commune itself would be wholly of the territory that gets it.
      const part = flows.to[at] === commune ? 0 : weight;
      if (seen.has(id)) seen.set(id, seen.get(id) + part * flows.patients[at]);
    }
  }
  const rest = flows.high[commune];
  const all = known + rest;
  return ids.map((id) => ({
    id,
    member: members.has(id),
    patients_low: seen.get(id),
    patients_high: seen.get(id) + rest,
    share_low: all ? seen.get(id) / all : null,
    share_high: all ? (seen.get(id) + rest) / all : null,
  }));
}

/** How another draft of the same layer differs: territories are matched, each with at most one, by
    the people they have in common. */
export function comparedWith(layer, draft, other) {
  const common = new Map();
  let people = 0;
  for (let commune = 0; commune < layer.n; commune += 1) {
    const [own, theirs] = [draft.members[commune][0]?.[0], other.members[commune][0]?.[0]];
    people += layer.population[commune] ?? 0;
    if (own === undefined || theirs === undefined) continue;
    const key = JSON.stringify([own, theirs]);
    const row = common.get(key) ?? { own, theirs, people: 0, communes: 0 };
    row.people += layer.population[commune] ?? 0;
    row.communes += 1;
    common.set(key, row);
  }
  const [matched, taken] = [new Map(), new Set()];
  const listed = [...common.values()].sort(
    (one, two) => two.people - one.people || two.communes - one.communes || Number(two.own === two.theirs) - Number(one.own === one.theirs) || byText(one.own, two.own) || byText(one.theirs, two.theirs),
  );
  for (const { own, theirs } of listed) {
    if (matched.has(own) || taken.has(theirs)) continue;
    matched.set(own, theirs);
    taken.add(theirs);
  }
  const communes = [];
  let agreed = 0;
  for (let commune = 0; commune < layer.n; commune += 1) {
    const own = draft.members[commune].map(([id, weight]) => [matched.get(id) ?? null, weight]);
    const theirs = new Map(other.members[commune]);
    const alike = own.length === theirs.size && own.every(([id, weight]) => Math.abs((theirs.get(id) ?? -1) - weight) < 1e-9);
    if (!alike) communes.push(commune);
    if ((draft.members[commune].length || theirs.size) && (own[0]?.[0] ?? null) !== (other.members[commune][0]?.[0] ?? null)) continue;
    agreed += layer.population[commune] ?? 0;
  }
  return { communes, agreed: people ? agreed / people : null, rows: evidenceRows(layer, draft, other, matched, taken) };
}

function evidenceRows(layer, draft, other, matched, taken) {
  const count = (of, id) => (id == null || !of.inside.has(id) ? null : of.inside.get(id).size);
  const inhabitants = (of, id) => (id == null ? null : (peopleOf(layer, of).get(id) ?? null));
  const row = (id, theirs) => {
    const own = id == null ? [] : knownCommunes(draft, id);
    const there = theirs == null ? new Set() : other.inside.get(theirs);
    return {
      id,
      name: id == null ? null : draft.territories.get(id).name,
      other: theirs,
      otherName: theirs == null ? null : other.territories.get(theirs).name,
      communes: count(draft, id),
      otherCommunes: count(other, theirs),
      population: inhabitants(draft, id),
      otherPopulation: inhabitants(other, theirs),
      common: own.filter((commune) => there.has(commune)).length,
    };
  };
  const listed = (of) => [...of.territories.keys()].filter((id) => of.inside.get(id).size).sort(byText);
  return [
    ...listed(draft).map((id) => row(id, matched.get(id) ?? null)),
    ...listed(other).filter((id) => !taken.has(id)).map((id) => row(null, id)),
  ];
}
