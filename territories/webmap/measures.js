/* Figures of territories: people, ACI size, pieces, white zones, and bounds of what they keep.

   They are Python's (`Zoning.territories`, `form.white_zones`, `evaluate`) to the digit, found anew
   only for the territories that a step touches. */

import { boundsBasis, boundsKept } from "./bounds.js";
import { byText, knownCommunes, knownOf, knownPieces, neighbourRows, piecesOf } from "./drafts.js";

/** What the figures need of the payload, once: neighbours, people, flows in arrays of numbers. */
export function madeLayer(data) {
  const n = data.codes.length;
  const rim = new Uint8Array(n + (data.lakes ?? []).length);
  for (const commune of data.rim ?? []) rim[commune] = 1;
  const flows = data.flows && {
    start: Int32Array.from(data.flows.start),
    to: Int32Array.from(data.flows.to),
    patients: Float64Array.from(data.flows.patients),
    low: Float64Array.from(data.flows.rest_low),
    high: Float64Array.from(data.flows.rest_high),
    over: (data.flows.step ?? 1) - 1,
  };
  return {
    n,
    place: new Map(data.codes.map((code, commune) => [code, commune])),
    overlaps: data.settings?.overlaps !== false,
    bounds: data.settings?.bounds ?? [40_000, 80_000, 175_000],
    palette: data.palette ?? ["#1b5fa8"],
    population: data.population,
    rows: neighbourRows(n, data.pairs),
    touch: measureShores(n, data),
    rim,
    flows: flows || null,
    basis: boundsBasis(data),
    weights: new Float64Array(n),
    marks: new Int32Array(n + (data.lakes ?? []).length),
    mark: 0,
  };
}

/** Communes with a border in common, and the holes of the layer as further places beside theirs:
    nothing is enclosed that is open across a lake. */
function measureShores(n, data) {
  const lakes = data.lakes ?? [];
  const pairs = [...data.pairs];
  const touch = [...data.touch];
  lakes.forEach((communes, k) => {
    for (const commune of communes) {
      pairs.push(commune, n + k);
      touch.push(1);
    }
  });
  return neighbourRows(n + lakes.length, pairs, touch);
}

// ---------------------------------------------------------------- people

/** People of a territory, shared communes by weight; null where those of a commune are not known. */
function figPeople(layer, draft, id) {
  const known = knownOf(draft, id);
  if (known.people !== undefined) return known.people;
  let [sum, lost] = [0, 0];
  known.people = 0;
  for (const commune of knownCommunes(draft, id)) {
    const people = layer.population[commune];
    if (people == null) {
      known.people = null;
      return null;
    }
    // Kahan's sum, in the order of communes, as pandas adds up.
    const next = people * figWeight(draft, commune, id) - lost;
    const more = sum + next;
    lost = more - sum - next;
    sum = more;
  }
  known.people = sum;
  return sum;
}

function figWeight(draft, commune, id) {
  for (const [member, weight] of draft.members[commune]) if (member === id) return weight;
  return 0;
}

/** Halves to the even number, as NumPy rounds. */
function figRint(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** People of all territories that have communes, rounded so that their sum is that of the region, by
    largest remainders; not rounded where those of a commune are not known. */
export function peopleOf(layer, draft) {
  if (draft.people && draft.people.version === draft.version) return draft.people.found;
  const ids = [...draft.territories.keys()].filter((id) => draft.inside.get(id).size).sort(byText);
  const exact = ids.map((id) => figPeople(layer, draft, id));
  let found = new Map(ids.map((id, k) => [id, exact[k]]));
  if (!exact.includes(null)) {
    const rounded = exact.map((people) => figRint(people * 1e6) / 1e6);
    const whole = rounded.map(Math.trunc);
    const sum = (numbers) => numbers.reduce((all, each) => all + each, 0);
    const missing = figRint(sum(rounded)) - sum(whole);
    const largest = ids.map((_, k) => k).sort((one, other) => whole[one] - rounded[one] - (whole[other] - rounded[other]) || one - other);
    for (const k of largest.slice(0, missing)) whole[k] += 1;
    found = new Map(ids.map((id, k) => [id, whole[k]]));
  }
  draft.people = { version: draft.version, found };
  return found;
}

// ---------------------------------------------------------------- what territories keep

/** Bounds of the localisation index: the page holds only the flows that may be shown, and of the
    rest of each commune's patients how few and how many they may be. */
function figKept(layer, draft, id) {
  const known = knownOf(draft, id);
  if (known.li !== undefined) return known.li;
  const { flows, weights } = layer;
  known.li = null;
  if (!flows) return null;
  const communes = knownCommunes(draft, id);
  if (layer.basis) {
    const own = new Map(communes.map((commune) => [commune, figWeight(draft, commune, id)]));
    known.li = boundsKept(flows, layer.basis, id, own);
    return known.li;
  }
  for (const commune of communes) weights[commune] = figWeight(draft, commune, id);
  let [all, kept, rest] = [0, 0, 0];
  for (const commune of communes) {
    const own = weights[commune];
    for (let at = flows.start[commune]; at < flows.start[commune + 1]; at += 1) {
      const to = flows.to[at];
      all += own * flows.patients[at];
      if (to >= 0) kept += Math.min(own, weights[to]) * flows.patients[at];
    }
    rest += own * flows.high[commune];
  }
  for (const commune of communes) weights[commune] = 0;
  if (all + rest > 0) known.li = { low: kept / (all + rest), high: (kept + rest) / (all + rest) };
  return known.li;
}

/** Figures of a territory; those that need its communes are null where it has none. */
export function figuresOf(layer, draft, id) {
  if (!draft.territories.has(id)) return null;
  const count = draft.inside.get(id).size;
  const population = count ? peopleOf(layer, draft).get(id) : 0;
  const sized = count > 0 && population !== null;
  const above = sized ? layer.bounds.filter((bound) => population >= bound).length : 0;
  const li = count ? figKept(layer, draft, id) : null;
  return {
    communes: count,
    population,
    size: sized ? above + 1 : null,
    next: sized && above < layer.bounds.length ? layer.bounds[above] - population : null,
    pieces: knownPieces(layer, draft, id),
    li,
    leakage: li && { low: 1 - li.high, high: 1 - li.low },
    hidden: !layer.flows,
  };
}

// ---------------------------------------------------------------- white zones

/** What the outline of a territory encloses: each hole, the communes in it. */
function figHoles(layer, draft, id) {
  const known = knownOf(draft, id);
  if (known.holes) return known.holes;
  const { touch, marks } = layer;
  const own = knownCommunes(draft, id).filter((commune) => draft.members[commune][0][0] === id);
  known.holes = [];
  for (const piece of piecesOf(touch, own)) {
    const inside = ++layer.mark; // in the piece
    const outside = ++layer.mark; // known to reach the rim of the layer
    for (const commune of piece) marks[commune] = inside;
    const starts = new Set();
    for (const commune of piece) {
      for (let at = touch.start[commune]; at < touch.start[commune + 1]; at += 1) {
        if (marks[touch.near[at]] !== inside) starts.add(touch.near[at]);
      }
    }
    for (const first of starts) {
      if (marks[first] === outside) continue;
      const hole = figEnclosed(layer, first, inside, outside);
      if (hole) known.holes.push(hole.filter((place) => place < layer.n));
    }
  }
  return known.holes;
}

/** The communes about `first` that a piece encloses; null where they reach the rim. */
function figEnclosed({ touch, rim, marks }, first, inside, outside) {
  const reached = [first];
  const before = marks[first];
  if (before === outside) return null;
  const seen = new Set(reached);
  let open = false;
  for (let k = 0; k < reached.length && !open; k += 1) {
    const commune = reached[k];
    open = rim[commune] === 1;
    for (let at = touch.start[commune]; at < touch.start[commune + 1] && !open; at += 1) {
      const near = touch.near[at];
      if (marks[near] === inside || seen.has(near)) continue;
      open = marks[near] === outside;
      seen.add(near);
      reached.push(near);
    }
  }
  for (const commune of reached) marks[commune] = outside; // seen: not to be looked at again
  return open ? null : reached;
}

/** Communes in no territory, and those of a territory that another encloses, by number. */
export function whiteZonesOf(layer, draft) {
  if (draft.white && draft.white.version === draft.version) return draft.white.found;
  const rows = new Map();
  draft.members.forEach((members, commune) => {
    if (!members.length) rows.set(commune, { commune, kind: "uncovered", territory: null, within: null });
  });
  const holes = [...draft.territories.keys()]
    .sort(byText)
    .flatMap((id) => figHoles(layer, draft, id).map((communes) => ({ id, communes })));
  // The largest first: of holes within holes, the innermost has the last word.
  holes.sort((one, other) => other.communes.length - one.communes.length);
  for (const { id, communes } of holes) {
    for (const commune of communes) {
      const own = draft.members[commune][0]?.[0] ?? null;
      if (own === id) continue;
      rows.set(commune, { commune, kind: own === null ? "uncovered" : "enclave", territory: own, within: id });
    }
  }
  const found = [...rows.values()].sort((one, other) => one.commune - other.commune);
  draft.white = { version: draft.version, found };
  return found;
}

/** Figures of the whole draft. */
export function totalsOf(layer, draft) {
  const totals = { communes: layer.n, covered: 0, uncovered: 0, shared: 0, claimed: 0, population: 0, people_covered: 0, unknown: 0 };
  draft.members.forEach((members, commune) => {
    const people = layer.population[commune];
    if (people == null) totals.unknown += 1;
    totals.population += people ?? 0;
    if (members.length) totals.covered += 1;
    if (members.length) totals.people_covered += people ?? 0;
    if (members.length > 1) totals.shared += 1;
    if (draft.claims[commune].length) totals.claimed += 1;
  });
  totals.uncovered = totals.communes - totals.covered;
  totals.territories = [...draft.territories.keys()].filter((id) => draft.inside.get(id).size).length;
  const white = whiteZonesOf(layer, draft);
  totals.white_zones = white.length;
  totals.enclaves = white.filter(({ kind }) => kind === "enclave").length;
  return totals;
}
