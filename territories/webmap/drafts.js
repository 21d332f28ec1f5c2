/* A draft while decisions apply: the members and claims of each commune, the territories that exist,
   and the communes of each.

   What a step changes is kept in a journal: put back, it undoes the step, and put back again it
   redoes it. What is known of a territory (its figures) goes in and out with its communes. */

const DRAFT_NONE = Object.freeze([]);

/** Order of texts by their code points, as Python's: that of JavaScript differs beyond U+FFFF. */
export function byText(one, other) {
  if (one === other) return 0;
  const short = Math.min(one.length, other.length);
  for (let k = 0; k < short; k += 1) {
    if (one[k] !== other[k]) return one.codePointAt(k) - other.codePointAt(k) || (one[k] < other[k] ? -1 : 1);
  }
  return one.length - other.length;
}

/** Communes that touch each one, in the form of rows: those of `k` from start[k] to start[k + 1]. */
export function neighbourRows(n, pairs, kept) {
  const start = new Int32Array(n + 1);
  for (let k = 0; k < pairs.length; k += 1) if (!kept || kept[k >> 1]) start[pairs[k] + 1] += 1;
  for (let k = 0; k < n; k += 1) start[k + 1] += start[k];
  const near = new Int32Array(start[n]);
  const next = start.slice();
  for (let k = 0; k < pairs.length; k += 2) {
    if (kept && !kept[k >> 1]) continue;
    near[next[pairs[k]]++] = pairs[k + 1];
    near[next[pairs[k + 1]]++] = pairs[k];
  }
  return { start, near };
}

/** The draft that a payload, or one of its further drafts, describes. */
export function madeDraft(n, source) {
  const territories = new Map();
  const inside = new Map();
  for (const each of source.territories) {
    const { id, name, colour = null, status = null, lock = null, commune = -1 } = each;
    territories.set(id, Object.freeze({ id, name, colour, status: status || null, lock: lock ?? null, commune }));
    inside.set(id, new Set());
  }
  const ids = source.territories.map(({ id }) => id);
  const members = [];
  const claims = [];
  for (let commune = 0; commune < n; commune += 1) {
    const main = source.territory[commune];
    const shares = source.shared?.[commune] ?? (main < 0 ? [] : [[main, 1]]);
    const listed = orderedMembers(shares.map(([place, weight]) => [ids[place], weight]));
    members.push(listed);
    for (const [id] of listed) inside.get(id).add(commune);
    const claimed = source.claims?.[commune] ?? [];
    claims.push(claimed.length ? claimed.map((place) => ids[place]).sort(byText) : DRAFT_NONE);
  }
  return { members, claims, territories, inside, known: new Map(), version: 0 };
}

/** Members in decreasing weight, then by id. */
export const orderedMembers = (members) => members.sort((one, other) => other[1] - one[1] || byText(one[0], other[0]));

export const newJournal = () => ({ members: new Map(), claims: new Map(), territories: new Map(), known: new Map() });

/** What was known of a territory (its figures) is put aside with the communes it was known for. */
export function forgetKnown(draft, journal, id) {
  if (!journal.known.has(id)) journal.known.set(id, draft.known.get(id));
  draft.known.delete(id);
}

export function putMembers(draft, journal, commune, members) {
  const before = draft.members[commune];
  if (!journal.members.has(commune)) journal.members.set(commune, before);
  for (const [id] of before) {
    draft.inside.get(id)?.delete(commune);
    forgetKnown(draft, journal, id);
  }
  for (const [id] of members) {
    draft.inside.get(id)?.add(commune);
    forgetKnown(draft, journal, id);
  }
  draft.members[commune] = members;
  draft.version += 1;
}

export function putClaims(draft, journal, commune, claims) {
  const before = draft.claims[commune];
  if (before.length === claims.length && before.every((id, k) => id === claims[k])) return;
  if (!journal.claims.has(commune)) journal.claims.set(commune, before);
  draft.claims[commune] = claims.length ? claims : DRAFT_NONE;
  draft.version += 1;
}

/** Put a territory in place of the one of its id; null: it exists no longer. */
export function putTerritory(draft, journal, id, made) {
  const before = draft.territories.get(id) ?? null;
  if (made && before && Object.keys(made).every((name) => made[name] === before[name])) return;
  if (!journal.territories.has(id)) journal.territories.set(id, before);
  if (made) draft.territories.set(id, Object.freeze(made));
  else draft.territories.delete(id);
  if (made && !draft.inside.has(id)) draft.inside.set(id, new Set());
  if (!made) draft.inside.delete(id);
  draft.version += 1;
}

/** Exchange what the journal holds with what the draft has: undo, and once more redo. */
export function swapJournal(draft, journal) {
  const membersNow = new Map([...journal.members.keys()].map((commune) => [commune, draft.members[commune]]));
  for (const [commune, now] of membersNow) for (const [id] of now) draft.inside.get(id).delete(commune);
  for (const [id, before] of journal.territories) {
    journal.territories.set(id, draft.territories.get(id) ?? null);
    if (before) draft.territories.set(id, before);
    else draft.territories.delete(id);
    if (before && !draft.inside.has(id)) draft.inside.set(id, new Set());
    if (!before) draft.inside.delete(id);
  }
  for (const [commune, before] of journal.members) {
    for (const [id] of before) draft.inside.get(id).add(commune);
    draft.members[commune] = before;
    journal.members.set(commune, membersNow.get(commune));
  }
  for (const [commune, before] of journal.claims) {
    journal.claims.set(commune, draft.claims[commune]);
    draft.claims[commune] = before;
  }
  for (const [id, before] of journal.known) {
    journal.known.set(id, draft.known.get(id));
    if (before) draft.known.set(id, before);
    else draft.known.delete(id);
  }
  draft.version += 1;
}

export const changesNothing = (journal) => !journal.members.size && !journal.claims.size && !journal.territories.size;

/** Ids of the territories whose communes, name, colour or status a journal changes. */
export const touchedBy = (journal) => [...new Set([...journal.known.keys(), ...journal.territories.keys()])].sort(byText);

/** Communes whose members or claims a journal changes. */
export const changedBy = (journal) =>
  [...new Set([...journal.members.keys(), ...journal.claims.keys()])].sort((one, other) => one - other);

/** The journal that leads from one draft to another of the same layer. */
export function journalBetween(draft, other) {
  const journal = newJournal();
  const same = (one, two) => one.length === two.length && one.every(([id, weight], k) => id === two[k][0] && weight === two[k][1]);
  draft.members.forEach((before, commune) => {
    const after = other.members[commune];
    if (same(before, after)) return;
    journal.members.set(commune, after);
    for (const [id] of [...before, ...after]) journal.known.set(id, undefined);
  });
  draft.claims.forEach((before, commune) => {
    const after = other.claims[commune];
    if (before.join("|") !== after.join("|")) journal.claims.set(commune, after);
  });
  for (const id of new Set([...draft.territories.keys(), ...other.territories.keys()])) {
    const [before, after] = [draft.territories.get(id) ?? null, other.territories.get(id) ?? null];
    if (!before || !after || Object.keys(after).some((name) => after[name] !== before[name])) journal.territories.set(id, after);
  }
  return journal;
}

/** Count and list the pieces of a set of communes, the largest first. */
export function piecesOf(rows, communes) {
  const left = new Set(communes);
  const pieces = [];
  for (const first of communes) {
    if (!left.delete(first)) continue;
    const piece = [first];
    for (let k = 0; k < piece.length; k += 1) {
      const commune = piece[k];
      for (let at = rows.start[commune]; at < rows.start[commune + 1]; at += 1) {
        if (left.delete(rows.near[at])) piece.push(rows.near[at]);
      }
    }
    pieces.push(piece.sort((one, other) => one - other));
  }
  return pieces.sort((one, other) => other.length - one.length || one[0] - other[0]);
}

export function knownCommunes(draft, id) {
  const known = knownOf(draft, id);
  known.communes ??= [...draft.inside.get(id)].sort((one, other) => one - other);
  return known.communes;
}

export function knownOf(draft, id) {
  if (!draft.known.has(id)) draft.known.set(id, {});
  return draft.known.get(id);
}

/** Pieces of a territory, found once for each set of its communes. */
export function knownPieces(layer, draft, id) {
  const known = knownOf(draft, id);
  known.pieces ??= piecesOf(layer.rows, knownCommunes(draft, id));
  return known.pieces;
}
