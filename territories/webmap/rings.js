/* Outlines of territories from those of their communes: borders that two of them share are left out,
   the others joined into rings. */

/** Join communes: polygons in degrees, each its outer ring counter-clockwise, then its holes.

    Communes are as in the payload, or with their points as pairs of whole 1e-5 degrees. */
export function dissolvedRings(shapes) {
  const edges = new Map();
  const points = new Map();
  const keyOf = (point) => {
    const key = (point[0] + 2e7) * 4e7 + point[1] + 1e7; // below 2^53: exact
    if (!points.has(key)) points.set(key, point);
    return key;
  };
  for (const polygons of shapes) {
    for (const rings of polygons) {
      rings.forEach((ring, place) => {
        const listed = ringPoints(ring);
        const turned = ringArea(listed) > 0 === (place === 0) ? listed : listed.reverse();
        let one = keyOf(turned[turned.length - 1]);
        for (const point of turned) {
          const two = keyOf(point);
          if (one !== two) ringEdge(edges, one, two);
          one = two;
        }
      });
    }
  }
  const loops = ringLoops(edges, points).map((keys) => keys.map((key) => points.get(key)));
  return ringPolygons(loops).map((rings) =>
    rings.map((ring) => [...ring, ring[0]].map(([x, y]) => [x / 1e5, y / 1e5])),
  );
}

function ringPoints(ring) {
  if (Array.isArray(ring[0])) return [...ring];
  const points = [];
  let [x, y] = [0, 0];
  for (let k = 0; k < ring.length; k += 2) points.push([(x += ring[k]), (y += ring[k + 1])]);
  return points;
}

/** Twice the area, positive counter-clockwise. */
function ringArea(points) {
  const [left, bottom] = points[0];
  let area = 0;
  points.forEach(([ax, ay], k) => {
    const [bx, by] = points[(k + 1) % points.length];
    area += (ax - left) * (by - bottom) - (bx - left) * (ay - bottom);
  });
  return area;
}

/** Note an edge that has the inside on its left; with that of a neighbour the other way, neither. */
function ringEdge(edges, one, two) {
  const back = edges.get(two);
  const place = back ? back.indexOf(one) : -1;
  if (place >= 0) {
    back.splice(place, 1);
    if (!back.length) edges.delete(two);
  } else if (edges.has(one)) edges.get(one).push(two);
  else edges.set(one, [two]);
}

/** Follow the edges to closed loops, none of which meets itself. */
function ringLoops(edges, points) {
  const loops = [];
  for (const start of [...edges.keys()].sort((one, other) => one - other)) {
    while (edges.has(start)) {
      const line = [start];
      const places = new Map([[start, 0]]);
      let at = start;
      let before = null;
      while (edges.has(at)) {
        const next = ringTurn(edges.get(at), points, before, at);
        ringTake(edges, at, next);
        before = at;
        at = next;
        if (places.has(at)) {
          // Closed, maybe by a point where a border touches itself: that part is a loop of its own.
          const from = places.get(at);
          const loop = line.splice(from);
          for (const key of loop) places.delete(key);
          if (loop.length > 2) loops.push(loop);
          before = line[line.length - 1] ?? null;
        }
        places.set(at, line.push(at) - 1);
      }
    }
  }
  return loops;
}

function ringTake(edges, one, two) {
  const listed = edges.get(one);
  listed.splice(listed.indexOf(two), 1);
  if (!listed.length) edges.delete(one);
}

/** Of the ways on from a point, the leftmost: what touches at a point only stays apart. */
function ringTurn(ways, points, before, at) {
  if (ways.length === 1 || before === null) return ways[0];
  const [from, here] = [points.get(before), points.get(at)];
  const angle = Math.atan2(here[1] - from[1], here[0] - from[0]);
  const turn = (way) => {
    const [x, y] = points.get(way);
    const turned = Math.atan2(y - here[1], x - here[0]) - angle;
    return Math.atan2(Math.sin(turned), Math.cos(turned));
  };
  return ways.reduce((best, way) => (turn(way) > turn(best) ? way : best));
}

/** Put each hole with the smallest outer ring about it. */
function ringPolygons(loops) {
  const measured = loops.map((points) => ({ points, area: ringArea(points) })).filter(({ area }) => area !== 0);
  const outer = measured.filter(({ area }) => area > 0).sort((one, other) => one.area - other.area);
  const polygons = new Map(outer.map((each) => [each, [each.points]]));
  for (const hole of measured.filter(({ area }) => area < 0)) {
    const [one, two] = hole.points;
    const middle = [(one[0] + two[0]) / 2, (one[1] + two[1]) / 2];
    const about = outer.find((each) => each.area > -hole.area && ringHolds(each.points, middle));
    if (about) polygons.get(about).push(hole.points);
  }
  return [...polygons.values()].reverse();
}

function ringHolds(points, [x, y]) {
  let inside = false;
  points.forEach(([ax, ay], k) => {
    const [bx, by] = points[(k + 1) % points.length];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}
