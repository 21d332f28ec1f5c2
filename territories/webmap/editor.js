/* The workshop: borders of territories drawn together, live, with the network off.

   `territoriesEditor(container, data, {save, onStep, exact, keep})` fills the container and returns the
   `app` that the panels take; what a panel needs of the page is in it. */
import { words } from "./words.js";
import { createModel } from "./model.js";
import { createStage } from "./stage.js";
import { editorShell } from "./shell.js";
import { asking } from "./asking.js";
import { stepping } from "./stepping.js";
import { backgrounds } from "./backgrounds.js";
import { dossier } from "./dossier.js";
import { drawers } from "./drawers.js";
import { figuresPanel } from "./readings.js";
import { territoryList } from "./territorylist.js";
import { toolbar } from "./tools.js";
import { pointing } from "./pointing.js";
import { keyboard } from "./keyboard.js";
import { presenting } from "./presenting.js";
import { editorSearch } from "./finding.js";
import { workshopPanels } from "./panels.js";

export function territoriesEditor(container, data, { save = null, onStep = null, exact = null, keep = true } = {}) {
  const text = words(data);
  const model = createModel(data);
  const shell = editorShell(container, data, text);
  const stage = createStage(shell.map, data, text);
  const app = {
    model, text, data, container, shell, stage, save, onStep,
    embedded: !keep, // inside a notebook, which keeps the draft and has keys of its own
    say: shell.say,
    announce: shell.announce,
    // What the people in the room have chosen.
    state: { target: null, tool: "explore", commune: -1 },
    meeting: { author: "", reason: "" }, // of the decisions that are taken from now on
    parts: [], // each {refresh(change)}: what is shown again after a change of the draft
    zoomTo: (communes) => stage.zoomTo(communes, shell.card.hidden ? 0 : shell.card.offsetWidth),
    nameOf: (id) => (model.territory(id) || { name: id }).name,
    editable: !data.settings.public,
    exactFigures: new Map(),
    ended: new AbortController(), // what listens outside the container stops with it
  };

  /** Show the draft again; without a change, all of it. */
  app.refresh = (change = null) => {
    const communes = change && change.communes;
    if (communes) stage.repaint(communes);
    else stage.repaintAll();
    stage.redrawBorders(communes);
    if (app.state.target !== null && !model.territory(app.state.target)) app.state.target = null;
    app.showTarget();
    for (const part of app.parts) part.refresh(change || {});
  };
  app.showTarget = () => {
    const { target } = app.state;
    stage.marks.target(target === null ? [] : model.communesOf(target));
  };
  /** Choose the territory that communes go to; null for none. */
  app.target = (id) => {
    app.state.target = id;
    container.dataset.target = id ?? "";
    app.showTarget();
    for (const part of app.parts) if (part.targeted) part.targeted(id);
    app.announce(id === null ? app.say("target_none") : app.say("target_is", { name: app.nameOf(id) }));
  };
  /** Show a commune's card, and keep it; -1 for none. */
  app.select = (commune) => {
    app.state.commune = commune;
    stage.marks.selected(commune < 0 ? [] : [commune]);
    for (const part of app.parts) if (part.selected) part.selected(commune);
  };
  /** Figures computed by Python, exact: {id: {li, leakage}}; a later move makes them bounds again. */
  app.exact = (figures) => {
    for (const [id, found] of Object.entries(figures)) app.exactFigures.set(id, found);
    for (const part of app.parts) part.refresh({ touched: Object.keys(figures), communes: [] });
  };

  /** Leave the page: a notebook that draws its cell again makes another editor. */
  app.remove = () => {
    app.ended.abort();
    stage.map.remove();
    container.replaceChildren();
  };

  asking(app);
  stepping(app);
  backgrounds(app);
  drawers(app);
  toolbar(app);
  figuresPanel(app);
  territoryList(app);
  dossier(app);
  pointing(app);
  keyboard(app);
  presenting(app);
  editorSearch(app);
  for (const { name, label, open } of workshopPanels(app, { keep })) app.tab(name, label, open);

  if (exact) app.exact(exact);
  window.territoriesWorkshop = app;
  app.refresh();
  stage.drawNow();
  container.dataset.ready = "true";
  // The borders need the lines between all communes: after the first view, so that it comes soon.
  setTimeout(() => {
    stage.findLines();
    stage.drawNow();
    container.dataset.lines = "true";
  }, 0);
  return app;
}
