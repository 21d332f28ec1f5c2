/* The mouse on the map: a click, a stroke of the brush, and the map that can be moved meanwhile. */

const CLICK_PX = 4; // a press that moves less is a click

/** Communes under the way from one point of the screen to another. */
function passed(stage, from, to) {
  const steps = Math.max(1, Math.ceil(from.distanceTo(to) / 4));
  const found = new Set();
  for (let k = 0; k <= steps; k += 1) {
    const point = from.add(to.subtract(from).multiplyBy(k / steps));
    const commune = stage.communeAt(stage.map.containerPointToLatLng(point));
    if (commune >= 0) found.add(commune);
  }
  return found;
}

export function pointing(app) {
  const { stage, shell, state, model } = app;
  const { map } = stage;
  const box = shell.map;
  let stroke = null; // communes of the stroke, while the button is down
  let panning = null;
  let space = false;
  let last = null;

  const at = (event) => map.mouseEventToContainerPoint(event);
  const communeAt = (event) => stage.communeAt(map.mouseEventToLatLng(event));
  const painting = () => app.isBrush() && !space;

  /** While the brush is down the map shows what the step would do. */
  function preview(communes) {
    const fresh = [...communes].filter((commune) => !stroke.done.has(commune));
    for (const commune of fresh) {
      stroke.done.add(commune);
      if (!app.mayTouch(commune)) stroke.refused.add(commune);
      else stroke.communes.push(commune);
    }
    stage.repaintAs(fresh.filter((commune) => !stroke.refused.has(commune)), stroke.colour);
  }
  function begin(event) {
    const { target, tool } = state;
    if (tool === "paint" && target === null) return;
    const start = at(event);
    const colour = tool === "release" ? "#ffffff" : model.colourOf(target);
    stroke = { start, from: start, done: new Set(), refused: new Set(), communes: [], colour };
    preview(passed(stage, start, start));
  }
  function end() {
    const { communes, refused } = stroke;
    stroke = null;
    stage.repaint([...communes]);
    // The refused ones are in the step, so that it says why they stay.
    const wanted = communes.length ? communes : [...refused];
    if (!wanted.length) return;
    // The card of another commune would cover the map.
    if (state.commune >= 0 && !wanted.includes(state.commune)) app.select(-1);
    app.use(wanted).then((done) => {
      if (done && communes.length && refused.size) app.tell(app.text.count("editor.kept_locked", refused.size), { wrong: true });
    });
  }
  function cancel() {
    if (!stroke) return false;
    const { communes } = stroke;
    stroke = null;
    stage.repaint(communes);
    return true;
  }
  app.cancelStroke = cancel;

  // Leaflet moves the map with the left button: not while the brush is in hand.
  function dragging() {
    if (painting()) map.dragging.disable();
    else map.dragging.enable();
    box.classList.toggle("te-brush", painting());
  }
  const known = app.tool;
  app.tool = (name) => {
    known(name);
    dragging();
  };

  box.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".leaflet-control")) return;
    if (event.button === 2 || event.button === 1) {
      panning = { from: at(event), moved: false };
      box.setPointerCapture(event.pointerId);
      event.preventDefault();
    } else if (event.button === 0) {
      last = at(event);
      if (painting() && !event.altKey) {
        begin(event);
        if (stroke) box.setPointerCapture(event.pointerId);
      }
    }
  });
  box.addEventListener("pointermove", (event) => {
    const point = at(event);
    if (panning) {
      panning.moved = true;
      map.panBy(panning.from.subtract(point), { animate: false });
      stage.state.moved = true;
      panning.from = point;
    } else if (stroke) {
      preview(passed(stage, stroke.from, point));
      stroke.from = point;
      app.tip.hide();
    } else if (event.pointerType !== "touch" && !event.buttons) hover(communeAt(event), point);
  });
  box.addEventListener("pointerup", (event) => {
    if (panning) panning = null;
    else if (event.button !== 0) return;
    else if (stroke) end();
    else if (last && last.distanceTo(at(event)) <= CLICK_PX) click(event);
    last = null;
  });
  box.addEventListener("pointercancel", cancel);
  box.addEventListener("contextmenu", (event) => event.preventDefault());
  box.addEventListener("pointerleave", () => hover(-1));

  function click(event) {
    if (event.target.closest(".leaflet-control")) return;
    const commune = communeAt(event);
    const main = commune < 0 ? null : model.main(commune);
    if (event.altKey) {
      if (main !== null) app.actions.choose(main);
    } else if (commune >= 0) {
      app.cursor = commune;
      app.use([commune]);
    } else app.select(-1);
  }

  let hovered = -1;
  function hover(commune, point = null) {
    if (commune !== hovered) {
      hovered = commune;
      stage.marks.pointed(commune < 0 ? [] : [commune]);
      if (commune < 0) app.tip.hide();
      else app.tip.show(commune, point);
    } else if (commune >= 0) app.tip.show(null, point);
  }
  app.hovered = () => hovered;
  map.on("movestart", () => app.tip.hide());

  // Space: the hand, as in drawing tools; only while the brush would otherwise paint.
  app.hand = (down) => {
    if (down === space) return;
    space = down;
    dragging();
  };
  const watched = new ResizeObserver(() => stage.resized());
  watched.observe(box);
  app.ended.signal.addEventListener("abort", () => watched.disconnect());
}
