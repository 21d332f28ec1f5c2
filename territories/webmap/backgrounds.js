/* What the map shows under the borders of the draft: the territories, or a theme of the map page,
   or how dense people and physicians are. Their words and colours are those of the map page. */
import { canvasFills } from "./canvasfills.js";
import { element, lineSwatch } from "./elements.js";
import { legend, overlayPicker, themePicker } from "./legend.js";
import { BLANK, GREY, calm, remembered } from "./shades.js";
import { OUTLINE_LINES } from "./stage.js";
import { themes } from "./themes.js";

const THIN = "#aeb8c2"; // the hatching of white zones: there, and quiet

// Where classes begin; one hue from light to dark, read without telling colours apart.
const DENSITY = { bounds: [0, 25, 50, 100, 300, 1000], fills: ["#f7f3e8", "#efe0b9", "#e3c27e", "#cb9743", "#9c6518", "#5f3a0c"] };
const PHYSICIANS = { bounds: [0, 1e-9, 5, 10, 20, 40], fills: ["#ffffff", "#e3eff2", "#b6d6dd", "#7fb5c1", "#43889a", "#175568"] };

const solid = remembered((colour) => ({ fill: colour, base: colour }));

/** How the communes of the draft are painted, as it is now. */
function draftPaint(model, fills) {
  const colourOf = (id) => calm(model.colourOf(id));
  const white = { fill: fills.lined(BLANK, THIN), base: BLANK };
  return (commune) => {
    const members = model.members(commune);
    const claims = model.claims(commune);
    const own = members.length ? colourOf(members[0][0]) : BLANK;
    if (claims.length) return { fill: fills.claimed(own, colourOf(claims[0])), base: own };
    if (members.length > 1) return { fill: fills.striped(own, colourOf(members[1][0])), base: own };
    return members.length ? solid(own) : white;
  };
}

function draftTheme(app, fills) {
  const { text, say, model } = app;
  const [one, two] = ["#9cc4e4", "#f1c27d"];
  const row = (fill, name) => ({ fills: [fill], name, communes: [] });
  return {
    key: "draft",
    name: say("theme_draft"),
    paint: draftPaint(model, fills),
    legend: () => [
      {
        rows: [
          row(fills.striped(one, two), say("legend_shared")),
          row(fills.claimed(one, two), say("legend_claimed")),
          row(fills.lined(BLANK, THIN), text.say("uncovered")),
        ],
      },
    ],
  };
}

/** A theme of classes of a figure; `special` are values that are no figure, as {value: [fill, words]}. */
function classTheme(app, { key, values, bounds, fills, unit }, special) {
  const { text, say } = app;
  const kindOf = (value) => bounds.reduce((kind, least, k) => (value >= least ? k : kind), 0);
  const paints = values.map((value) => {
    if (value === null || value === undefined) return solid(GREY);
    return value in special ? special[value].paint : solid(fills[kindOf(value)]);
  });
  const row = (kind) => {
    const [from, to] = [bounds[kind], bounds[kind + 1]].map((each) => each !== undefined && text.number(each));
    if (bounds[kind + 1] === undefined) return say("class_last", { from });
    return bounds[kind] === 0 ? say("class_first", { to }) : say("class_between", { from, to });
  };
  const everyone = (wanted) => values.flatMap((value, commune) => (wanted(value) ? [commune] : []));
  const plain = (value) => value !== null && value !== undefined && !(value in special);
  return {
    key,
    name: say(`theme_${key}`),
    help: say(unit),
    paint: (commune) => paints[commune],
    legend: () => [
      {
        rows: [
          ...bounds.flatMap((from, kind) =>
            from > 0 && from < 1e-6
              ? []
              : [{ fills: [fills[kind]], name: row(kind), communes: everyone((value) => plain(value) && kindOf(value) === kind) }],
          ),
          ...Object.entries(special).map(([code, { paint, words }]) => ({
            fills: [paint.fill],
            name: words,
            communes: everyone((value) => value !== null && String(value) === code),
          })),
          { fills: [GREY], name: text.say("unknown"), communes: everyone((value) => value === null || value === undefined) },
        ],
      },
    ],
  };
}

function offeredThemes(app, fills) {
  const { data, text, say } = app;
  // Of the draft as it was given; its own theme there is replaced by that of the draft as it is now.
  const given = { ...data, places: data.places || [], activities: data.activities || [], comparisons: null };
  const others = themes(given, text, fills).filter(({ key }) => key !== "territory");
  const { density, physicians } = data.backgrounds || {};
  if (density) others.push(classTheme(app, { key: "density", values: density, unit: "unit_density", ...DENSITY }, {}));
  if (physicians) {
    const few = { paint: { fill: fills.hatched("#7fb5c1"), base: "#d8e9ed" }, words: say("few_physicians") };
    const none = { paint: solid(BLANK), words: say("no_physician") };
    const bounds = PHYSICIANS.bounds.slice(2);
    const classes = { bounds: [0, ...bounds], fills: PHYSICIANS.fills.slice(1) };
    others.push(classTheme(app, { key: "physicians", values: physicians, unit: "unit_physicians", ...classes }, { "-1": few, 0: none }));
  }
  return [draftTheme(app, fills), ...others];
}

export function backgrounds(app) {
  const { text, say, stage, shell, data, container } = app;
  const fills = canvasFills(container, "te");
  const offered = offeredThemes(app, fills);
  const state = { theme: offered[0], names: true };
  const box = element("div", { class: "te-legend-body" });
  const fold = element("button", { type: "button", class: "te-legend-fold", "aria-expanded": "true" });
  const title = element("span", {});
  fold.append(title);
  function folded(yes) {
    shell.legend.classList.toggle("te-folded", yes);
    fold.setAttribute("aria-expanded", String(!yes));
  }
  fold.addEventListener("click", () => folded(!shell.legend.classList.contains("te-folded")));
  shell.legend.append(fold, box);
  L.DomEvent.disableScrollPropagation(shell.legend);

  function show(theme) {
    state.theme = theme;
    container.dataset.theme = theme.key;
    stage.paintBy(theme.paint, fills.onCanvas);
    title.textContent = theme.name;
    box.replaceChildren(...legend(theme, text, (communes) => app.zoomTo(communes)), ...outlineRows());
    box.scrollTop = 0;
  }
  const shown = new Set();
  function outlineRows() {
    if (!shown.size) return [];
    const rows = [...shown].sort((a, b) => a - b).map((k) => {
      const name = element("span", { class: "tm-row-text" }, element("span", { class: "tm-row-name" }, data.outlines[k].name));
      return element("li", { class: "tm-row" }, lineSwatch(OUTLINE_LINES[k % OUTLINE_LINES.length]), name);
    });
    return [element("ul", {}, ...rows)];
  }
  const picker = themePicker(offered, text, "te", (theme) => {
    show(theme);
    folded(false);
  });
  const overlays = [
    ...data.outlines.map(({ name }, k) => ({
      name,
      shown: k === 0,
      toggle(on) {
        stage.outlines[k](on);
        if (on) shown.add(k);
        else shown.delete(k);
        show(state.theme);
      },
    })),
    {
      name: text.say("overlay_communes"),
      shown: true,
      toggle(on) {
        stage.state.communeLines = on;
        stage.repaintAll();
      },
    },
    {
      name: text.say("overlay_names"),
      shown: true,
      toggle(on) {
        state.names = on;
        showNames();
      },
    },
  ];

  // ---- names of territories: where their pole is; drawn again only when one of them would differ
  let drawnNames = "";
  function showNames() {
    const { model } = app;
    const names = model.territories().filter(({ empty }) => !empty).map(({ id, name }) => {
      const communes = model.communesOf(id);
      const pole = app.poles.get(id) ?? -1;
      const population = communes.reduce((sum, k) => sum + (data.population[k] || 0), 0);
      return { text: name, commune: pole, communes, population };
    });
    const key = JSON.stringify([state.names, names.map(({ text: name, commune, communes }) => [name, commune, commune < 0 ? communes : 0])]);
    if (key === drawnNames) return;
    drawnNames = key;
    stage.names.show(state.names ? names : null);
  }
  app.poles = new Map(data.territories.map(({ id, commune }) => [id, commune]));
  let timer = 0;
  app.parts.push({
    refresh() {
      clearTimeout(timer);
      timer = setTimeout(showNames, 120);
    },
  });
  app.fills = fills;
  app.theme = () => state.theme;
  app.showTheme = (key) => {
    const theme = offered.find((each) => each.key === key);
    picker.check(theme);
    show(theme);
  };

  picker.check(offered[0]);
  stage.borderBy(app.model.main);
  show(offered[0]);
  if (data.outlines.length) overlays[0].toggle(true);
  showNames();
  if (container.clientWidth < 1100) folded(true);
  app.backgroundPanel = element("div", { class: "te-background" }, picker.group, overlayPicker(overlays, text));
}
