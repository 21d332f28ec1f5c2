/* Panels at the right of the map, one at a time; each has its tab in the bar. */
import { element } from "./elements.js";
import { iconButton } from "./shell.js";

export function drawers(app) {
  const { shell, say, data, stage } = app;
  const known = new Map();
  let open = null;
  const title = element("h2", { tabindex: -1 });
  const content = element("div", { class: "te-drawer-body" });
  const close = iconButton("close", say("close"), () => app.closePanel(), { bare: true });
  shell.drawer.append(element("div", { class: "te-drawer-head" }, title, close), content);

  function mark() {
    for (const [name, { tab }] of known) tab.setAttribute("aria-expanded", String(name === open));
  }
  /** Add a panel: a tab named `editor.panel_<name>`, and what it shows. A panel whose element has
      `data-wide` takes the width of the page. */
  app.panel = (name, panel) => {
    const label = `editor.panel_${name}` in data.words ? say(`panel_${name}`) : name;
    const toggle = () => (open === name ? app.closePanel() : app.openPanel(name));
    const tab = element("button", { type: "button", class: "te-button te-tab", "aria-expanded": "false", onclick: toggle }, label);
    known.set(name, { tab, panel, label });
    shell.tabs.append(tab);
    return tab;
  };
  /** Add a tab for a window that opens above the page; `heading` is the window's. */
  app.tab = (name, heading, show) => {
    const label = `editor.tab_${name}` in data.words ? say(`tab_${name}`) : heading;
    const tab = element("button", { type: "button", class: "te-button te-tab", title: heading, "aria-haspopup": "dialog", onclick: () => show() }, label);
    shell.tabs.append(tab);
  };
  app.openPanel = (name) => {
    const { panel, label } = known.get(name);
    open = name;
    title.textContent = label;
    content.replaceChildren(panel);
    shell.drawer.hidden = false;
    shell.drawer.setAttribute("aria-label", label);
    shell.drawer.classList.toggle("te-wide", "wide" in panel.dataset);
    mark();
    panel.dispatchEvent(new CustomEvent("opened"));
    title.focus({ preventScroll: true });
    stage.resized();
  };
  app.closePanel = () => {
    if (!open) return;
    const { tab } = known.get(open);
    open = null;
    shell.drawer.hidden = true;
    mark();
    tab.focus({ preventScroll: true });
    stage.resized();
  };
  app.openedPanel = () => open;
  shell.drawer.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.stopPropagation();
    app.closePanel();
  });
  app.panel("map", app.backgroundPanel);
}
