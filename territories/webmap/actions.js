/* What is done to whole territories: new, merge, split, rename, colour, lock, status. */
import { capital, folded } from "./words.js";
import { element } from "./elements.js";
import { chooser, field, formOf } from "./menus.js";

const TERRITORY_STATUSES = ["initiative", "engineering", "contracting", "running"];

export function territoryActions(app) {
  const { model, data, say, state } = app;
  const others = (id) => model.territories().filter((each) => each.id !== id);
  const byName = (a, b) => a.label.localeCompare(b.label);
  const nameInput = (value) => element("input", { type: "text", value, maxlength: 120, required: true, autocomplete: "off" });

  /** Take as target; the brush is then what most people want next. */
  function choose(id) {
    app.target(id);
    if (app.editable && state.tool === "explore") app.tool("paint");
  }
  function create() {
    const commune = state.commune;
    const input = nameInput(commune < 0 ? "" : freeName(data.names[commune]));
    const start = element("input", { type: "checkbox", checked: commune >= 0 });
    const beginning = commune < 0 ? [] : [element("label", { class: "te-check" }, start, say("start_with", { name: data.names[commune] }))];
    formOf(app, say("new_territory"), [field(say("name"), input), ...beginning], async () => {
      const id = model.freshId();
      const lines = [{ action: "new", territory: id, target: input.value.trim() }];
      if (commune >= 0 && start.checked) lines.push({ action: "move", code: data.codes[commune], target: id });
      if ((await app.step(lines)) && model.territory(id)) choose(id);
    }, say("create"));
  }
  function rename(id) {
    const input = nameInput(app.nameOf(id));
    formOf(app, say("rename_title", { name: app.nameOf(id) }), [field(say("name"), input)], () =>
      app.step([{ action: "rename", territory: id, target: input.value.trim() }]),
    );
  }
  /** Territories that touch one. */
  function neighboursOf(id) {
    const near = new Set();
    const own = new Set(model.communesOf(id));
    for (let k = 0; k < data.pairs.length; k += 2) {
      const [one, two] = [data.pairs[k], data.pairs[k + 1]];
      if (own.has(one) !== own.has(two)) near.add(model.main(own.has(one) ? two : one));
    }
    return near;
  }
  function recolour(id) {
    const { colour, name } = model.territory(id);
    const taken = new Map([...neighboursOf(id)].filter((each) => each !== null && each !== id).map((each) => [model.colourOf(each), app.nameOf(each)]));
    const swatches = data.palette.map((each, k) => {
      const near = taken.get(each);
      const label = near === undefined ? say("colour_number", { number: k + 1 }) : say("colour_of_near", { number: k + 1, name: near });
      const input = element("input", { type: "radio", name: "te-colour", value: each, checked: each === colour, "aria-label": label, title: label });
      const chip = element("span", { class: near === undefined ? "te-chip te-chip-big" : "te-chip te-chip-big te-chip-near" });
      chip.style.backgroundColor = each;
      return element("label", { class: "te-colour" }, input, chip);
    });
    const free = element("input", { type: "color", value: colour });
    let chosen = colour;
    const box = element("div", { class: "te-colours" }, ...swatches);
    box.addEventListener("change", (event) => (chosen = event.target.value));
    free.addEventListener("input", () => (chosen = free.value));
    formOf(app, say("colour_title", { name }), [box, element("p", { class: "te-why" }, say("colour_near")), field(say("other_colour"), free)], () =>
      app.step([{ action: "colour", territory: id, target: chosen }]),
    );
  }
  function merge(id) {
    const near = neighboursOf(id);
    const options = others(id).map(({ id: value, name }) => ({ value, label: near.has(value) ? name : say("far_name", { name }) }));
    options.sort((a, b) => near.has(b.value) - near.has(a.value) || byName(a, b));
    if (!options.length) return;
    const preferred = state.target !== null && state.target !== id ? state.target : options[0].value;
    const select = chooser(options, preferred);
    formOf(app, say("merge_title", { name: app.nameOf(id) }), [field(say("merge_into"), select, say("merge_help"))], async () => {
      if (await app.step([{ action: "merge", territory: id, target: select.value }])) app.target(select.value);
    }, say("merge_do"));
  }
  /** A name that no territory has yet. */
  function freeName(name) {
    const used = new Set(model.territories().flatMap((each) => [folded(each.name), folded(each.id)]));
    let [free, k] = [name, 2];
    while (used.has(folded(free))) free = `${name} ${k++}`;
    return free;
  }
  function split(id) {
    const communes = model.communesOf(id);
    const options = communes
      .map((k) => ({ value: String(k), label: `${data.names[k]} (${data.codes[k]})`, people: data.population[k] || 0 }))
      .sort((a, b) => b.people - a.people || byName(a, b));
    const pole = app.poles.get(id);
    const centres = options.filter(({ value }) => Number(value) !== pole);
    if (!centres.length) return app.tell(say("too_small_to_split"), { wrong: true });
    const chosen = communes.includes(state.commune) && state.commune !== pole ? String(state.commune) : centres[0].value;
    const select = chooser(centres, chosen);
    const proposed = () => freeName(data.names[Number(select.value)]);
    const input = nameInput(proposed());
    let typed = false;
    input.addEventListener("input", () => (typed = true));
    select.addEventListener("change", () => typed || (input.value = proposed()));
    formOf(app, say("split_title", { name: app.nameOf(id) }), [field(say("split_around"), select, say("split_help")), field(say("split_name"), input)], async () => {
      const lines = model.split(id, Number(select.value));
      const made = lines.find(({ action }) => action === "new");
      if (made) made.target = input.value.trim();
      if ((await app.step(lines)) && made) app.target(made.territory);
    }, say("split_do"));
  }
  const splitPieces = async (id) => {
    const lines = model.splitPieces(id);
    // Each piece by the name of its largest commune.
    const people = (line) => data.population[app.numberOf(line.code)] || 0;
    for (const made of lines.filter(({ action }) => action === "new")) {
      const inside = lines.filter(({ action, target }) => action === "move" && target === made.territory);
      if (!inside.length) continue;
      const largest = inside.reduce((best, each) => (people(each) > people(best) ? each : best));
      made.target = freeName(data.names[app.numberOf(largest.code)]);
    }
    if (lines.length) await app.step(lines);
  };
  const lock = (id) => app.step([{ action: model.territory(id).locked ? "unlock" : "lock", territory: id }]);
  function lockAll() {
    const locked = model.territories().every((each) => each.locked);
    return app.step([{ action: locked ? "unlock" : "lock", territory: "*" }]);
  }
  const status = (id, wanted) => app.step([{ action: "status", territory: id, target: wanted }]);

  function menu(id) {
    const { locked, status: own } = model.territory(id);
    const why = locked ? say("locked_why") : null;
    const show = [
      { label: say("zoom_territory"), run: () => app.zoomTo(model.communesOf(id)), disabled: !model.communesOf(id).length },
    ];
    if (!app.editable) return show;
    const pieces = model.figures(id).pieces.length;
    if (pieces > 1) show.push({ label: say("zoom_piece"), run: () => app.zoomDetached(id) });
    return [
      { label: say("as_target"), run: () => choose(id) },
      ...show,
      null,
      { label: say("rename"), run: () => rename(id) },
      { label: say("recolour"), run: () => recolour(id) },
      { label: say("merge"), run: () => merge(id), disabled: locked || others(id).length === 0, why },
      { label: say("split"), run: () => split(id), disabled: locked, why },
      ...(pieces > 1 ? [{ label: say("split_pieces"), run: () => splitPieces(id), disabled: locked, why }] : []),
      { label: say(locked ? "unlock" : "lock"), run: () => lock(id) },
      null,
      ...["", ...TERRITORY_STATUSES].map((each) => ({
        label: capital(say(each ? `status_${each}` : "no_status")),
        checked: (own || "") === each,
        run: () => status(id, each),
      })),
    ];
  }
  return { choose, create, rename, recolour, merge, split, lock, lockAll, status, menu };
}
