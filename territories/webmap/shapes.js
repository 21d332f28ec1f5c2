/* Outlines of communes as they come in the page, and the borders that follow from them. */

/** Rings come as differences of whole 1e-5 degrees: a quarter of the size of GeoJSON. */
export function decoded(shapes) {
  const ring = (flat) => {
    const points = [];
    let x = 0;
    let y = 0;
    for (let k = 0; k < flat.length; k += 2) points.push([(x += flat[k]), (y += flat[k + 1])]);
    return points;
  };
  return shapes.map((polygons) => polygons.map((rings) => rings.map(ring)));
}

export const degrees = ([x, y]) => [y / 1e5, x / 1e5];

/** Area and centre of the largest part of a commune; where its dot and name stand. */
export function centre(polygons) {
  let best = { area: -1, point: [0, 0] };
  for (const [outer] of polygons) {
    let [area, x, y] = [0, 0, 0];
    const [left, bottom] = outer[0]; // a near origin keeps the products exact
    outer.forEach((one, k) => {
      const two = outer[(k + 1) % outer.length];
      const [ax, ay, bx, by] = [one[0] - left, one[1] - bottom, two[0] - left, two[1] - bottom];
      const cross = ax * by - bx * ay;
      area += cross;
      x += (ax + bx) * cross;
      y += (ay + by) * cross;
    });
    if (Math.abs(area) <= best.area) continue;
    const point = area ? [left + x / (3 * area), bottom + y / (3 * area)] : outer[0];
    best = { area: Math.abs(area), point };
  }
  return best;
}

export function corners(points) {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    if (x < west) west = x;
    if (x > east) east = x;
    if (y < south) south = y;
    if (y > north) north = y;
  }
  return [[west, south], [east, north]];
}

/** Each piece of border once, with the communes on its two sides (-1: outside the layer).
    Borders of any division follow from it, on the very line of the communes. */
export function topology(shapes) {
  const points = [];
  const numbers = new Map();
  const numberOf = (point) => {
    const key = (point[0] + 2e7) * 4e7 + point[1] + 1e7; // below 2^53: exact
    let number = numbers.get(key);
    if (number === undefined) {
      number = points.push(point) - 1;
      numbers.set(key, number);
    }
    return number;
  };
  const pieces = new Map();
  shapes.forEach((polygons, commune) => {
    for (const ring of polygons.flat()) {
      let one = numberOf(ring[ring.length - 1]);
      for (const point of ring) {
        const two = numberOf(point);
        const key = Math.min(one, two) * 1e8 + Math.max(one, two);
        const known = pieces.get(key);
        if (known) known.right = commune;
        else pieces.set(key, { one, two, left: commune, right: -1 });
        one = two;
      }
    }
  });
  return { points, pieces: [...pieces.values()] };
}

/** Lines between communes that `sideOf` tells apart; joined end to end, so dashes run on. */
export function borders(topology, sideOf) {
  const chosen = topology.pieces.filter(
    ({ left, right }) => sideOf(left) !== (right < 0 ? undefined : sideOf(right)),
  );
  const meeting = new Map();
  for (const piece of chosen) {
    for (const end of [piece.one, piece.two]) {
      if (meeting.has(end)) meeting.get(end).push(piece);
      else meeting.set(end, [piece]);
    }
  }
  const used = new Set();
  const follow = (start, piece) => {
    const line = [start];
    for (let at = start; piece; ) {
      used.add(piece);
      at = piece.one === at ? piece.two : piece.one;
      line.push(at);
      const next = meeting.get(at);
      piece = next.length === 2 ? next.find((other) => !used.has(other)) : undefined;
    }
    return line.map((point) => degrees(topology.points[point]));
  };
  const lines = [];
  for (const [point, pieces] of meeting) {
    if (pieces.length === 2) continue; // inside a line; lines start where three meet
    for (const piece of pieces) if (!used.has(piece)) lines.push(follow(point, piece));
  }
  for (const piece of chosen) if (!used.has(piece)) lines.push(follow(piece.one, piece)); // loops
  return lines;
}
