/* What the map can show of the communes: territories, stability, concordance, poles. */
import { capital } from "./words.js";
import { BLANK, GREY, INK, calm, channels, lightness, remembered, tint } from "./shades.js";

const CLASSES = ["always", "all_but_one", "majority", "relative", "none", "insufficient"];
export const STATES = ["agree", "differ", "liberal_only", "hospital_only", "neither"];
export const TIED = -2; // a pole number below zero: no pole, because two places are equal; else -1

// Lightness (CIE L*) of the tints: equal for all hues, so that the class is read from the shade
// and the pole from the hue. Full colours are all darker than the first tint.
const FIRST_TINT = 78;
const SECOND_TINT = 90;

const AGREE = "#9cc4e4";
const DIFFER = "#d9601a";

// Stability: shares of the runs, in percents, from which on a commune or a border is of a class.
// One hue from light to dark on a pale ground: read without telling colours apart.
export const HELD = [90, 75, 50, 0];
const HELD_NAMES = ["stable", "frontier_1", "frontier_2", "frontier_3"];
const HELD_FILLS = ["#cddeea", "#fdbf7c", "#e0592f", "#7f1d0a"];
const SOLID = [90, 50, 0];
const SOLID_NAMES = ["solid", "weak_1", "weak_2"];
export const SOLID_LINES = [
  { width: 3.4, casing: 5.5 },
  { width: 2.8, casing: 5, dash: "10 6" },
  { width: 2.8, casing: 5, dash: "2 7" },
];

// Comparison: what both draw, what only the territories draw, what only the other zoning draws.
const COMPARED_NAMES = ["border_both", "border_own", "border_other"];
export const COMPARED_LINES = [
  { width: 4.6, casing: 7, colour: INK },
  { width: 1.8, casing: 4, colour: INK },
  // White on dark, so that it shows beside any fill to all eyes.
  { width: 2.2, casing: 4.8, dash: "7 5", colour: BLANK, light: "#a3004f", veil: 1 },
];

/** Communes of a territory, shared ones too, and its people: these by the weight of sharing. */
export function memberships(data) {
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
export function holding(data) {
  return (commune) => {
    if (data.territory[commune] < 0) return { share: -1 };
    const [share, second = -1, other = 0] = data.stability.communes[commune] || [100];
    return { share, second, other };
  };
}

/** The class of each border between two territories; what is not told is solid. */
export function solidity(data) {
  const known = new Map();
  const { borders: flat } = data.stability;
  const key = (one, two) => Math.min(one, two) * data.codes.length + Math.max(one, two);
  for (let k = 0; k < flat.length; k += 3) known.set(key(flat[k], flat[k + 1]), flat[k + 2]);
  return ({ left, right }) =>
    right < 0 ? 0 : classOf(SOLID, known.get(key(left, right)) ?? 100);
}

/** What can be shown, each as {key, name, paint(commune), legend(), names()}.
    `paint` gives {fill, base}: the fill and the plain colour nearest to it. */
export function themes(data, text, fills) {
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
export function className(text, kind, activities) {
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
