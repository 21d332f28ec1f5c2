/* Bounds of what a territory keeps, from the flows that may be shown and what is known of the rest.

   Of patients that no cell shows: how many they are lies in an interval by commune; those seen in a
   commune with enough practitioners are few, cell by cell (`shown_from`); and of the territories of
   the draft the tables of the run tell the share kept. As long as a territory is about what it was,
   that narrows its bounds: only the communes it gained and lost are uncertain. */

/** What the bounds need of the payload, once. */
export function boundsBasis(data) {
  if (!data.flows || !data.flows.receives) return null;
  // A hidden cell is less than that; what a shown one was rounded down by, than the step, which is less.
  const limit = data.flows.shown_from;
  const receivers = [];
  data.flows.receives.forEach((kind, commune) => {
    if (kind) receivers.push([commune, kind === 1 ? limit : Infinity]);
  });
  const kept = new Map();
  const ids = data.territories.map(({ id }) => id);
  const base = new Map(ids.map((id) => [id, new Map()]));
  data.territory.forEach((main, commune) => {
    const members = (data.shared && data.shared[commune]) || (main < 0 ? [] : [[main, 1]]);
    for (const [place, weight] of members) base.get(ids[place]).set(commune, weight);
  });
  for (const [id, share] of Object.entries(data.flows.kept || {})) {
    if (base.has(id)) kept.set(id, { share, weights: base.get(id), sums: null });
  }
  return { receivers, kept };
}

/** Sums over the communes of a territory: patients shown, those of them kept, bounds of the rest. */
function boundsSums(flows, weights) {
  const sums = { all: 0, kept: 0, low: 0, high: 0 };
  for (const [commune, own] of weights) {
    for (let at = flows.start[commune]; at < flows.start[commune + 1]; at += 1) {
      const to = flows.to[at];
      sums.all += own * flows.patients[at];
      if (to >= 0) sums.kept += Math.min(own, weights.get(to) || 0) * flows.patients[at];
    }
    sums.low += own * flows.low[commune];
    sums.high += own * flows.high[commune];
  }
  return sums;
}

/** The most that a commune's hidden patients in some places may be, each place by a weight. */
function boundsHidden(flows, commune, places) {
  let most = 0;
  for (const [, weight, limit] of places) most += weight * limit;
  return Math.min(most, flows.high[commune]);
}

const boundsWithin = (receivers, weights) =>
  receivers.filter(([commune]) => weights.has(commune)).map(([commune, limit]) => [commune, 1, limit]);

/** The most by which the hidden patients kept by one may be more than those kept by another. */
function boundsGain(flows, receivers, weights, before) {
  const inside = boundsWithin(receivers, weights);
  let gain = 0;
  for (const [commune, weight] of weights) {
    const more = weight - (before.get(commune) || 0);
    if (more > 0) gain += more * boundsHidden(flows, commune, inside);
  }
  const grown = inside
    .map(([commune, , limit]) => [commune, weights.get(commune) - (before.get(commune) || 0), limit])
    .filter(([, more]) => more > 0);
  if (!grown.length) return gain;
  for (const commune of weights.keys()) {
    // A part of its patients there counts by how much the place grew.
    const most = Math.max(...grown.map(([, more]) => more));
    gain += Math.min(boundsHidden(flows, commune, grown), most * flows.high[commune]);
  }
  return gain;
}

const boundsSame = (one, other) =>
  one.size === other.size && [...one].every(([commune, weight]) => other.get(commune) === weight);

/** By how much the rest of one may differ from that of another, at least and at most. */
function boundsMore(flows, weights, before) {
  let [least, most] = [0, 0];
  for (const commune of new Set([...weights.keys(), ...before.keys()])) {
    const more = (weights.get(commune) || 0) - (before.get(commune) || 0);
    least += more * (more > 0 ? flows.low : flows.high)[commune];
    most += more * (more > 0 ? flows.high : flows.low)[commune];
  }
  return [least, most];
}

/** Bounds of the localisation index of a territory, of the communes and weights of a map. */
export function boundsKept(flows, { receivers, kept }, id, weights) {
  const sums = boundsSums(flows, weights);
  const whole = sums.all + sums.high;
  if (!(whole > 0)) return null;
  const inside = boundsWithin(receivers, weights);
  let most = 0;
  for (const [commune, own] of weights) most += own * boundsHidden(flows, commune, inside);
  let low = sums.kept / whole;
  let high = (sums.kept + most) / Math.max(sums.all + Math.max(sums.low, most), 1e-9);
  const known = kept.get(id);
  if (known) {
    // The share is told with four digits.
    const [from, upTo] = [known.share - 5.1e-5, known.share + 5.1e-5];
    if (boundsSame(weights, known.weights)) return { low: Math.max(0, from), high: Math.min(1, upTo) };
    known.sums = known.sums || boundsSums(flows, known.weights);
    const before = known.sums;
    const [fewer, more] = boundsMore(flows, weights, known.weights);
    const loss = boundsGain(flows, receivers, known.weights, weights);
    const gain = boundsGain(flows, receivers, weights, known.weights);
    // As a function of the rest that the territory had, both are steepest at an end.
    const ends = [before.low, before.high].map((rest) => {
      const all = before.all + rest;
      const [least, largest] = [sums.all + rest + fewer, sums.all + rest + more];
      return [
        largest > 0 ? (sums.kept + from * all - before.kept - loss) / largest : 0,
        least > 0 ? (sums.kept + upTo * all - before.kept + gain) / least : 1,
      ];
    });
    low = Math.max(low, Math.min(ends[0][0], ends[1][0]));
    high = Math.min(high, Math.max(ends[0][1], ends[1][1]));
  }
  return { low, high: Math.max(low, Math.min(1, high)) };
}
