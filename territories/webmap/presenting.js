/* For the room and for paper: presentation mode, and the map on a sheet. */
import { element } from "./elements.js";
import { iconButton } from "./shell.js";

// A3 landscape inside its margins the page has the size of `.te-printing`.

export function presenting(app) {
  const { shell, stage, say, text, data, container } = app;
  const leave = element("button", { type: "button", class: "te-button te-leave", onclick: () => app.present(false) }, say("leave_present"));
  shell.stage.append(leave);

  app.present = (on) => {
    if (on && app.openedPanel()) app.closePanel();
    container.classList.toggle("te-presenting", on);
    stage.resized();
    app.announce(say(on ? "presenting" : "not_presenting"));
    if (on) shell.map.focus({ preventScroll: true });
  };

  let before = null;
  function toPaper() {
    if (before) return;
    const { map } = stage;
    before = { centre: map.getCenter(), zoom: map.getZoom(), moved: stage.state.moved };
    app.tip.hide();
    const date = new Intl.DateTimeFormat(data.language === "fr" ? "fr-FR" : "en-GB", { dateStyle: "long" }).format(new Date());
    const scenario = app.model.scenarios ? app.model.scenarios[app.model.current].name : data.draft.name;
    shell.paper.replaceChildren(
      element("h1", {}, data.title),
      element("p", {}, [scenario, text.say("editor.printed", { date }), data.note].filter(Boolean).join(" · ")),
    );
    container.classList.add("te-printing");
    const whole = !before.moved;
    map.invalidateSize({ animate: false });
    map.options.zoomSnap = 0; // as large as the sheet allows
    if (whole) stage.home();
    else map.setView(before.centre, before.zoom, { animate: false, reset: true });
    // Browsers print a canvas that has just been resized as blank.
    before.erase = stage.vectors();
  }
  function fromPaper() {
    if (!before) return;
    const { centre, zoom, moved, erase } = before;
    erase();
    before = null;
    container.classList.remove("te-printing");
    stage.map.invalidateSize({ animate: false });
    stage.map.options.zoomSnap = 0.25;
    stage.state.moved = moved;
    if (moved) stage.map.setView(centre, zoom, { animate: false, reset: true });
    else stage.home();
    stage.drawNow();
  }
  window.addEventListener("beforeprint", toPaper, { signal: app.ended.signal });
  window.addEventListener("afterprint", fromPaper, { signal: app.ended.signal });
  // A notebook would print itself, all its cells.
  app.print = () => app.embedded || window.print();
  app.paper = { show: toPaper, leave: fromPaper };

  shell.top.append(
    iconButton("present", say("present"), () => app.present(true), { key: "D" }),
    ...(app.embedded ? [] : [iconButton("print", say("print"), () => app.print(), { title: say("title_print") })]),
  );
}
