/* Random decisions on a model of the page: all actions, forced ones, and ones that are refused. */
function randomSteps(model, seed, count) {
  let state = seed >>> 0;
  const random = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];
  const { data } = model;
  const near = data.codes.map(() => []);
  for (let k = 0; k < data.pairs.length; k += 2) {
    near[data.pairs[k]].push(data.pairs[k + 1]);
    near[data.pairs[k + 1]].push(data.pairs[k]);
  }
  const commune = () => below(model.n);
  const code = () => (random() < 0.02 ? "99999" : data.codes[commune()]);
  const ids = () => model.territories().map(({ id }) => id);
  const reference = () => {
    const each = pick(model.territories());
    if (random() < 0.02) return "nowhere";
    return random() < 0.15 ? each.name : random() < 0.1 ? each.name.toUpperCase().replace(/[ -]/g, "  ") : each.id;
  };
  const beside = () => {
    const one = commune();
    const other = near[one].length ? pick(near[one]) : commune();
    return [one, other];
  };
  const across = () => {
    for (let k = 0; k < 40; k += 1) {
      const [one, other] = beside();
      if (model.main(other) && model.main(one) !== model.main(other)) return [one, other];
    }
    return beside();
  };
  const move = () => {
    const [one, other] = across();
    return { action: "move", code: data.codes[one], target: model.main(other) ?? reference() };
  };
  const texts = ["", "=1+1", "-2", "+33", "@x", "un motif ; \"long\"", "deux\nlignes", "\tx", "l’accord, signé", "<b>&amp;", "'=2", "œuvre 🏥"];
  const makers = [
    [30, () => [move()]],
    [8, () => Array.from({ length: 1 + below(6) }, move)],
    [5, () => [{ action: "move", code: code(), target: reference() }]],
    [5, () => [{ action: "release", code: code() }]],
    [9, () => {
      const size = 2 + below(2);
      const [one, other] = across();
      const targets = [model.main(one) ?? reference(), model.main(other) ?? reference(), ...(size > 2 ? [reference()] : [])];
      const parts = random() < 0.3 ? [] : targets.map(() => 1 + below(4));
      if (random() < 0.05) parts.push(0);
      return [{ action: "share", code: data.codes[one], target: targets.join("|"), parts }];
    }],
    [5, () => [{ action: "claim", code: code(), target: reference() }]],
    [2, () => {
      const claimed = data.codes.filter((_, k) => model.claims(k).length);
      return [{ action: "withdraw", code: claimed.length ? pick(claimed) : code(), target: reference() }];
    }],
    [4, () => {
      const made = random() < 0.1 ? pick(ids()) : model.freshId();
      const [one, other] = beside();
      return [
        { action: "new", territory: made, target: random() < 0.5 ? "" : `Vallée ${below(30)}` },
        { action: "move", code: data.codes[one], target: made },
        { action: "move", code: data.codes[other], target: made },
      ];
    }],
    [2, () => [{ action: "new", territory: model.freshId(), target: "" }]],
    [3, () => [{ action: "rename", territory: reference(), target: pick(["Beauce", "Val d’Été", "Cœur-Sud", "", "=Nord", "Perche 2"]) }]],
    [2, () => [{ action: "colour", territory: reference(), target: pick(["#AA00bb", "#123456", "red"]) }]],
    [4, () => [{ action: "merge", territory: reference(), target: reference() }]],
    [3, () => [{ action: "lock", territory: random() < 0.1 ? "*" : reference() }]],
    [5, () => [{ action: "unlock", territory: random() < 0.6 ? "*" : reference() }]],
    [3, () => [{ action: "status", territory: reference(), target: pick(["initiative", "ingénierie", "contracting", "running", "", "other"]) }]],
    [4, () => model.split(pick(ids()), commune())],
    [2, () => model.splitPieces(pick(ids()))],
    [1, () => [{ action: "fly", code: code() }]],
  ];
  const total = makers.reduce((sum, [weight]) => sum + weight, 0);
  const tally = { steps: 0, refused: 0, cuts: 0, forced: 0, undone: 0, redone: 0, lines: 0 };
  for (let k = 0; k < count; k += 1) {
    const chance = random();
    if (chance < 0.1) {
      const back = 1 + below(6);
      for (let at = 0; at < back; at += 1) tally.undone += model.undo() ? 1 : 0;
      for (let at = below(back + 1); at > 0; at -= 1) tally.redone += model.redo() ? 1 : 0;
    } else if (chance < 0.16) {
      const orders = model.lines().map(({ order }) => order);
      model.undoStep(orders.length && random() < 0.95 ? pick(orders) : 9_999, { author: "C", reason: pick(texts), date: "2026-11-22T20:10" });
      tally.lines += 1;
    } else {
      let at = random() * total;
      const [, make] = makers.find(([weight]) => (at -= weight) < 0) ?? makers[0];
      const force = random() < 0.3;
      const lines = make();
      if (!lines.length) continue;
      const dry = model.check(lines, { force });
      const result = model.step(lines, { author: pick(["A", "Dr Élise", "=A1"]), reason: pick(texts), date: "2026-11-22T20:10", force });
      if (JSON.stringify([dry.faults.map(({ key }) => key), dry.cuts]) !== JSON.stringify([result.faults.map(({ key }) => key), result.cuts])) {
        throw new Error(`check and step differ: ${JSON.stringify([lines, dry, result])}`);
      }
      tally.steps += 1;
      tally.refused += result.ok ? 0 : 1;
      tally.cuts += result.cuts.length && !result.ok ? 1 : 0;
      tally.forced += result.cuts.length && result.ok ? 1 : 0;
    }
  }
  return tally;
}

/** All that the model says, as plain JSON. */
function modelState(model) {
  const territories = model.territories();
  return {
    members: model.data.codes.map((_, k) => model.members(k)),
    claims: model.data.codes.map((_, k) => model.claims(k)),
    territories,
    figures: Object.fromEntries(territories.map(({ id }) => [id, model.figures(id)])),
    white: model.whiteZones(),
    totals: model.totals(),
    results: model.lines().map(({ order, result }) => [order, result]),
  };
}
