/* The frame of the workshop: title, tools, the side with the territories, the map, the drawer. */
import { element } from "./elements.js";
import { icon } from "./icons.js";

const live = (polite) => element("div", { class: "te-hidden", "aria-live": polite, "aria-atomic": "true" });

/** A button with a drawing and a word; `key` is the key of the keyboard that does the same. */
export function iconButton(name, label, onclick, { title = label, key = null, bare = false } = {}) {
  const told = key ? `${title} (${key})` : title;
  return element(
    "button",
    { type: "button", class: bare ? "te-button te-bare" : "te-button", title: told, "aria-label": bare ? told : null, onclick },
    icon(name),
    bare ? null : element("span", {}, label),
  );
}

export function editorShell(container, data, text) {
  const say = (key, values) => text.say(`editor.${key}`, values);
  const part = (tag, name, attributes = {}, ...children) =>
    element(tag, { class: `te-${name}`, ...attributes }, ...children);
  const draft = [data.draft.name, data.draft.date].filter(Boolean).join(" · ");
  const top = part("header", "top");
  const heading = part("div", "heading", {}, element("h1", { title: data.title }, data.title), element("p", {}, draft));
  const tools = part("div", "tools", { role: "toolbar", "aria-label": say("tools") });
  const tabs = part("div", "tabs", { role: "group", "aria-label": say("panels") });
  const bar = part("div", "bar", {}, tools, tabs);
  const target = part("section", "target", { "aria-label": say("target") });
  const list = part("section", "list", { "aria-label": say("territories") });
  const whites = part("section", "whites", { "aria-label": say("white_zones") });
  const side = part("aside", "side", { "aria-label": say("side") }, target, list, whites);
  const map = part("div", "stage", { tabindex: 0, role: "application", "aria-label": say("map_label") });
  const hint = part("p", "hint");
  const ask = part("div", "ask", { role: "alertdialog", "aria-label": say("question"), hidden: true });
  const legend = part("section", "legend", { "aria-label": text.say("legend") });
  const last = part("section", "last", { "aria-label": say("last_move") });
  const toast = part("p", "toast", { role: "status", hidden: true });
  const paper = part("header", "paper", { "aria-hidden": "true" });
  const card = part("section", "card tm-card", { "aria-label": say("card"), hidden: true });
  const below = part("div", "below", {}, legend);
  const notes = [data.note, ...data.settings.limited].filter(Boolean);
  if (notes.length) below.prepend(part("p", "note", {}, notes.join(" ")));
  const stage = part("div", "ground", {}, map, toast, ask, card, below);
  const middle = part("div", "middle", {}, paper, hint, stage, last);
  const drawer = part("aside", "drawer", { hidden: true });
  const body = part("div", "body", {}, side, middle, drawer);
  const announced = live("polite");
  container.classList.add("te", "tm");
  container.lang = data.language;
  top.append(heading);
  container.replaceChildren(top, bar, body, announced);
  let turn = 0;
  return {
    top, stage, tools, tabs, target, list, whites, side, map, hint, ask, legend, last, toast, card, drawer, middle, paper,
    say,
    /** Tell it to those who listen; the same words twice are told twice. */
    announce(words) {
      turn = 1 - turn;
      announced.textContent = words + (turn ? "\u00a0" : "");
    },
  };
}
