/* Named drafts side by side: make, rename, remove, open, compare. */
import { element } from "./elements.js";
import { panelAsk, panelButton, panelDate, panelDialog, panelTable } from "./dialogs.js";
import { compareDialog } from "./twin.js";

export function scenariosPanel(app) {
  const { model, text } = app;
  const compared = compareDialog(app);

  /** After a change of draft: the map, the panels and the autosave follow. */
  function after(sentence) {
    panel.say(sentence);
  }

  async function named(title, accept, value) {
    const answer = await panelAsk(app, {
      title,
      fields: [
        {
          name: "name",
          label: text.say("editor.scenarios_name"),
          value,
          required: true,
          longest: 120,
        },
      ],
      accept,
    });
    if (!answer) return null;
    if (model.scenarios.some((each) => each.name === answer.name && each.name !== value)) {
      panel.say(text.say("editor.scenarios_exists", { name: answer.name }), true);
      return null;
    }
    return answer.name || null;
  }

  async function added() {
    const accept = text.say("editor.scenarios_add");
    const proposed = text.say("editor.scenarios_proposed", { number: model.scenarios.length + 1 });
    const name = await named(text.say("editor.scenarios_new"), accept, proposed);
    if (!name) return;
    model.duplicate(name);
    after(text.say("editor.scenarios_made", { name }));
  }

  async function renamed(k) {
    const accept = text.say("editor.scenarios_rename");
    const name = await named(accept, accept, model.scenarios[k].name);
    if (!name) return;
    model.renameScenario(k, name);
    after(text.say("editor.scenarios_renamed", { name }));
  }

  async function removed(k) {
    const { name } = model.scenarios[k];
    const sure = await panelAsk(app, {
      title: text.say("editor.scenarios_remove_title", { name }),
      sentence: text.say("editor.scenarios_remove_sentence"),
      accept: text.say("editor.scenarios_remove"),
    });
    if (!sure) return;
    model.removeScenario(k);
    after(text.say("editor.scenarios_removed", { name }));
  }

  function opened(k) {
    model.switchTo(k);
    after(text.say("editor.scenarios_opened", { name: model.scenarios[k].name }));
  }

  function row(scenario, k) {
    const { name } = scenario;
    const current = k === model.current;
    const button = (key, act) =>
      panelButton(text.say(`editor.scenarios_${key}`), () => act(k), {
        "aria-label": text.say("editor.scenarios_of", { action: text.say(`editor.scenarios_${key}`), name }),
      });
    return [
      current
        ? element("strong", {}, name, " ", element("span", { class: "tw-tag" }, text.say("editor.scenarios_current")))
        : name,
      scenario.parent || "–",
      text.number(scenario.cursor ?? (scenario.lines || []).length),
      element(
        "span",
        { class: "tw-actions" },
        current ? null : button("open", opened),
        current ? null : button("compare", () => compared(k)),
        button("rename", renamed),
        model.scenarios.length > 1 ? button("remove", removed) : null,
      ),
    ];
  }

  /** The draft that was not taken up at the opening is still there. */
  function aside() {
    const saved = app.keeper && app.keeper.aside && app.keeper.aside();
    if (!saved) return null;
    const label = text.say("editor.keeper_aside", { date: panelDate(app, saved.date) });
    return panelButton(label, () => {
      if (app.keeper.resume(saved)) after(text.say("editor.keeper_resumed"));
    });
  }

  function fill(body) {
    const heads = ["name", "parent", "decisions", "action"];
    const kept = aside();
    body.replaceChildren(
      element("p", { class: "tw-help" }, text.say("editor.scenarios_help")),
      panelTable(
        heads.map((head) => text.say(`editor.scenarios_head_${head}`)),
        model.scenarios.map(row),
        { caption: text.say("editor.scenarios_title"), numbers: [2] },
      ),
      element(
        "p",
        { class: "tw-actions" },
        panelButton(text.say("editor.scenarios_new"), added, { class: "tw-button tw-main" }),
        ...(kept ? [kept] : []),
      ),
    );
  }

  const panel = panelDialog(app, {
    name: "scenarios",
    title: text.say("editor.scenarios_title"),
    fill,
    wide: true,
  });
  return panel;
}
