/* The card of a commune: beside the pointer, and kept with what can be done with it. */
import { describe, hoverCard } from "./cards.js";
import { element } from "./elements.js";
import { iconButton } from "./shell.js";
import { colourChip } from "./readings.js";

const MOST_FLOWS = 5;
const MOST_TERRITORIES = 3;

export function dossier(app) {
  const { model, data, text, say, shell, state } = app;
  const given = { ...data, territories: null, comparisons: null, activities: data.activities || [], places: data.places || [] };
  const about = describe(given, text);
  const tip = hoverCard(shell.stage);
  const number = (value) => text.number(value);

  /** "Blois 60 % et Vendôme 40 %", with who else claims it. */
  function belonging(commune) {
    const members = model.members(commune);
    if (!members.length) return text.say("uncovered");
    if (members.length === 1) return app.nameOf(members[0][0]);
    return members.map(([id, weight]) => say("share_of", { name: app.nameOf(id), percent: text.percent(weight, 1) })).join(text.say("and"));
  }
  const claimants = (commune) => model.claims(commune).map(app.nameOf).join(text.say("and"));

  function range(low, high) {
    const [least, most] = text.outward(low, high);
    return least === most ? least : say("between", { low: least, high: most });
  }
  const destination = ({ to }) => (to >= 0 ? data.names[to] : data.flows.outside[-to - 1]);
  function flowRows(commune) {
    const flows = data.flows ? model.flowsOf(commune) : [];
    return flows.slice(0, MOST_FLOWS).map((flow) => ({
      name: destination(flow),
      patients: flow.patients,
      share: range(flow.low, flow.high),
      high: flow.high,
    }));
  }

  function tipContent(commune) {
    const rows = [[say("territory"), belonging(commune), "tm-strong"]];
    if (model.claims(commune).length) rows.push([say("claimed_by"), claimants(commune), "tm-strong"]);
    // With a tool in hand the map is looked at: no more than what the tool changes.
    if (state.tool === "explore") flowRows(commune).slice(0, 3).forEach(({ name, share }, k) => rows.push([k ? "" : say("goes_to"), `${name} : ${share}`]));
    const people = data.population[commune];
    return { title: data.names[commune], code: data.codes[commune], lead: people === null ? "" : text.count("people", people), rows };
  }
  app.tip = {
    show: (commune, point) => (shell.card.hidden || commune !== state.commune ? tip.show(commune === null ? null : tipContent(commune), point) : tip.hide()),
    hide: tip.hide,
  };
  app.describe = (commune) => {
    const people = data.population[commune];
    const claims = model.claims(commune).length ? say("told_claims", { names: claimants(commune) }) : "";
    return [data.names[commune], people === null ? "" : text.count("people", people), belonging(commune), claims].filter(Boolean).join(", ");
  };

  const action = (label, run, { primary = false, disabled = false, title = label } = {}) =>
    element("button", { type: "button", class: primary ? "te-button te-primary" : "te-button", disabled, title, onclick: run }, label);

  function actionsOf(commune) {
    if (!app.editable) return null;
    const { target } = state;
    const members = model.members(commune).map(([id]) => id);
    const main = model.main(commune);
    const buttons = [];
    const locked = app.mayTouch(commune) ? null : say("locked_why");
    if (target !== null && !(members.length === 1 && main === target)) {
      buttons.push(action(say("move_to", { name: app.nameOf(target) }), () => app.use([commune], "paint"), { primary: true, disabled: Boolean(locked), title: locked || undefined }));
    }
    if (main !== null && main !== target) buttons.push(action(say("take_target"), () => app.actions.choose(main)));
    if (target !== null && !members.includes(target)) {
      if (data.settings.overlaps && members.length && members.length < 3) {
        buttons.push(action(say("share_with", { name: app.nameOf(target) }), () => app.use([commune], "share"), { disabled: Boolean(locked), title: locked || undefined }));
      }
      const claimed = model.claims(commune).includes(target);
      buttons.push(action(say(claimed ? "withdraw_for" : "claim_for", { name: app.nameOf(target) }), () => app.use([commune], "claim")));
    }
    if (members.length) buttons.push(action(say("release"), () => app.use([commune], "release"), { disabled: Boolean(locked), title: locked || undefined }));
    return element("div", { class: "te-card-actions" }, ...buttons);
  }

  /** The parts of a shared commune, to be set: 2 and 1 are two thirds and one third. */
  function partsForm(commune) {
    const members = model.members(commune);
    if (!app.editable || members.length < 2 || !app.mayTouch(commune)) return null;
    const rows = members.map(([id, weight]) => {
      const input = element("input", { type: "number", min: 1, max: 100, step: 1, required: true, value: Math.round(100 * weight), "aria-label": say("part_of", { name: app.nameOf(id) }) });
      return { id, input, row: element("label", { class: "te-part" }, colourChip(model.colourOf(id)), element("span", {}, app.nameOf(id)), input) };
    });
    const form = element("form", { class: "te-parts" }, element("h3", {}, say("parts")), ...rows.map(({ row }) => row), element("button", { type: "submit", class: "te-button" }, say("apply_parts")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const parts = rows.map(({ input }) => Math.round(Number(input.value)));
      app.step([{ action: "share", code: data.codes[commune], target: rows.map(({ id }) => id).join("|"), parts }]);
    });
    return form;
  }

  function flowTable(commune) {
    const rows = flowRows(commune);
    if (!rows.length) return null;
    const most = Math.max(...rows.map(({ high }) => high), 0.01);
    const lines = rows.map(({ name, share, high }) => {
      const bar = element("span", { class: "te-bar-fill" });
      bar.style.width = `${Math.round((100 * high) / most)}%`;
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, element("span", { class: "te-flow-bar", "aria-hidden": "true" }, bar), share));
    });
    return element("section", { class: "te-flows" }, element("h3", {}, say("where_patients_go")), element("table", {}, element("tbody", {}, ...lines)));
  }

  /** What the flows say of a commune that several want. */
  function evidence(commune) {
    if (!model.claims(commune).length || !data.flows) return null;
    const rows = model.claimEvidence(commune).slice(0, MOST_TERRITORIES).map(({ id, share_low, share_high }) =>
      element("tr", {}, element("th", { scope: "row" }, app.nameOf(id)), element("td", {}, range(share_low, share_high))),
    );
    return element("section", { class: "te-flows" }, element("h3", {}, say("claim_evidence")), element("table", {}, element("tbody", {}, ...rows)));
  }

  function backgroundRows(commune) {
    const { rows } = about.commune(commune);
    const { density, physicians } = data.backgrounds || {};
    if (density && density[commune] !== null) rows.push([say("density"), say("per_km2", { value: number(density[commune]) })]);
    if (physicians) {
      const value = physicians[commune];
      const told = value === null ? text.say("unknown") : value < 0 ? say("few_physicians") : value === 0 ? say("no_physician") : say("per_10000", { value: number(value) });
      rows.push([say("physicians"), told]);
    }
    if (!rows.length) return null;
    const lines = rows.map(([label, value, kind]) => element("tr", { class: kind }, element("th", { scope: "row" }, label), element("td", {}, value)));
    return element("details", {}, element("summary", {}, say("more_known")), element("table", {}, element("tbody", {}, ...lines)));
  }

  function show(commune) {
    if (commune < 0) {
      shell.card.hidden = true;
      return;
    }
    const wasOpen = shell.card.querySelector("details[open]") !== null;
    const people = data.population[commune];
    const members = model.members(commune);
    const chips = members.map(([id]) => colourChip(model.colourOf(id)));
    const claims = model.claims(commune).length ? element("p", { class: "te-claims" }, say("claimed_by"), " : ", element("strong", {}, claimants(commune))) : null;
    const more = backgroundRows(commune);
    if (more && wasOpen) more.open = true;
    const close = iconButton("close", say("close_card"), () => {
      app.select(-1);
      shell.map.focus({ preventScroll: true });
    }, { bare: true });
    const parts = [
      close,
      element("h2", {}, data.names[commune], element("span", { class: "tm-code" }, data.codes[commune])),
      element("p", { class: "tm-lead" }, people === null ? say("population_unknown") : text.count("people", people)),
      element("p", { class: "te-belongs" }, ...chips, element("strong", {}, belonging(commune))),
      claims,
      actionsOf(commune),
      partsForm(commune),
      evidence(commune),
      flowTable(commune),
      more,
    ];
    shell.card.replaceChildren(...parts.filter(Boolean));
    shell.card.hidden = false;
  }
  app.parts.push({
    refresh: () => state.commune >= 0 && show(state.commune),
    targeted: () => state.commune >= 0 && show(state.commune),
    selected(commune) {
      tip.hide();
      show(commune);
      if (commune >= 0) app.announce(app.describe(commune));
    },
  });
  L.DomEvent.disableScrollPropagation(shell.card);
}
