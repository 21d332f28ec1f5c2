/* The map page of `territories`: one layer of communes that changes its colours with the theme.

   Called by the page as `territoriesMap(map, id)`: a Leaflet map, and the id of the element that
   holds the data as JSON. Data reach the page as text nodes and attributes only (`element`),
   never as markup, so a name cannot run.

   Parts, in this order: words, elements, geometry, colours, themes, layers, names, card, search,
   panel, start. */
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const CLASSES = ["always", "all_but_one", "majority", "relative", "none", "insufficient"];
  const STATES = ["agree", "differ", "liberal_only", "hospital_only", "neither"];
  const TIED = -2; // a pole number below zero: no pole, because two places are equal; else -1

  // Above a base map (200), below what users add (Leaflet's overlays: 400); names above those.
  const PANES = { communes: 350, borders: 360, chosen: 370, names: 450 };

  // Lightness (CIE L*) of the tints: equal for all hues, so that the class is read from the shade
  // and the pole from the hue. Full colours are all darker than the first tint.
  const FIRST_TINT = 78;
  const SECOND_TINT = 90;
  // White in the fills of themes without classes: calmer than the full colours.
  const CALM = 0.3;

  // From this zoom on communes bear their names, at most so many in view; in a small layer, only
  // once the reader has come a step nearer than the whole of it.
  const NEAR = 10;
  const STEP = 0.75;
  const MOST_NAMES = 150;

  const INK = "#18212b";
  const BLANK = "#ffffff";
  const GREY = "#c3c9cf";
  const AGREE = "#9cc4e4";
  const DIFFER = "#d9601a";

  // Stability: shares of the runs, in percents, from which on a commune or a border is of a class.
  // One hue from light to dark on a pale ground: read without telling colours apart.
  const HELD = [90, 75, 50, 0];
  const HELD_NAMES = ["stable", "frontier_1", "frontier_2", "frontier_3"];
  const HELD_FILLS = ["#cddeea", "#fdbf7c", "#e0592f", "#7f1d0a"];
  const SOLID = [90, 50, 0];
  const SOLID_NAMES = ["solid", "weak_1", "weak_2"];
  const SOLID_LINES = [
    { width: 3.4, casing: 5.5 },
    { width: 2.8, casing: 5, dash: "10 6" },
    { width: 2.8, casing: 5, dash: "2 7" },
  ];

  // Comparison: what both draw, what only the territories draw, what only the other zoning draws.
  const COMPARED_NAMES = ["border_both", "border_own", "border_other"];
  const COMPARED_LINES = [
    { width: 4.6, casing: 7, colour: INK },
    { width: 1.8, casing: 4, colour: INK },
    // White on dark, so that it shows beside any fill to all eyes.
    { width: 2.2, casing: 4.8, dash: "7 5", colour: BLANK, light: "#a3004f", veil: 1 },
  ];

  // ---------------------------------------------------------------- words

  function words(data) {
    const numbers = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB");
    const percents = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB", {
      style: "percent",
      maximumFractionDigits: 0,
    });
    const decimals = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB", {
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    });
    const plurals = new Intl.PluralRules(data.language);
    function say(key, values = {}) {
      // A function as replacement: "$&" in a name is text.
      return data.words[key.includes(".") ? key : `map.${key}`].replace(/\{(\w+)\}/g, (whole, name) =>
        name in values ? String(values[name]) : whole,
      );
    }
    return {
      say,
      number: (value) => numbers.format(value),
      decimal: (value) => (value == null ? "–" : decimals.format(value)),
      percent: (part, whole) => {
        const share = whole > 0 ? part / whole : 0;
        if (share > 0 && share < 0.005) return `< ${percents.format(0.01)}`;
        if (share >= 0.995 && share < 1) return `> ${percents.format(0.99)}`;
        return percents.format(share);
      },
      count: (key, value) =>
        say(plurals.select(value) === "one" ? `${key}_one` : key, { count: numbers.format(value) }),
    };
  }

  /** Lower case without accents, ligatures, hyphens or apostrophes: how people type names. */
  function folded(text) {
    return text
      .toLowerCase()
      .replace(/œ/g, "oe")
      .replace(/æ/g, "ae")
      .normalize("NFD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[-–’'`.,]/g, " ")
      .replace(/\s+/g, " ")
      .trim();
  }

  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  // ---------------------------------------------------------------- elements

  /** Make an element; children that are not elements become text. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    return filled(made, attributes, children);
  }

  function drawing(tag, attributes = {}, ...children) {
    return filled(document.createElementNS(SVG, tag), attributes, children);
  }

  function filled(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
  }

  /** A sample of one or several fills, as in a printed legend. */
  function swatch(...fills) {
    const width = 36 / fills.length;
    const parts = fills.map((fill, k) =>
      drawing("rect", { x: k * width, y: 0, width, height: 22, fill }),
    );
    const frame = drawing("rect", { x: 0.5, y: 0.5, width: 35, height: 21, class: "tm-frame" });
    const size = { width: 36, height: 22, class: "tm-swatch", "aria-hidden": "true" };
    return drawing("svg", size, ...parts, frame);
  }

  /** A sample of a line, as in a printed legend. */
  function lineSwatch({ width, casing, dash, colour = INK, light }) {
    const place = { x1: 2, y1: 11, x2: 34, y2: 11 };
    const line = drawing("line", { ...place, stroke: colour, "stroke-width": width, "stroke-dasharray": dash });
    const below = light && drawing("line", { ...place, stroke: light, "stroke-width": casing });
    const size = { width: 36, height: 22, class: "tm-swatch", "aria-hidden": "true" };
    return drawing("svg", size, below, line);
  }

  // ---------------------------------------------------------------- geometry

  /** Rings come as differences of whole 1e-5 degrees: a quarter of the size of GeoJSON. */
  function decoded(shapes) {
    const ring = (flat) => {
      const points = [];
      let x = 0;
      let y = 0;
      for (let k = 0; k < flat.length; k += 2) points.push([(x += flat[k]), (y += flat[k + 1])]);
      return points;
    };
    return shapes.map((polygons) => polygons.map((rings) => rings.map(ring)));
  }

  const degrees = ([x, y]) => [y / 1e5, x / 1e5];

  /** Area and centre of the largest part of a commune; where its dot and name stand. */
  function centre(polygons) {
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

  function corners(points) {
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
  function topology(shapes) {
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
  function borders(topology, sideOf) {
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

  // ---------------------------------------------------------------- colours

  const channels = (colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));

  function lightness(rgb) {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    return luminance > 0.008856 ? 116 * Math.cbrt(luminance) - 16 : 903.3 * luminance;
  }

  const whitened = (rgb, white) => rgb.map((value) => Math.round(value + (255 - value) * white));
  const written = (rgb) => `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  const calm = (colour) => written(whitened(channels(colour), CALM));

  /** Mix with white until the wanted lightness. */
  function tint(colour, wanted) {
    const full = channels(colour);
    let [low, high] = [0, 1];
    for (let k = 0; k < 12; k += 1) {
      const middle = (low + high) / 2;
      if (lightness(whitened(full, middle)) < wanted) low = middle;
      else high = middle;
    }
    return written(whitened(full, high));
  }

  /** Remember the result for each argument: paths are many, colours few. */
  function remembered(make) {
    const known = new Map();
    return (key) => {
      if (!known.has(key)) known.set(key, make(key));
      return known.get(key);
    };
  }

  /** Fills that are not one colour, made once each. Leaflet's canvas would drop them: SVG only. */
  function patterns(container, prefix) {
    const known = new Map();
    const definitions = drawing("defs");
    // Not display:none: some browsers then drop the patterns too.
    container.append(
      drawing("svg", { width: 0, height: 0, class: "tm-defs", "aria-hidden": "true" }, definitions),
    );
    function made(name, size, turn, ...shapes) {
      if (!known.has(name)) {
        const id = `${prefix}-fill-${known.size}`;
        known.set(name, `url(#${id})`);
        const box = { id, width: size, height: size, patternUnits: "userSpaceOnUse" };
        definitions.append(
          drawing("pattern", { ...box, patternTransform: `rotate(${turn})` }, ...shapes),
        );
      }
      return known.get(name);
    }
    const ground = (size, fill) => drawing("rect", { width: size, height: size, fill });
    const band = (size, width, fill) => drawing("rect", { width, height: size, fill });
    return {
      hatched: (fill, paper = BLANK) =>
        made(`hatched ${fill} ${paper}`, 8, 45, ground(8, paper), band(8, 3.4, fill)),
      striped: (one, two) => made(`striped ${one} ${two}`, 16, 45, ground(16, one), band(16, 8, two)),
      lined: (fill, line) => made(`lined ${fill} ${line}`, 7, 45, ground(7, fill), band(7, 1.7, line)),
      dotted: (fill, dot) =>
        made(
          `dotted ${fill} ${dot}`,
          9,
          30,
          ground(9, fill),
          drawing("circle", { cx: 4.5, cy: 4.5, r: 2, fill: dot }),
        ),
      crossed: (fill, line) =>
        made(`crossed ${fill} ${line}`, 9, 45, ground(9, fill), band(9, 1.4, line), drawing("rect", { width: 9, height: 1.4, fill: line })),
    };
  }

  // ---------------------------------------------------------------- themes

  /** Communes of a territory, shared ones too, and its people: these by the weight of sharing. */
  function memberships(data) {
    const found = data.territories.map(() => ({ communes: [], population: 0 }));
    data.codes.forEach((_, commune) => {
      const main = data.territory[commune];
      for (const [territory, weight] of data.shared[commune] || (main < 0 ? [] : [[main, 1]])) {
        found[territory].communes.push(commune);
        found[territory].population += weight * (data.population[commune] || 0);
      }
    });
    return (territory) => ({
      communes: found[territory].communes,
      population: Math.round(found[territory].population),
    });
  }

  const plain = remembered((colour) => ({ fill: colour, base: colour }));

  const classOf = (bounds, percent) => bounds.findIndex((least) => percent >= least);

  /** How a commune holds: what is not told is with its pole in all the runs. */
  function holding(data) {
    return (commune) => {
      if (data.territory[commune] < 0) return { share: -1 };
      const [share, second = -1, other = 0] = data.stability.communes[commune] || [100];
      return { share, second, other };
    };
  }

  /** The class of each border between two territories; what is not told is solid. */
  function solidity(data) {
    const known = new Map();
    const { borders: flat } = data.stability;
    const key = (one, two) => Math.min(one, two) * data.codes.length + Math.max(one, two);
    for (let k = 0; k < flat.length; k += 3) known.set(key(flat[k], flat[k + 1]), flat[k + 2]);
    return ({ left, right }) =>
      right < 0 ? 0 : classOf(SOLID, known.get(key(left, right)) ?? 100);
  }

  /** What can be shown, each as {key, name, paint(commune), legend(), names()}.
      `paint` gives {fill, base}: the fill and the plain colour nearest to it. */
  function themes(data, text, fills) {
    const everyone = data.codes.map((_, commune) => commune);
    const people = (communes) => communes.reduce((sum, k) => sum + (data.population[k] || 0), 0);
    const inhabitants = people(everyone);

    const shades = {
      full: (colour) => colour,
      calm,
      first: (colour) => tint(colour, FIRST_TINT),
      second: (colour) => tint(colour, SECOND_TINT),
      hatched: (colour) => tint(colour, SECOND_TINT),
    };
    const paints = Object.fromEntries(
      Object.entries(shades).map(([shade, shadeOf]) => [
        shade,
        remembered((place) => {
          const { colour, external } = data.places[place];
          const base = shadeOf(colour);
          if (shade === "hatched") return { fill: fills.hatched(colour), base };
          if (!external) return plain(base);
          const dot = lightness(channels(base)) > 75 ? colour : BLANK;
          return { fill: fills.dotted(base, dot), base };
        }),
      ]),
    );
    const shaded = (place, shade) => paints[shade](place);
    const tied = { fill: fills.crossed(BLANK, "#8b959f"), base: BLANK };
    const states = [
      plain(AGREE),
      plain(DIFFER),
      { fill: fills.hatched("#5f9fcf"), base: "#d3e4f2" },
      { fill: fills.hatched("#e39a63"), base: "#fbe6d6" },
      plain(GREY),
    ];

    /** Communes by the value of a column, largest population first. */
    function groups(values) {
      const found = new Map();
      values.forEach((value, commune) => {
        if (found.has(value)) found.get(value).push(commune);
        else found.set(value, [commune]);
      });
      return [...found]
        .map(([value, communes]) => ({ value, communes, population: people(communes) }))
        .sort((a, b) => b.population - a.population || a.value - b.value);
    }
    const share = ({ communes, population }) =>
      text.say("share", {
        communes: text.count("communes", communes.length),
        percent: text.percent(population, inhabitants),
      });
    const row = (group, paint, name, detail) => ({
      fills: [paint.fill],
      name,
      detail: detail ?? share(group),
      communes: group.communes,
    });

    /** Legend and names of a column of poles; the shade is the one that is common on the map. */
    function poleRows(found, shade) {
      const rows = (external) =>
        found
          .filter(({ value }) => value >= 0 && data.places[value].external === external)
          .map((group) => row(group, shaded(group.value, shade), data.places[group.value].name));
      return [
        { heading: text.say("poles"), rows: rows(false) },
        { heading: text.say("outside_poles"), rows: rows(true) },
      ];
    }
    const poleNames = (found) =>
      found
        .filter(({ value }) => value >= 0)
        .map(({ value, communes, population }) => ({
          text: data.places[value].name,
          commune: data.places[value].commune,
          communes,
          population,
          external: data.places[value].external,
        }));

    const offered = [];

    if (data.territories) {
      const members = memberships(data);
      const found = data.territories
        .map((_, value) => ({ value, ...members(value) }))
        .sort((a, b) => b.population - a.population || a.value - b.value);
      const uncovered = everyone.filter((commune) => data.territory[commune] < 0);
      const shared = Object.keys(data.shared).map(Number);
      const colour = remembered((territory) => calm(data.territories[territory].colour));
      const paint = (commune) => {
        const territory = data.territory[commune];
        if (data.shared[commune]) {
          const [one, two] = data.shared[commune].map(([member]) => colour(member));
          return { fill: fills.striped(one, two), base: one };
        }
        return plain(territory < 0 ? BLANK : colour(territory));
      };
      const territoryNames = () =>
        found.map(({ value, communes, population }) => ({
          text: data.territories[value].name,
          commune: data.territories[value].commune,
          communes,
          population,
        }));
      const special = [];
      if (shared.length) {
        const group = { communes: shared, population: people(shared) };
        special.push(row(group, paint(shared[0]), text.say("shared")));
      }
      if (uncovered.length) {
        const group = { communes: uncovered, population: people(uncovered) };
        special.push(row(group, plain(BLANK), text.say("uncovered")));
      }
      offered.push({
        key: "territory",
        name: text.say("theme_territory"),
        help: [
          text.count("territories", found.length),
          text.count("communes", everyone.length),
          text.count("people", inhabitants),
        ].join(" · "),
        paint,
        legend: () => [
          { rows: special },
          {
            rows: found.map((group) =>
              row(
                group,
                plain(colour(group.value)),
                data.territories[group.value].name,
                text.say("size", {
                  communes: text.count("communes", group.communes.length),
                  people: text.count("people", group.population),
                }),
              ),
            ),
          },
        ],
        names: territoryNames,
      });

      if (data.stability) {
        const held = holding(data);
        const kinds = data.codes.map((_, commune) => classOf(HELD, held(commune).share));
        const byKind = new Map(groups(kinds).map((group) => [group.value, group]));
        const count = text.number(data.stability.runs);
        offered.push({
          key: "stability",
          name: text.say("theme_stability"),
          help: text.say(`help_stability_${data.stability.kind}`, { count }),
          solidity: true,
          paint: (commune) => plain(kinds[commune] < 0 ? BLANK : HELD_FILLS[kinds[commune]]),
          legend: () => [
            {
              rows: HELD_NAMES.map((name, kind) => {
                const group = byKind.get(kind) || { communes: [], population: 0 };
                const paint = plain(HELD_FILLS[kind]);
                return { ...row(group, paint, text.say(name)), sentence: text.say(`rule_${name}`) };
              }),
            },
            { rows: special.filter(({ name }) => name === text.say("uncovered")) },
            {
              heading: text.say("solidity"),
              rows: SOLID_NAMES.map((name, kind) => ({
                line: SOLID_LINES[kind],
                name: text.say(name),
                sentence: text.say(`rule_${name}`),
                communes: [],
              })),
            },
          ],
          names: territoryNames,
        });
      }
    }

    (data.comparisons || []).forEach((other, number) => {
      const [territories] = offered; // the colours, the list and the names of the territories
      const apart = new Set(other.differs);
      const paint = (commune) => {
        const { fill, base } = territories.paint(commune);
        return apart.has(commune) ? { fill: fills.lined(base, INK), base } : { fill, base };
      };
      const { ari, ami, agreement } = other.figures;
      const values = { ari: text.decimal(ari), ami: text.decimal(ami) };
      const zones = text.count("zones", other.zones.length);
      const group = { communes: other.differs, population: people(other.differs) };
      const list = territories.legend();
      const sample = other.differs.length ? paint(other.differs[0]).fill : fills.lined(GREY, INK);
      offered.push({
        key: `comparison-${number}`,
        name: text.say("theme_comparison", { name: other.name }),
        help: text.say("help_comparison", { name: other.name }),
        compared: number,
        paint,
        legend: () => [
          { rows: [{ ...row(group, { fill: sample }, text.say("differs")) }] },
          {
            rows: COMPARED_NAMES.map((name, kind) => ({
              line: COMPARED_LINES[kind],
              name: text.say(name),
              communes: [],
            })),
          },
          {
            heading: other.name,
            rows: [
              other.crossing
                ? text.say("zones_crossing", { zones, count: text.number(other.crossing) })
                : zones,
              agreement == null ? null : text.say("agreed_people", { percent: text.percent(agreement, 1) }),
              ari == null ? null : text.say("indices", values),
            ]
              .filter(Boolean)
              .map((sentence) => ({ sentence, communes: [] })),
          },
          ...list.map((part, k) => (k ? { heading: text.say("theme_territory"), ...part } : part)),
        ],
        names: territories.names,
      });
    });

    if (data.concordance) {
      const { classes, pole, activities } = data.concordance;
      const kinds = ["full", "first", "second", "hatched"];
      const paint = (commune) => {
        const place = pole[commune];
        if (classes[commune] === 4) return plain(BLANK);
        if (place < 0 || classes[commune] > 4) return plain(GREY);
        return shaded(place, kinds[classes[commune]]);
      };
      const found = groups(pole);
      const most = Math.max(...activities);
      // Three poles' shades side by side say that the hue is the pole's, whichever it is.
      const samples = [];
      for (const { value } of found) {
        const { colour, external } = data.places[value] || { external: true };
        const seen = samples.some((other) => data.places[other].colour === colour);
        if (!external && !seen && samples.length < 3) samples.push(value);
      }
      const sample = (kind) => {
        if (kind === 4 || !samples.length) return [kind === 4 ? BLANK : GREY];
        if (kind === 5) return [GREY];
        return samples.map((value) => shaded(value, kinds[kind]).fill);
      };
      const byClass = new Map(groups(classes).map((group) => [group.value, group]));
      offered.push({
        key: "concordance",
        name: text.say("theme_concordance"),
        help: text.say("help_concordance"),
        paint,
        legend: () => [
          {
            rows: CLASSES.map((_, kind) => {
              const group = byClass.get(kind) || { communes: [], population: 0 };
              return {
                fills: sample(kind),
                name: className(text, kind, most),
                sentence: classSentence(text, kind, most),
                detail: share(group),
                communes: group.communes,
              };
            }),
          },
          ...poleRows(found, "full"),
        ],
        names: () => poleNames(found),
      });
    }

    function poleTheme(key, name, column, choice) {
      const found = groups(column);
      const rest = (value, paint, label) =>
        found.filter((group) => group.value === value).map((group) => row(group, paint, label));
      offered.push({
        key,
        name,
        help: text.say("help_pole"),
        choice,
        paint: (commune) => {
          if (column[commune] === TIED) return tied;
          return column[commune] < 0 ? plain(GREY) : shaded(column[commune], "calm");
        },
        legend: () => [
          ...poleRows(found, "calm"),
          {
            rows: [
              ...rest(TIED, tied, text.say("tied")),
              ...rest(-1, plain(GREY), text.say("not_significant")),
            ],
          },
        ],
        names: () => poleNames(found),
      });
    }
    data.activities.forEach(({ name, pole }, k) =>
      poleTheme(`activity-${k}`, name, pole, "activity"),
    );

    if (data.hospital) {
      const { hospital, agreement } = data.hospital;
      poleTheme("hospital", text.say("theme_hospital"), hospital);
      const paint = (commune) => states[agreement[commune]] || plain(GREY);
      const byState = new Map(groups(agreement).map((group) => [group.value, group]));
      offered.push({
        key: "agreement",
        name: text.say("theme_agreement"),
        help: text.say("help_agreement"),
        paint,
        legend: () => [
          {
            rows: STATES.map((state, k) => {
              const group = byState.get(k) || { communes: [], population: 0 };
              return row(group, states[k], capital(text.say(`agreement.${state}`)));
            }),
          },
        ],
        names: () => poleNames(groups(hospital)),
      });
    }
    return offered;
  }

  /** From six activities on, 66 % admits two exceptions: the name is then the percentage. */
  function className(text, kind, activities) {
    if (kind === 1 && activities >= 6) return text.say("all_but_some");
    return capital(text.say(`class.${CLASSES[kind]}`));
  }

  /** The rule of a class, with what it means for this number of activities ("4 sur 5"). */
  function classSentence(text, kind, activities) {
    const admits = [
      (m) => m === activities,
      (m) => 100 * m >= 66 * activities && m < activities,
      (m) => 2 * m >= activities && 100 * m < 66 * activities,
      (m) => m > 1 && 2 * m < activities,
    ][kind];
    const rule = text.say(`rule_${CLASSES[kind]}`, { activities });
    if (!admits) return rule;
    const matches = Array.from({ length: activities }, (_, k) => activities - k).filter(admits);
    if (!matches.length) return rule;
    const matched = [...matches].reverse().join(text.say("or"));
    return text.say("example", { rule, example: text.say("of", { matched, activities }) });
  }

  // ---------------------------------------------------------------- layers

  function paneFor(map, name) {
    const pane = map.createPane(name);
    pane.style.zIndex = PANES[name];
    return pane;
  }

  /** The communes: one path each, repainted by `paint`. */
  function communeLayer(map, shapes, opacity) {
    paneFor(map, "communes");
    const renderer = L.svg({ pane: "communes", padding: 0.3 });
    // No smoothing and no clipping: each commune alone would be, and gaps would open between them.
    const options = { pane: "communes", renderer, smoothFactor: 0, noClip: true, weight: 0.7 };
    const paths = shapes.map((polygons, commune) => {
      const path = L.polygon(
        polygons.map((rings) => rings.map((ring) => ring.map(degrees))),
        { ...options, fillOpacity: opacity },
      );
      path.commune = commune;
      return path;
    });
    const layer = L.featureGroup(paths).addTo(map);
    layer.paths = paths;
    layer.paint = (paint, lines) =>
      paths.forEach((path, commune) => {
        const { fill, base } = paint(commune);
        // Without borders a line of the fill's own colour hides the seams between neighbours.
        const line = !lines ? base : lightness(channels(base)) > 88 ? "#aab3bc" : "#ffffff";
        path.setStyle({ fillColor: fill, color: line, opacity: lines ? 0.75 : opacity });
      });
    return layer;
  }

  /** Lines above the communes, light casing below so that they show on dark fills too. */
  function borderLayer(lines, renderer, pane, { width, casing, dash, colour, light = "#ffffff", veil = 0.75 }) {
    const options = { pane, renderer, interactive: false, smoothFactor: 0.5, lineJoin: "round" };
    return L.layerGroup([
      L.polyline(lines, { ...options, color: light, weight: casing, opacity: veil }),
      L.polyline(lines, { ...options, color: colour, weight: width, opacity: 1, dashArray: dash }),
    ]);
  }

  // ---------------------------------------------------------------- names

  /** The commune of the group that stands nearest to its middle. */
  function middle(communes, centres) {
    let [weight, x, y] = [0, 0, 0];
    for (const commune of communes) {
      const { area, point } = centres[commune];
      weight += area;
      x += area * point[0];
      y += area * point[1];
    }
    const away = (commune) => {
      const [cx, cy] = centres[commune].point;
      return (cx - x / weight) ** 2 + (cy - y / weight) ** 2;
    };
    return communes.reduce((best, commune) => (away(commune) < away(best) ? commune : best));
  }

  const overlap = (one, other) =>
    one.left < other.left + other.width &&
    other.left < one.left + one.width &&
    one.top < other.top + other.height &&
    other.top < one.top + one.height;

  function nameLayer(map, data, centres, wholeZoom) {
    const isNear = () => map.getZoom() >= Math.max(NEAR, wholeZoom() + STEP);
    paneFor(map, "names").style.pointerEvents = "none";
    const layer = L.layerGroup().addTo(map);
    let given = null;
    let markers = [];

    /** Biggest first, above its dot, else below, right or left of it; a name that would cover
        what is already placed is hidden, and its dot stays. */
    function spread() {
      const origin = map.getContainer().getBoundingClientRect();
      const parts = map.getContainer().querySelectorAll(".leaflet-control, .tm-panel, .tm-note");
      const placed = [...parts].map((part) => {
        const { left, top, width, height } = part.getBoundingClientRect();
        return { left: left - origin.left, top: top - origin.top, width, height };
      });
      // All sizes are read before any style is written: one layout instead of one a name.
      const sizes = markers.map(({ name }) => [name.offsetWidth, name.offsetHeight]);
      markers.forEach(({ marker, name, pole }, k) => {
        const [width, height] = sizes[k];
        const { x, y } = map.latLngToContainerPoint(marker.getLatLng());
        const sides = pole ? [[0, -1], [0, 1], [1, 0], [-1, 0]] : [[0, 0]];
        const offsets = sides.map(([h, v]) => [h * (width / 2 + 6), v * (height / 2 + 6)]);
        const boxAt = ([dx, dy]) => ({ left: x + dx - width / 2, top: y + dy - height / 2, width, height });
        const free = offsets.find((offset) => placed.every((other) => !overlap(boxAt(offset), other)));
        name.style.visibility = free ? "visible" : "hidden";
        if (!free) return;
        placed.push(boxAt(free));
        const [dx, dy] = free.map(Math.round);
        name.style.transform = `translate(calc(-50% + ${dx}px), calc(-50% + ${dy}px))`;
      });
    }

    /** Seen from near, communes have their names too, after those of the theme. */
    function communesInView() {
      if (!isNear()) return [];
      const view = map.getBounds();
      const named = new Set(given.map(({ commune }) => commune));
      return data.names
        .map((text, k) => ({ text, population: data.population[k] || 0, communes: [k], small: true, k }))
        .filter(({ k }) => !named.has(k) && view.contains(degrees(centres[k].point)));
    }

    function marked(name, rank) {
      const pole = name.commune >= 0;
      const anchor = centres[pole ? name.commune : middle(name.communes, centres)].point;
      const kinds = { pole, outside: name.external, small: name.small, big: rank < 8 && !name.small };
      const classes = Object.keys(kinds).filter((kind) => kinds[kind]);
      const html = element(
        "div",
        { class: ["tm-name", ...classes.map((kind) => `tm-name-${kind}`)].join(" ") },
        pole ? element("span", { class: "tm-dot" }) : null,
        element("span", { class: "tm-name-text" }, name.text),
      );
      const icon = L.divIcon({ html, className: "tm-name-icon", iconSize: [0, 0] });
      const options = { icon, pane: "names", interactive: false, keyboard: false };
      const marker = L.marker(degrees(anchor), options).addTo(layer);
      return { marker, name: html.querySelector(".tm-name-text"), pole };
    }

    function draw() {
      layer.clearLayers();
      const bySize = (names) => [...names].sort((a, b) => b.population - a.population);
      markers = given ? [...bySize(given), ...bySize(communesInView()).slice(0, MOST_NAMES)].map(marked) : [];
      spread();
    }

    let near = false;
    map.on("moveend resize", () => {
      const before = near;
      near = isNear();
      if (near || before) draw();
      else spread();
    });
    /** Show these names; null for none at all. */
    function show(names) {
      given = names;
      draw();
    }
    return { show };
  }

  // ---------------------------------------------------------------- card

  /** What is known of a commune, as rows of label and value. No figure of the flows is in the page. */
  function describe(data, text) {
    const placeName = (place) => {
      if (place === TIED) return text.say("tied");
      return place < 0 ? text.say("not_significant") : data.places[place].name;
    };
    const territoryNames = (commune) => {
      const main = data.territory[commune];
      if (main < 0) return text.say("uncovered");
      const several = data.shared[commune] || [[main, 1]];
      return several.map(([territory]) => data.territories[territory].name).join(text.say("and"));
    };
    const held = data.stability && holding(data);
    const percent = (share) => text.percent(share, 100);
    /** "avec son pôle dans 73 % des tirages ; sinon avec Blois (27 %)" */
    function heldWords(k) {
      const { share, second, other } = held(k);
      if (share < 0) return null;
      const values = { share: percent(share) };
      if (second < 0) return text.say("with_pole", values);
      const key = share + other >= 99 ? "with_pole_or" : "with_pole_mostly"; // rounded down, both
      return text.say(key, { ...values, second: data.territories[second].name, other: percent(other) });
    }
    function comparedRows({ name, zones, zone, jaccard, differs }, k) {
      const own = zone[k] < 0 ? text.say("no_zone") : zones[zone[k]];
      const told = differs.includes(k) ? text.say("differing", { zone: own }) : own;
      const rows = [[name, told, "tm-strong tm-rule"]];
      if (jaccard[k] >= 0) rows.push([text.say("jaccard"), text.say("jaccard_of", { percent: percent(jaccard[k]) })]);
      return rows;
    }
    function commune(k) {
      const rows = [];
      if (data.territories) rows.push([text.say("territory"), territoryNames(k), "tm-strong"]);
      for (const other of data.comparisons || []) rows.push(...comparedRows(other, k));
      const words = held && heldWords(k);
      if (words) rows.push([text.say("stability"), words, held(k).share < HELD[0] ? "tm-strong" : ""]);
      if (data.concordance) {
        const { classes, pole, matched, activities } = data.concordance;
        if (pole[k] >= 0) rows.push([text.say("pole"), placeName(pole[k]), "tm-strong"]);
        const named = classes[k] < 0 ? capital(text.say("unknown")) : className(text, classes[k], activities[k]);
        rows.push([text.say("concordance"), named]);
        if (pole[k] >= 0) {
          const of = text.say("of_activities", { matched: matched[k], activities: activities[k] });
          const percent = text.percent(matched[k], activities[k]);
          rows.push(["", activities[k] < 6 ? of : text.say("example", { rule: of, example: percent })]);
        }
      }
      data.activities.forEach(({ name, pole }, order) =>
        rows.push([name, placeName(pole[k]), order ? "" : "tm-rule"]),
      );
      if (data.hospital) {
        const { hospital, agreement } = data.hospital;
        rows.push([text.say("hospital"), placeName(hospital[k]), "tm-rule"]);
        const known = agreement[k] >= 0 ? `agreement.${STATES[agreement[k]]}` : "unknown";
        rows.push([text.say("agreement"), capital(text.say(known))]);
      }
      const population = data.population[k];
      return {
        title: data.names[k],
        code: data.codes[k],
        lead: population == null ? "" : text.count("people", population),
        rows,
      };
    }
    function territory(number, { communes, population }) {
      const lead = text.say("size", {
        communes: text.count("communes", communes.length),
        people: text.count("people", population),
      });
      const rows = [];
      if (held) {
        const inhabitants = (which) => which.reduce((sum, k) => sum + (data.population[k] || 0), 0);
        const stable = communes.filter((k) => held(k).share >= HELD[0]);
        rows.push([text.say("stable_people"), text.percent(inhabitants(stable), inhabitants(communes))]);
      }
      return { title: data.territories[number].name, code: "", lead, rows };
    }
    return { commune, territory };
  }

  function cardContent({ title, code, lead, rows }) {
    const table = rows.map(([label, value, kind]) =>
      element("tr", { class: kind }, element("th", { scope: "row" }, label), element("td", {}, value)),
    );
    return [
      element("h2", {}, title, code ? element("span", { class: "tm-code" }, code) : null),
      lead ? element("p", { class: "tm-lead" }, lead) : null,
      table.length ? element("table", {}, element("tbody", {}, ...table)) : null,
    ].filter(Boolean);
  }

  /** The card that follows the pointer, kept inside the map. */
  function hoverCard(container) {
    const card = element("div", { class: "tm-card tm-tip", role: "tooltip", hidden: true });
    container.append(card);
    return {
      show(content, point) {
        if (content) card.replaceChildren(...cardContent(content));
        card.hidden = false;
        const [width, height] = [card.offsetWidth, card.offsetHeight];
        const right = point.x + 22 + width < container.clientWidth;
        const x = right ? point.x + 22 : Math.max(4, point.x - 22 - width);
        const y = Math.min(Math.max(8, point.y - 30), container.clientHeight - height - 8);
        card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
      },
      hide: () => (card.hidden = true),
    };
  }

  /** The card that stays: top right, until closed. */
  function pinnedCard(container, text, onClose) {
    const body = element("div", { class: "tm-pinned-body", "aria-live": "polite" });
    const close = element(
      "button",
      { type: "button", class: "tm-close", "aria-label": text.say("close"), title: text.say("close"), onclick: onClose },
      "×",
    );
    const card = element("section", { class: "tm-card tm-pinned", hidden: true }, close, body);
    shielded(card);
    container.append(card);
    return {
      show(content) {
        body.replaceChildren(...cardContent(content));
        card.hidden = false;
        card.scrollTop = 0;
      },
      hide: () => (card.hidden = true),
      width: () => (card.hidden ? 0 : card.offsetWidth),
    };
  }

  /** Clicks and wheel on the panel are not for the map below. */
  function shielded(part) {
    L.DomEvent.disableClickPropagation(part);
    L.DomEvent.disableScrollPropagation(part);
    return part;
  }

  // ---------------------------------------------------------------- search

  function searchEntries(data, text) {
    const territories = (data.territories || []).map(({ name }, number) => ({
      kind: "territory",
      number,
      name,
      detail: text.say("territory"),
      keys: [folded(name)],
      weight: Infinity, // before the communes of the same name
    }));
    const communes = data.names.map((name, number) => ({
      kind: "commune",
      number,
      name,
      detail: data.codes[number],
      keys: [folded(name), data.codes[number].toLowerCase()],
      weight: data.population[number] || 0,
    }));
    return [...territories, ...communes];
  }

  /** Names that start with what was typed, then those with a word that does, then the rest. */
  function matches(entries, typed, most = 8) {
    const wanted = folded(typed);
    if (!wanted) return [];
    const rank = ({ keys }) =>
      Math.min(
        ...keys.map((key) => {
          if (key === wanted) return 0;
          if (key.startsWith(wanted)) return 1;
          if (key.includes(` ${wanted}`)) return 2;
          return key.includes(wanted) ? 3 : 9;
        }),
      );
    return entries
      .map((entry) => ({ entry, rank: rank(entry) }))
      .filter((found) => found.rank < 9)
      .sort((a, b) => a.rank - b.rank || b.entry.weight - a.entry.weight || 0)
      .slice(0, most)
      .map((found) => found.entry);
  }

  function searchBox(entries, text, prefix, onPick) {
    const id = `${prefix}-results`;
    const list = element("ul", { id, class: "tm-results", role: "listbox", hidden: true });
    const input = element("input", {
      type: "search",
      class: "tm-search-input",
      placeholder: text.say("search"),
      "aria-label": text.say("search"),
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": id,
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false",
    });
    let found = [];
    let active = 0;

    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function pick(entry) {
      input.value = entry.name;
      close();
      onPick(entry);
    }
    function mark(position) {
      active = (position + found.length) % found.length;
      [...list.children].forEach((option, k) => option.setAttribute("aria-selected", k === active));
      input.setAttribute("aria-activedescendant", `${id}-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
    function refresh() {
      found = matches(entries, input.value);
      if (!input.value.trim()) return close();
      const options = found.map((entry, k) =>
        element(
          "li",
          // Before the field loses the focus, which closes the list.
          { id: `${id}-${k}`, role: "option", onmousedown: (event) => (event.preventDefault(), pick(entry)) },
          element("span", { class: "tm-result-name" }, entry.name),
          element("span", { class: "tm-result-detail" }, entry.detail),
        ),
      );
      const nothing = element("li", { class: "tm-nothing" }, text.say("nothing"));
      list.replaceChildren(...(options.length ? options : [nothing]));
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      if (found.length) mark(0);
    }
    input.addEventListener("input", refresh);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const open = !list.hidden && found.length > 0;
      if (event.key === "ArrowDown" && open) mark(active + 1);
      else if (event.key === "ArrowUp" && open) mark(active - 1);
      else if (event.key === "Enter" && open) pick(found[active]);
      else if (event.key === "Escape" && !list.hidden) {
        close();
        event.stopPropagation(); // the first Escape closes the list, the next one the card
      } else return;
      event.preventDefault();
    });
    return element("div", { class: "tm-search" }, input, list);
  }

  // ---------------------------------------------------------------- panel

  function legendRow({ fills, line, name, sentence, detail, communes }, text, onPick) {
    const labels = element(
      "span",
      { class: "tm-row-text" },
      name ? element("span", { class: "tm-row-name" }, name) : null,
      sentence ? element("span", { class: "tm-row-sentence" }, sentence) : null,
      detail ? element("span", { class: "tm-row-detail" }, detail) : null,
    );
    if (line) return element("li", { class: "tm-row" }, lineSwatch(line), labels);
    if (!fills) return element("li", { class: "tm-row tm-figure" }, labels);
    if (!communes.length) return element("li", { class: "tm-row tm-row-empty" }, swatch(...fills), labels);
    const action = { type: "button", class: "tm-row", title: text.say("zoom_to"), onclick: () => onPick(communes) };
    return element("li", {}, element("button", action, swatch(...fills), labels));
  }

  function legend(theme, text, onPick) {
    const parts = theme
      .legend()
      .filter(({ rows }) => rows.length)
      .flatMap(({ heading, rows }) => [
        heading ? element("h3", {}, heading) : null,
        element("ul", {}, ...rows.map((each) => legendRow(each, text, onPick))),
      ]);
    return [theme.help ? element("p", { class: "tm-help" }, theme.help) : null, ...parts].filter(Boolean);
  }

  /** One radio button a theme; specialties share one, with a list to choose from. */
  function themePicker(offered, text, prefix, onChange) {
    const group = element("fieldset", { class: "tm-themes" }, element("legend", {}, text.say("themes")));
    const radio = (label, pick) => {
      const input = element("input", { type: "radio", name: `${prefix}-theme`, onchange: pick });
      group.append(element("label", { class: "tm-choice" }, input, element("span", {}, label)));
      return input;
    };
    const chosen = new Map();
    let select = null;
    for (const theme of offered) {
      if (!theme.choice) {
        chosen.set(theme.key, radio(theme.name, () => onChange(theme)));
        continue;
      }
      if (!select) {
        const choices = offered.filter(({ choice }) => choice);
        const current = () => choices[select.selectedIndex];
        select = element(
          "select",
          { class: "tm-select", "aria-label": text.say("theme_activity") },
          ...choices.map(({ name }) => element("option", {}, name)),
        );
        const input = radio(text.say("theme_activity"), () => onChange(current()));
        select.addEventListener("change", () => {
          input.checked = true;
          onChange(current());
        });
        group.append(element("div", { class: "tm-with-list" }, input.parentElement, select));
        choices.forEach(({ key }) => chosen.set(key, input));
      }
    }
    return { group, check: (theme) => (chosen.get(theme.key).checked = true) };
  }

  function overlayPicker(overlays, text) {
    const boxes = overlays.map(({ name, shown, toggle }) => {
      const change = (event) => toggle(event.target.checked);
      const input = element("input", { type: "checkbox", checked: shown, onchange: change });
      return element("label", { class: "tm-choice" }, input, element("span", {}, name));
    });
    return element("fieldset", { class: "tm-overlays" }, element("legend", {}, text.say("overlays")), ...boxes);
  }

  /** The panel folds away: on a small projector the map needs the width. */
  function foldable(panel, text, onFold) {
    const button = element("button", { type: "button", class: "tm-fold" });
    function set(folded) {
      panel.classList.toggle("tm-folded", folded);
      const label = text.say(folded ? "unfold" : "fold");
      button.setAttribute("aria-expanded", String(!folded));
      button.setAttribute("aria-label", label);
      button.setAttribute("title", label);
      button.textContent = folded ? "☰" : "‹";
      onFold();
    }
    button.addEventListener("click", () => set(!panel.classList.contains("tm-folded")));
    panel.prepend(button);
    return set;
  }

  // ---------------------------------------------------------------- start

  /** Markers that users add need an image; Leaflet's own would be a file beside the page. */
  function drawnMarker() {
    const pin =
      `<svg xmlns="${SVG}" width="25" height="41" viewBox="0 0 25 41"><path d="M12.5 1C6 1 1 6 1 ` +
      `12.5 1 21 12.5 40 12.5 40S24 21 24 12.5C24 6 19 1 12.5 1Z" fill="#2563a8" stroke="#fff" ` +
      `stroke-width="2"/><circle cx="12.5" cy="12.5" r="4.5" fill="#fff"/></svg>`;
    L.Icon.Default.imagePath = "";
    const iconUrl = `data:image/svg+xml,${encodeURIComponent(pin)}`;
    L.Icon.Default.mergeOptions({ iconUrl, iconRetinaUrl: iconUrl, shadowUrl: "" });
  }

  function controls(map, text, onHome) {
    const home = L.Control.extend({
      onAdd() {
        const label = text.say("home");
        const button = element("button", { type: "button", class: "tm-home", title: label, "aria-label": label, onclick: onHome }, "⌂");
        return shielded(element("div", { class: "leaflet-bar" }, button));
      },
    });
    L.control.scale({ position: "bottomright", imperial: false, maxWidth: 160 }).addTo(map);
    const titles = { zoomInTitle: text.say("zoom_in"), zoomOutTitle: text.say("zoom_out") };
    L.control.zoom({ position: "bottomright", ...titles }).addTo(map);
    new home({ position: "bottomright" }).addTo(map);
  }

  window.territoriesMap = function (map, id) {
    const data = JSON.parse(document.getElementById(id).textContent);
    const container = map.getContainer();
    const text = words(data);
    const shapes = decoded(data.shapes);
    const centres = shapes.map(centre);
    const lines = topology(shapes);
    const extent = L.latLngBounds(corners(lines.points).map(degrees));
    const offered = themes(data, text, patterns(container, id));
    const about = describe(data, text);
    const state = { theme: null, communeLines: !data.comparisons, territoryLines: true, otherLines: true, namesShown: true, moved: false, wholeZoom: Infinity };

    container.classList.add("tm");
    container.setAttribute("aria-label", data.title);
    drawnMarker();
    if (map.attributionControl) map.attributionControl.setPrefix(false);

    const panel = shielded(element("aside", { class: "tm-panel", "aria-label": text.say("panel") }));
    const legendBox = element("section", { class: "tm-legend", "aria-label": text.say("legend") });
    const fold = foldable(panel, text, () => {
      container.classList.toggle("tm-wide", panel.classList.contains("tm-folded"));
      if (!state.moved) home();
    });
    container.append(panel);
    // The view before the layers: Leaflet would draw each commune twice.
    fold(container.clientWidth < 640);

    const communes = communeLayer(map, shapes, data.tiles ? 0.75 : 1);
    const names = nameLayer(map, data, centres, () => state.wholeZoom);
    for (const pane of ["borders", "chosen"]) paneFor(map, pane).style.pointerEvents = "none";
    const above = L.svg({ pane: "borders", padding: 0.3 });
    const chosen = L.layerGroup().addTo(map);
    const chosenRenderer = L.svg({ pane: "chosen", padding: 0.3 });
    const pointed = L.polygon([], {
      pane: "chosen",
      renderer: chosenRenderer,
      interactive: false,
      smoothFactor: 0,
      fill: false,
      color: INK,
      weight: 2.5,
    }).addTo(map);
    const layers = {
      outline: borderLayer(borders(lines, () => 0), above, "borders", { width: 1.6, casing: 3, colour: "#55606b" }),
      territories:
        data.territories &&
        borderLayer(borders(lines, (k) => data.territory[k]), above, "borders", { width: 2.6, casing: 5, colour: INK }),
      solidity: data.stability && solidityLayer(),
      compared: (data.comparisons || []).map(comparedLayers),
      departments: borderLayer(borders(lines, (k) => data.departments[k]), above, "borders", {
        width: 2,
        casing: 4,
        dash: "9 6",
        colour: "#5b2a86",
      }),
    };

    /** Borders of territories and of another zoning: the layer of both and of the former only, and
        that of the other only. */
    function comparedLayers({ zone }) {
      const split = (of) => ({ left, right }) => of[left] !== of[right];
      const [own, other] = [split(data.territory), split(zone)];
      const kinds = [
        (piece) => own(piece) && other(piece),
        (piece) => own(piece) && !other(piece),
        (piece) => !own(piece) && other(piece),
      ];
      const drawn = kinds.map((kind, k) => {
        const pieces = lines.pieces.filter((piece) => piece.right >= 0 && kind(piece));
        // All the pieces are borders already: each side of one is told from the other.
        return borderLayer(borders({ points: lines.points, pieces }, (commune) => commune), above, "borders", COMPARED_LINES[k]);
      });
      return { own: L.layerGroup(drawn.slice(0, 2)), other: drawn[2] };
    }

    /** Borders of territories, each piece as solid as it is. */
    function solidityLayer() {
      const solid = solidity(data);
      const drawn = SOLID_LINES.map((style, kind) => {
        const pieces = lines.pieces.filter((piece) => solid(piece) === kind);
        const along = borders({ points: lines.points, pieces }, (k) => data.territory[k]);
        return borderLayer(along, above, "borders", { ...style, colour: INK });
      });
      return L.layerGroup(drawn);
    }

    /** The part of the map that the panel, and a card beside it, leave free. */
    function padding(card = 0) {
      const margin = 24;
      const width = container.clientWidth;
      const folded = panel.classList.contains("tm-folded") || panel.offsetWidth > width * 0.6;
      const left = folded ? margin : panel.offsetWidth + margin;
      const right = width - left - card > 220 ? card + margin : margin;
      return { paddingTopLeft: [left, margin], paddingBottomRight: [right, margin + 8] };
    }
    function home() {
      map.fitBounds(extent, { ...padding(), animate: false });
      state.wholeZoom = map.getZoom();
      state.moved = false;
    }
    function zoomTo(which) {
      const bounds = L.latLngBounds(which.map((k) => communes.paths[k].getBounds()));
      map.fitBounds(bounds, { ...padding(pinned.width()), maxZoom: 10.5 });
      state.moved = true;
    }
    function highlight(which) {
      chosen.clearLayers();
      if (!which.length) return;
      const inside = new Set(which);
      const around = lines.pieces.filter(({ left, right }) => inside.has(left) !== inside.has(right));
      const rim = borders({ points: lines.points, pieces: around }, (k) => inside.has(k));
      borderLayer(rim, chosenRenderer, "chosen", { width: 3.5, casing: 8, colour: "#ffd60a", light: "#101418" }).addTo(chosen);
    }

    const tip = hoverCard(container);
    const pinned = pinnedCard(container, text, release);
    function release() {
      pinned.hide();
      highlight([]);
    }
    function pinCommune(commune) {
      tip.hide();
      highlight([commune]);
      pinned.show(about.commune(commune));
    }
    function pinGroup(which, content) {
      highlight(which);
      if (content) pinned.show(content);
      else pinned.hide();
      zoomTo(which);
    }
    function pickEntry({ kind, number }) {
      if (kind === "commune") {
        pinCommune(number);
        zoomTo([number]);
      } else {
        const members = memberships(data)(number);
        pinGroup(members.communes, about.territory(number, members));
      }
    }

    function repaint() {
      communes.paint(state.theme.paint, state.communeLines);
    }
    function rename() {
      names.show(state.namesShown ? state.theme.names() : null);
    }
    /** Borders of territories as the theme shows them, where they are wanted. */
    function drawTerritories() {
      const compared = layers.compared[state.theme.compared];
      const territories = compared ? compared.own : state.theme.solidity ? layers.solidity : layers.territories;
      const wanted = [state.territoryLines && territories, state.otherLines && compared && compared.other];
      const all = [layers.solidity, layers.territories, ...layers.compared.flatMap(({ own, other }) => [other, own])];
      for (const layer of all) {
        if (!layer) continue;
        if (wanted.includes(layer)) layer.addTo(map);
        else layer.remove();
      }
    }
    function show(theme) {
      state.theme = theme;
      container.dataset.theme = theme.key;
      repaint();
      rename();
      drawTerritories();
      legendBox.replaceChildren(element("h2", {}, theme.name), ...legend(theme, text, (which) => pinGroup(which)));
      panel.scrollTop = Math.min(panel.scrollTop, legendBox.offsetTop);
    }

    const picker = themePicker(offered, text, id, show);
    const toggled = (layer) => (on) => (on ? layer.addTo(map) : layer.remove());
    const overlays = [
      layers.territories && { name: text.say("overlay_territories"), shown: true, toggle: (on) => ((state.territoryLines = on), drawTerritories()) },
      layers.compared.length && { name: text.say("overlay_other"), shown: true, toggle: (on) => ((state.otherLines = on), drawTerritories()) },
      { name: text.say("overlay_departments"), shown: !data.comparisons, toggle: toggled(layers.departments) },
      { name: text.say("overlay_communes"), shown: state.communeLines, toggle: (on) => ((state.communeLines = on), repaint()) },
      { name: text.say("overlay_names"), shown: true, toggle: (on) => ((state.namesShown = on), rename()) },
    ].filter(Boolean);

    panel.append(
      element("h1", {}, data.title),
      searchBox(searchEntries(data, text), text, id, pickEntry),
      picker.group,
      overlayPicker(overlays, text),
      legendBox,
    );
    if (data.note) container.append(element("p", { class: "tm-note" }, data.note));
    controls(map, text, home);

    communes.on("mouseover", ({ layer, containerPoint }) => {
      const content = about.commune(layer.commune);
      // Beside a card that stays, the one that follows the pointer is short.
      if (pinned.width()) content.rows = content.rows.filter(([, , kind]) => kind === "tm-strong");
      tip.show(content, containerPoint);
      pointed.setLatLngs(layer.getLatLngs());
    });
    communes.on("mousemove", ({ containerPoint }) => tip.show(null, containerPoint));
    communes.on("mouseout", () => {
      tip.hide();
      pointed.setLatLngs([]);
    });
    communes.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      pinCommune(event.layer.commune);
    });
    map.on("click", release);
    map.on("movestart", tip.hide);
    map.on("dragstart", () => (state.moved = true));
    // A notebook gives the frame its size late: the first view follows until somebody moves it.
    map.on("resize", () => state.moved || home());
    container.addEventListener("keydown", (event) => event.key === "Escape" && release());

    layers.outline.addTo(map);
    if (!data.comparisons) layers.departments.addTo(map);
    const first = offered.find(({ key }) => key === data.theme) || offered[0];
    picker.check(first);
    show(first);
    container.dataset.ready = "true";
  };
})();
