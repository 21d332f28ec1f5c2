/* What a click on the map does: explore, paint, release, share, claim. */
import { element } from "./elements.js";
import { icon } from "./icons.js";
import { iconButton } from "./shell.js";

export const TOOLS = [
  { name: "explore", key: "V" },
  { name: "paint", key: "P" },
  { name: "release", key: "B" },
  { name: "share", key: "G" },
  { name: "claim", key: "R" },
];
const BRUSHES = ["paint", "release"]; // a stroke does many communes

/** Lines that give communes wholly to a territory, or to none. */
const moved = (codes, id) => codes.map((code) => ({ action: "move", code, target: id }));
const released = (codes) => codes.map((code) => ({ action: "release", code }));

export function toolbar(app) {
  const { model, data, shell, say, state } = app;
  const buttons = new Map();

  app.tool = (name) => {
    if (!buttons.has(name)) return;
    state.tool = name;
    app.container.dataset.tool = name;
    for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === name));
    hint();
  };
  app.isBrush = () => BRUSHES.includes(state.tool);

  function hint() {
    const needs = ["paint", "share", "claim"].includes(state.tool) && state.target === null;
    const name = state.target === null ? "" : app.nameOf(state.target);
    const start = app.editable ? (state.target === null ? "start" : "explore") : "look";
    shell.hint.textContent = needs ? say("hint_no_target") : say(`hint_${state.tool === "explore" ? start : state.tool}`, { name });
    shell.hint.classList.toggle("te-needed", needs);
  }

  /** What the tool would do with these communes; null where nothing. */
  function lines(tool, communes) {
    const { target } = state;
    const codes = (wanted) => communes.filter(wanted).map((k) => data.codes[k]);
    const whole = (k) => model.members(k).length === 1 && model.main(k) === target && !model.claims(k).length;
    if (tool === "release") return released(codes((k) => model.members(k).length || model.claims(k).length));
    if (tool === "paint") return moved(codes((k) => !whole(k)), target);
    if (tool === "share") return communes.flatMap(shared);
    return codes((k) => !model.members(k).some(([id]) => id === target)).map((code) => {
      const claimed = model.claims(app.numberOf(code)).includes(target);
      return { action: claimed ? "withdraw" : "claim", code, target };
    });
  }
  function shared(commune) {
    const ids = model.members(commune).map(([id]) => id);
    if (ids.includes(state.target)) return [];
    const all = [...ids.slice(0, 2), state.target];
    const code = data.codes[commune];
    if (all.length < 2) return moved([code], state.target);
    return [{ action: "share", code, target: all.join("|"), parts: all.map(() => 1) }];
  }
  /** Use a tool on communes: one step. */
  app.use = (communes, tool = state.tool) => {
    if (tool === "explore") {
      app.select(communes[0]);
      return Promise.resolve(false);
    }
    if (tool !== "release" && state.target === null) {
      app.tell(say("hint_no_target"), { wrong: true });
      return Promise.resolve(false);
    }
    const wanted = lines(tool, communes);
    if (tool === "share") app.select(communes[0]);
    if (wanted.length) return app.step(wanted);
    if (communes.length === 1) app.announce(say("already", { name: data.names[communes[0]] }));
    return Promise.resolve(false);
  };
  /** May the tool touch this commune? Locked territories keep theirs. */
  app.mayTouch = (commune) => !model.members(commune).some(([id]) => (model.territory(id) || {}).locked);

  if (app.editable) {
    for (const { name, key } of TOOLS) {
      const off = name === "share" && !data.settings.overlaps;
      const title = `${say(off ? "overlaps_forbidden" : `title_${name}`)} (${key})`;
      const button = element(
        "button",
        { type: "button", class: "te-button te-tool", "aria-pressed": "false", title, disabled: off, onclick: () => app.tool(name) },
        icon(name),
        element("span", {}, say(`tool_${name}`)),
        element("kbd", { "aria-hidden": "true" }, key),
      );
      if (!off) buttons.set(name, button);
      shell.tools.append(button);
    }
  } else buttons.set("explore", element("span"));

  const undo = iconButton("undo", say("undo"), () => app.undo(), { key: "Ctrl+Z" });
  const redo = iconButton("redo", say("redo"), () => app.redo(), { key: "Ctrl+Y" });
  undo.classList.add("te-undo");
  redo.classList.add("te-redo");
  if (app.editable) shell.top.append(undo, redo);
  app.parts.push({
    refresh() {
      undo.disabled = !model.canUndo;
      redo.disabled = !model.canRedo;
      hint();
    },
    targeted: hint,
  });
  app.tool("explore");
}
