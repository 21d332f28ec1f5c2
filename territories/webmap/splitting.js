/* Division of a territory: about a second centre, or into the pieces it lies in. */

import { knownCommunes, knownPieces } from "./drafts.js";
import { isLocked } from "./rules.js";

/** Whole parts of shares: the smallest that give them, else in millionths; empty where they cannot. */
export function partsOf(weights) {
  for (let whole = 1; whole <= 1_000; whole += 1) {
    const parts = weights.map((weight) => Math.round(weight * whole));
    if (parts.every((part, k) => part > 0 && Math.abs(part / whole - weights[k]) < 1e-12)) return parts;
  }
  const parts = weights.map((weight) => Math.round(weight * 1e6));
  return parts.every((part) => part > 0) ? parts : [];
}

/** The line that puts a commune of a territory in another one, its other members left as they are;
    null where that cannot be. */
function splitLine(layer, draft, { commune, id, made, codes }) {
  const members = draft.members[commune];
  if (members.length === 1) return { action: "move", code: codes[commune], target: made };
  if (!layer.overlaps || members.length > 3) return null;
  const target = members.map(([each]) => (each === id ? made : each)).join("|");
  return { action: "share", code: codes[commune], target, parts: partsOf(members.map(([, weight]) => weight)) };
}

const splitHead = (made) => ({ action: "new", territory: made, target: made });

/** Nearest of two centres, by steps from commune to neighbouring commune: the lines that make a new
    territory about `commune`. Both parts of what is in one piece are in one piece. */
export function splitLines(layer, draft, { id, commune, made, codes }) {
  const territory = draft.territories.get(id);
  if (!territory || isLocked(territory) || !draft.inside.get(id).has(commune)) return [];
  const piece = knownPieces(layer, draft, id).find((each) => each.includes(commune));
  const inside = new Set(piece);
  const shared = { id, made, codes };
  const stays = (each) => splitLine(layer, draft, { commune: each, ...shared }) === null;
  if (piece.length < 2 || stays(commune)) return [];
  const centre = splitCentre(layer, territory, piece, commune);
  // What cannot leave holds on to the centre by a way of its own.
  const held = new Set([centre]);
  const ways = splitReached(layer.rows, inside, [centre], new Set([commune]));
  for (const each of piece.filter(stays)) {
    if (!ways.has(each)) return [];
    for (let at = each; at >= 0; at = ways.get(at)) held.add(at);
  }
  const side = new Map([...[...held].map((each) => [each, 0]), [commune, 1]]);
  const reached = [...held, commune].sort((one, other) => side.get(one) - side.get(other) || one - other);
  for (let k = 0; k < reached.length; k += 1) {
    for (const near of splitNear(layer.rows, reached[k])) {
      if (!inside.has(near) || side.has(near)) continue;
      side.set(near, side.get(reached[k]));
      reached.push(near);
    }
  }
  const leaving = piece.filter((each) => side.get(each) === 1);
  return [splitHead(made), ...leaving.map((each) => splitLine(layer, draft, { commune: each, ...shared }))];
}

/** The commune a territory is called after, else its most populated one. */
function splitCentre(layer, territory, piece, commune) {
  if (territory.commune >= 0 && territory.commune !== commune && piece.includes(territory.commune)) return territory.commune;
  const people = (each) => layer.population[each] ?? -1;
  return piece.filter((each) => each !== commune).reduce((best, each) => (people(each) > people(best) ? each : best));
}

const splitNear = ({ start, near }, commune) => near.subarray(start[commune], start[commune + 1]);

/** Communes reached from others inside a set, each with the one before it (-1: a start). */
function splitReached(rows, inside, starts, without) {
  const before = new Map(starts.map((each) => [each, -1]));
  const reached = [...starts];
  for (let k = 0; k < reached.length; k += 1) {
    for (const near of splitNear(rows, reached[k])) {
      if (!inside.has(near) || without.has(near) || before.has(near)) continue;
      before.set(near, reached[k]);
      reached.push(near);
    }
  }
  return before;
}

/** The lines that make a new territory of each piece but the largest. */
export function splitPiecesLines(layer, draft, { id, made, codes }) {
  const territory = draft.territories.get(id);
  if (!territory || isLocked(territory) || !knownCommunes(draft, id).length) return [];
  const stem = made.replace(/\d+$/, "");
  let number = Number(made.slice(stem.length));
  return knownPieces(layer, draft, id).slice(1).flatMap((piece) => {
    const lines = piece.map((commune) => splitLine(layer, draft, { commune, id, made: `${stem}${number}`, codes }));
    const moved = lines.filter(Boolean);
    if (!moved.length) return [];
    number += 1;
    return [splitHead(`${stem}${number - 1}`), ...moved];
  });
}
