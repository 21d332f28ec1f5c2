/* Communes claimed by several: what the flows and the practices say of each claim, and the decision. */
import { element } from "./elements.js";
import { folded } from "./words.js";
import { panelBounds, panelButton, panelDecide, panelDialog, panelTable, panelTerritories, panelTerritory } from "./dialogs.js";
import { memberText } from "./table.js";

const CLAIMS_SHARED = 3; // territories that may share a commune

/** Communes that a territory claims beside those it belongs to. */
function claimedCommunes(app) {
  const found = [];
  for (let commune = 0; commune < app.data.codes.length; commune += 1) {
    if (app.model.claims(commune).length) found.push(commune);
  }
  return found;
}

/** What is known of the practices in the commune itself. */
function claimsPractices(app, commune) {
  const { data, text } = app;
  const physicians = (data.backgrounds && data.backgrounds.physicians) || [];
  const value = physicians[commune];
  if (value == null) return "";
  if (value < 0) return text.say("editor.claims_few");
  if (value === 0) return text.say("editor.claims_no_practice");
  return text.say("editor.claims_practices", { count: text.number(value) });
}

export function claimsPanel(app) {
  const { model, text, data } = app;

  async function decided(lines, sentence) {
    const { ok, why } = await panelDecide(app, lines);
    panel.say(ok ? sentence : why, !ok);
  }

  function row(commune, evidence, members, ticked) {
    const name = panelTerritory(app, evidence.id);
    const code = data.codes[commune];
    const member = members.has(evidence.id);
    const values = { commune: data.names[commune], territory: name };
    const give = () =>
      decided([{ action: "move", code, target: evidence.id }], text.say("editor.claims_given", values));
    const withdraw = () =>
      decided([{ action: "withdraw", code, target: evidence.id }], text.say("editor.claims_withdrawn", values));
    const tick = element("input", {
      type: "checkbox",
      value: evidence.id,
      checked: ticked,
      "aria-label": text.say("editor.claims_tick", values),
    });
    const parts = element("input", {
      type: "number",
      class: "tw-part",
      min: 1,
      max: 100,
      value: 1,
      "aria-label": text.say("editor.claims_parts", values),
    });
    const cells = [
      element("strong", {}, name),
      text.say(member ? "editor.claims_member" : "editor.claims_claims"),
      panelBounds(text, evidence.share_low, evidence.share_high),
      element("span", { class: "tw-parts" }, tick, parts),
      element(
        "span",
        { class: "tw-actions" },
        panelButton(text.say(member ? "editor.claims_keep" : "editor.claims_give"), give, {
          "aria-label": text.say("editor.claims_give_to", values),
        }),
        member
          ? null
          : panelButton(text.say("editor.claims_withdraw"), withdraw, {
              "aria-label": text.say("editor.claims_withdraw_of", values),
            }),
      ),
    ];
    return { cells, tick, parts, id: evidence.id };
  }

  function card(commune) {
    const code = data.codes[commune];
    const members = new Set(model.members(commune).map(([id]) => id));
    const rows = model
      .claimEvidence(commune)
      .map((evidence, k) => row(commune, evidence, members, k < CLAIMS_SHARED));
    const share = () => {
      const chosen = rows.filter((each) => each.tick.checked);
      const parts = chosen.map((each) => Math.round(Number(each.parts.value)));
      if (chosen.length < 2 || chosen.length > CLAIMS_SHARED || parts.some((part) => !(part >= 1))) {
        panel.say(text.say("editor.claims_two_or_three"), true);
        return;
      }
      const target = chosen.map((each) => each.id).join("|");
      const names = chosen.map((each) => panelTerritory(app, each.id)).join(", ");
      decided(
        [{ action: "share", code, target, parts }],
        text.say("editor.claims_shared", { commune: data.names[commune], names }),
      );
    };
    const release = () =>
      decided(
        [{ action: "release", code }],
        text.say("editor.claims_released", { commune: data.names[commune] }),
      );
    const show = () => {
      panel.close();
      app.zoomTo([commune]);
      app.select(commune);
    };
    const people = data.population[commune];
    const about = [
      people == null ? "" : text.count("editor.claims_people", people),
      text.say("editor.claims_now", { territory: memberText(app, commune) }),
      claimsPractices(app, commune),
    ];
    const heads = ["territory", "state", "share", "parts", "decide"].map((head) =>
      text.say(`editor.claims_head_${head}`),
    );
    const title = element("h3", { id: `tw-claim-${commune}` }, `${data.names[commune]} (${code})`);
    return element(
      "section",
      { class: "tw-claim", "aria-labelledby": title.id },
      title,
      element("p", { class: "tw-help" }, about.filter(Boolean).join(" · ")),
      panelTable(
        heads,
        rows.map((each) => each.cells),
        { caption: text.say("editor.claims_table", { commune: data.names[commune] }) },
      ),
      element(
        "p",
        { class: "tw-actions" },
        data.settings.overlaps ? panelButton(text.say("editor.claims_share"), share) : null,
        panelButton(text.say("editor.claims_release"), release),
        panelButton(text.say("editor.panel_show"), show),
      ),
    );
  }

  /** A claim said here: which commune, by which territory. */
  function added() {
    const list = element(
      "datalist",
      { id: "tw-claim-communes" },
      ...data.names.map((name, k) => element("option", { value: `${name} (${data.codes[k]})` })),
    );
    const commune = element("input", { id: "tw-claim-commune", list: list.id, autocomplete: "off" });
    const territory = element(
      "select",
      { id: "tw-claim-territory", class: "tw-select" },
      ...panelTerritories(app).map((each) => element("option", { value: each.id }, each.name)),
    );
    const add = () => {
      const found = claimsFound(data, commune.value);
      if (found < 0) {
        panel.say(text.say("editor.claims_no_commune", { name: commune.value }), true);
        commune.focus();
        return;
      }
      const values = { commune: data.names[found], territory: panelTerritory(app, territory.value) };
      const line = { action: "claim", code: data.codes[found], target: territory.value };
      decided([line], text.say("editor.claims_added", values));
    };
    const labelled = (input, key) =>
      element("p", { class: "tw-field" }, element("label", { for: input.id }, text.say(key)), input);
    return element(
      "section",
      { class: "tw-bar", "aria-label": text.say("editor.claims_add_title") },
      list,
      labelled(commune, "editor.claims_commune"),
      labelled(territory, "editor.claims_by"),
      panelButton(text.say("editor.claims_add"), add),
    );
  }

  function fill(body) {
    const communes = claimedCommunes(app);
    const help = communes.length ? "editor.claims_help" : "editor.claims_empty";
    const flows = data.flows ? null : element("p", { class: "tw-help" }, text.say("editor.claims_no_flows"));
    body.replaceChildren(
      element("p", { class: "tw-help" }, text.say(help)),
      ...(flows ? [flows] : []),
      ...communes.map(card),
      added(),
    );
  }

  const panel = panelDialog(app, { name: "claims", title: text.say("editor.claims_title"), fill, wide: true });
  return panel;
}

/** The commune one typed: its code, its name, or what the list proposes: « name (code) ». */
function claimsFound(data, typed) {
  const code = (/\(([0-9AB]{5})\)\s*$/i.exec(typed) || [null, typed.trim()])[1].toUpperCase();
  const byCode = data.codes.indexOf(code);
  if (byCode >= 0) return byCode;
  const name = folded(typed);
  const named = data.names.flatMap((each, k) => (folded(each) === name ? [k] : []));
  return named.length === 1 ? named[0] : -1;
}
