/* Where communes lie: which one is under a point, which one is next in a direction, and the line
   between two of them. */
import { borders, topology } from "./shapes.js";

const inRing = (ring, x, y) => {
  let inside = false;
  for (let k = 0, last = ring.length - 1; k < ring.length; last = k, k += 1) {
    const [ax, ay] = ring[k];
    const [bx, by] = ring[last];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
};

/** Finds the commune under a point; a grid of boxes keeps it fast whatever their number. */
export function finder(shapes, boxes) {
  const side = Math.max(1, Math.ceil(Math.sqrt(shapes.length)));
  const all = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [[west, south], [east, north]] of boxes) {
    all[0] = Math.min(all[0], west);
    all[1] = Math.min(all[1], south);
    all[2] = Math.max(all[2], east);
    all[3] = Math.max(all[3], north);
  }
  const column = (x) => Math.floor(((x - all[0]) / (all[2] - all[0] || 1)) * side);
  const line = (y) => Math.floor(((y - all[1]) / (all[3] - all[1] || 1)) * side);
  const cells = new Map();
  boxes.forEach(([[west, south], [east, north]], commune) => {
    for (let i = column(west); i <= column(east); i += 1) {
      for (let j = line(south); j <= line(north); j += 1) {
        const key = i * (side + 2) + j;
        if (cells.has(key)) cells.get(key).push(commune);
        else cells.set(key, [commune]);
      }
    }
  });
  const covers = (commune, x, y) =>
    shapes[commune].some((rings) => rings.filter((ring) => inRing(ring, x, y)).length % 2 === 1);
  /** The commune at this point (1e-5 degrees), or -1. */
  return (x, y) => {
    const near = cells.get(column(x) * (side + 2) + line(y)) || [];
    return near.find((commune) => covers(commune, x, y)) ?? -1;
  };
}

/** Communes with a common border, for each commune. */
export function neighbourhood(count, pairs) {
  const found = Array.from({ length: count }, () => []);
  for (let k = 0; k < pairs.length; k += 2) {
    found[pairs[k]].push(pairs[k + 1]);
    found[pairs[k + 1]].push(pairs[k]);
  }
  return found;
}

/** The neighbour that lies most in the direction (dx, dy: east and north), or -1. */
export function towards(commune, [dx, dy], neighbours, centres) {
  const narrow = Math.cos((centres[commune].point[1] / 1e5) * (Math.PI / 180));
  const [x, y] = centres[commune].point;
  const score = (other) => {
    const east = (centres[other].point[0] - x) * narrow;
    const north = centres[other].point[1] - y;
    return (east * dx + north * dy) / (Math.hypot(east, north) || 1);
  };
  let best = -1;
  let most = 0.25; // not what lies behind or straight across
  for (const other of neighbours[commune]) {
    if (score(other) <= most) continue;
    most = score(other);
    best = other;
  }
  return best;
}

/** Lines between communes, by pair (-1: the outside); joined once, when they are first asked for. */
export function arcs(shapes) {
  const { points, pieces } = topology(shapes);
  const sides = shapes.map(() => new Map());
  const add = (one, other, piece) => {
    if (one < 0) return;
    if (sides[one].has(other)) sides[one].get(other).push(piece);
    else sides[one].set(other, [piece]);
  };
  for (const piece of pieces) {
    add(piece.left, piece.right, piece);
    if (piece.left !== piece.right) add(piece.right, piece.left, piece);
  }
  const known = new Map();
  return {
    topology: { points, pieces },
    beside: (commune) => [...sides[commune].keys()],
    between(one, other) {
      const [low, high] = one < other ? [one, other] : [other, one];
      const key = low * shapes.length + high;
      if (!known.has(key)) {
        const found = sides[high].get(low) || [];
        known.set(key, borders({ points, pieces: found }, (commune) => commune));
      }
      return known.get(key);
    },
  };
}
