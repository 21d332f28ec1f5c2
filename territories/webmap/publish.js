/* Status of the territories, and the copy for the public: this page with only what may be shown. */
import { element } from "./elements.js";
import { fileName } from "./log.js";
import { panelButton, panelChoice, panelDecide, panelDialog, panelDownload, panelTable, panelTerritories } from "./dialogs.js";

const STATUSES = ["initiative", "engineering", "contracting", "running"];

let publishedSource = null;

/** Keep the page as it came, before anything is built in it. Called first of all. */
export function keepSource() {
  publishedSource = document.documentElement.cloneNode(true);
}

/** What the public copy holds: the territories of these statuses, on the same communes. */
export function publicData(model, data, statuses) {
  const kept = model
    .territories()
    .filter((each) => !each.empty && statuses.includes(each.status || ""));
  const place = new Map(kept.map((each, k) => [each.id, k]));
  const territory = [];
  const shared = {};
  for (let commune = 0; commune < data.codes.length; commune += 1) {
    const members = model
      .members(commune)
      .filter(([id]) => place.has(id))
      .map(([id, weight]) => [place.get(id), weight]);
    territory.push(members.length ? members[0][0] : -1);
    // Shared with a territory that is not shown: only its part here is told.
    if (members.length && members[0][1] < 1) shared[commune] = members;
  }
  const { density = null } = data.backgrounds || {};
  const { concordance, hospital, stability, ...rest } = data; // what care says is left out
  return {
    ...rest,
    id: publishedId(data.id),
    draft: { ...data.draft, parent: null },
    settings: { ...data.settings, public: true },
    words: publishedWords(data.words),
    territories: kept.map((each) => ({
      id: each.id,
      name: each.name,
      commune: data.codes.indexOf(each.id),
      colour: each.colour,
      status: each.status,
      lock: null,
    })),
    territory,
    shared,
    claims: {},
    drafts: [],
    log: [],
    flows: null,
    places: [],
    activities: [],
    backgrounds: { density },
  };
}

/** Communes without a territory here may have one that is not shown. */
const publishedWords = (words) => ({ ...words, "map.uncovered": words["editor.public_uncovered"] });

/** Another identity, so that the copy's page takes up no draft of this one's. */
const publishedId = (id) => String(id).split("").reverse().join("");

/** JSON that cannot leave its script element, whatever the names in it. */
function embeddedJson(data) {
  return JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The page again, its scripts and styles as they are (their hashes stay true), with other data. */
function publicPage(data) {
  const page = publishedSource.cloneNode(true);
  const block = page.querySelector('script[type="application/json"]');
  block.textContent = embeddedJson(data);
  return `<!DOCTYPE html>\n${page.outerHTML}\n`;
}

export function statusPanel(app) {
  const { model, text, data } = app;
  let chosen = new Set(["contracting", "running"]);

  async function decided(lines, sentence) {
    const { ok, why } = await panelDecide(app, lines);
    panel.say(ok ? sentence : why, !ok);
    panel.refresh();
  }

  const statusName = (status) => text.say(`editor.status_${status || "none"}`);

  function row(each) {
    const { id, name } = each;
    const select = element(
      "select",
      {
        class: "tw-select",
        "data-territory": id,
        "aria-label": text.say("editor.status_of", { name }),
      },
      ...["", ...STATUSES].map((status) =>
        element("option", { value: status, selected: status === (each.status || "") }, statusName(status)),
      ),
    );
    panelChoice(select, (status) =>
      decided(
        [{ action: "status", territory: id, target: status }],
        text.say("editor.status_done", { name, status: statusName(status) }),
      ),
    );
    const lock = element("input", {
      type: "checkbox",
      checked: each.locked,
      "data-lock": id,
      "aria-label": text.say("editor.status_lock_of", { name }),
      onchange: () => {
        const action = lock.checked ? "lock" : "unlock";
        decided([{ action, territory: id }], text.say(`editor.status_${action}ed`, { name }));
      },
    });
    const state = text.say(each.locked ? "editor.status_locked_word" : "editor.status_free_word");
    const { population } = each.empty ? { population: 0 } : model.figures(id);
    return [
      name,
      population == null ? "–" : text.number(population),
      select,
      element("label", { class: "tw-lock" }, lock, " ", state),
    ];
  }

  /** Refilling must not lose the control one was at. */
  function keepingFocus(fillAll) {
    const { territory, lock } = document.activeElement ? document.activeElement.dataset : {};
    fillAll();
    const again = [...panel.body.querySelectorAll("[data-territory], [data-lock]")].find(
      (each) =>
        (territory && each.dataset.territory === territory) || (lock && each.dataset.lock === lock),
    );
    if (again) again.focus();
  }

  function publicCopy() {
    const ticks = ["", ...STATUSES].map((status) => {
      const count = model.territories().filter((each) => !each.empty && (each.status || "") === status);
      const tick = element("input", {
        type: "checkbox",
        value: status || "none",
        checked: chosen.has(status),
        onchange: () => {
          if (tick.checked) chosen.add(status);
          else chosen.delete(status);
        },
      });
      const label = text.say("editor.public_status", {
        status: statusName(status),
        count: text.number(count.length),
      });
      return element("label", { class: "tw-tick" }, tick, " ", label);
    });
    const write = () => {
      const copy = publicData(model, data, [...chosen]);
      if (!copy.territories.length) {
        panel.say(text.say("editor.public_nobody"), true);
        return;
      }
      const name = fileName(model, "public", "html");
      panelDownload(app, name, publicPage(copy), "text/html;charset=utf-8");
      const territories = text.count("editor.public_territories", copy.territories.length);
      panel.say(text.say("editor.public_done", { file: name, territories }));
    };
    return element(
      "section",
      { class: "tw-part-box", tabindex: "-1", "aria-labelledby": "tw-public-title" },
      element("h3", { id: "tw-public-title" }, text.say("editor.public_title")),
      element("p", { class: "tw-help" }, text.say("editor.public_help")),
      element("fieldset", {}, element("legend", {}, text.say("editor.public_legend")), ...ticks),
      element(
        "p",
        { class: "tw-actions" },
        panelButton(text.say("editor.public_write"), write, { class: "tw-button tw-main" }),
      ),
    );
  }

  function toPublic() {
    const section = panel.body.querySelector(".tw-part-box");
    section.scrollIntoView({ block: "start" });
    section.focus({ preventScroll: true });
  }

  function fill(body) {
    const heads = ["territory", "population", "status", "lock"].map((head) =>
      text.say(`editor.status_head_${head}`),
    );
    const all = (action) => () =>
      decided([{ action, territory: "*" }], text.say(`editor.status_all_${action}ed`));
    keepingFocus(() =>
      body.replaceChildren(
        element("p", { class: "tw-help" }, text.say("editor.status_help")),
        element(
          "p",
          { class: "tw-actions" },
          panelButton(text.say("editor.status_lock_all"), all("lock")),
          panelButton(text.say("editor.status_unlock_all"), all("unlock")),
          publishedSource && panelButton(text.say("editor.public_go"), toPublic),
        ),
        panelTable(heads, panelTerritories(app).map(row), {
          caption: text.say("editor.status_title"),
          numbers: [1],
        }),
        ...(publishedSource ? [publicCopy()] : []),
      ),
    );
  }

  const panel = panelDialog(app, { name: "status", title: text.say("editor.status_title"), fill, wide: true });
  return panel;
}
