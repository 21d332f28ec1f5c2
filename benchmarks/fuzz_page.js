/* One file given to the workshop's page, as a reader drops it there: what was said, and what is wrong. */

window.fuzz = {
  polluted: Object.getOwnPropertyNames(Object.prototype).join(),
  written: [],
  seen: {},
};

// What is saved is looked at here; nothing is downloaded.
URL.createObjectURL = (blob) => {
  window.fuzz.written.push(blob);
  return "blob:fuzz";
};
URL.revokeObjectURL = () => {};
HTMLAnchorElement.prototype.click = function click() {};

const FUZZ_PATIENCE = 5_000; // turns, of some 4 ms each where nothing else is done

const fuzzModel = () => window.territoriesWorkshop.model;
const fuzzPause = () => new Promise((done) => setTimeout(done, 0));

/** All that the model says, as text: the same text is the same state. */
function fuzzState(model = fuzzModel()) {
  const territories = model.territories();
  return JSON.stringify({
    members: model.data.codes.map((_, k) => model.members(k)),
    claims: model.data.codes.map((_, k) => model.claims(k)),
    territories,
    figures: territories.map(({ id }) => [id, model.figures(id)]),
    white: model.whiteZones(),
    totals: model.totals(),
    lines: model.lines(),
  });
}

/** What cannot be in a draft. */
function fuzzWrong(model = fuzzModel()) {
  const wrong = [];
  const ids = new Set(model.territories().map(({ id }) => id));
  const inside = new Map([...ids].map((id) => [id, []]));
  model.data.codes.forEach((code, k) => {
    const members = model.members(k);
    const sum = members.reduce((all, [, weight]) => all + weight, 0);
    if (members.length && !(Math.abs(sum - 1) < 1e-9)) wrong.push(`weights of ${code}: ${sum}`);
    if (members.length > 3 || new Set(members.map(([id]) => id)).size !== members.length) wrong.push(`members of ${code}`);
    if (!members.every(([id, weight]) => ids.has(id) && weight > 0)) wrong.push(`${code} in ${JSON.stringify(members)}`);
    if (!model.claims(k).every((id) => ids.has(id))) wrong.push(`${code} claimed by what is not`);
    for (const [id] of members) inside.get(id)?.push(k);
  });
  for (const [id, communes] of inside) {
    if (model.communesOf(id).join() !== communes.join()) wrong.push(`communes of ${id}`);
    const { population } = model.figures(id);
    if (population !== null && !(population >= 0)) wrong.push(`people of ${id}: ${population}`);
  }
  for (const { result, fault } of model.lines()) {
    if (!["applied", "undone", "fault"].includes(result)) wrong.push(`result ${result}`);
    if (result === "fault" && !model.data.words[`error.${fault?.key}`]) wrong.push(`no word of ${fault?.key}`);
  }
  if (Object.getOwnPropertyNames(Object.prototype).join() !== window.fuzz.polluted || "polluted" in {}) wrong.push("a prototype is polluted");
  if (window.__xss !== undefined) wrong.push("a text was run");
  return wrong;
}

const fuzzDialog = () => document.querySelector('dialog[data-panel="files"]');
const fuzzShut = () => document.querySelectorAll("dialog[open]").forEach((each) => each.close());

/** Give files (base64) as if they were dropped at once; wait until something is said or shown. */
async function fuzzDropped(files) {
  for (const { name, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
    window.territoriesWorkshop.container.dispatchEvent(event);
  }
  for (let k = 0; k < FUZZ_PATIENCE; k += 1) {
    await fuzzPause();
    const told = fuzzDialog().querySelector(".tw-message.tw-bad")?.textContent ?? "";
    const shown = fuzzDialog().querySelector(".tw-preview");
    if (told || shown) break;
  }
  for (let k = 0; k < 3; k += 1) await fuzzPause(); // the other file, if there are two
  return {
    told: fuzzDialog().querySelector(".tw-message.tw-bad")?.textContent ?? "",
    shown: fuzzDialog().querySelector(".tw-preview"),
  };
}

/** The three files that the panel saves, as bytes would be read. */
async function fuzzSaved() {
  window.fuzz.written.length = 0;
  for (const button of fuzzDialog().querySelectorAll("[aria-labelledby=tw-files-out] button")) button.click();
  const blobs = window.fuzz.written.splice(0);
  return Promise.all(blobs.map(async (blob) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(await blob.arrayBuffer())));
}

/** What all windows and the page show of the draft, each opened as by its tab. */
function fuzzShown() {
  const texts = [window.territoriesWorkshop.container.innerText];
  for (const tab of document.querySelectorAll(".te-tab")) {
    tab.click();
    const dialog = document.querySelector("dialog[open]");
    if (dialog) texts.push(dialog.innerText);
    fuzzShut();
  }
  return texts.join("\n");
}

/** Undo all, redo all, save and take back: each gives the same draft again. */
function fuzzReversed(first) {
  const wrong = [];
  const model = fuzzModel();
  const now = fuzzState();
  let count = 0;
  while (model.undo()) count += 1;
  if (first && fuzzState() !== first) wrong.push("undone, the draft is not the one before");
  for (let k = 0; k < count; k += 1) model.redo();
  if (fuzzState() !== now) wrong.push("redone, the draft is not the same");
  if (!model.restore(JSON.parse(JSON.stringify(model.save()))).ok) wrong.push("what is saved is not taken back");
  else if (fuzzState() !== now) wrong.push("taken back, the draft is not the same");
  return wrong;
}

/** What Python compares with its own replay. */
async function fuzzResult() {
  const model = fuzzModel();
  if (!fuzzDialog().open) document.querySelector('.te-tab[title="Fichiers"]').click();
  const texts = await fuzzSaved();
  return {
    texts,
    lines: model.lines().map(({ order, result }) => [order, result]),
    members: model.data.codes.map((code, k) => [code, model.members(k)]),
    territories: model.territories().map(({ id, name, status, locked, colour, empty }) => ({ id, name, status, locked, colour, empty })),
    claims: model.data.codes.map((code, k) => [code, model.claims(k)]),
    scenario: model.scenarios[model.current].draft,
  };
}

/** One case: {files, after, apply, drop}. */
window.fuzzGiven = async ({ files, after, apply }) => {
  const model = fuzzModel();
  const initial = JSON.stringify(model.save());
  const before = fuzzState();
  const wrong = [];
  const { told, shown } = await fuzzDropped(files);
  if (!told && !shown) return { end: "silent", told: "", wrong: ["nothing was said"] };
  if (JSON.stringify(model.save()) !== initial || fuzzState() !== before) wrong.push("changed before it was applied");
  if (told && !shown) {
    fuzzShut();
    return { end: "refused", told, wrong };
  }
  if (after) fuzzDialog().querySelectorAll("[name=tw-import-where]")[1]?.click();
  const text = fuzzDialog().querySelector(".tw-preview").innerText;
  const [yes, no] = fuzzDialog().querySelectorAll(".tw-preview .tw-actions button");
  if (!apply || yes.disabled) {
    no.click();
    const said = fuzzDialog().querySelector(".tw-message").textContent;
    if (fuzzState() !== before) wrong.push("changed though it was not applied");
    fuzzShut();
    return { end: yes.disabled ? "nothing applies" : "left", told: said, text, wrong };
  }
  const foretold = Number((/([\d\s\u202f\u00a0]+) (s’applique|commune)/.exec(text)?.[1] ?? "x").replace(/\s/g, ""));
  const fresh = model.scenarios.length;
  yes.click();
  const said = fuzzDialog().querySelector(".tw-message").textContent;
  const done = Number((/: ([\d\s\u202f\u00a0]+) lignes? appliquées?\.$/.exec(said)?.[1] ?? "y").replace(/\s/g, ""));
  if (foretold !== done) wrong.push(`foretold ${foretold}, done ${done}`);
  const now = fuzzState();
  wrong.push(...fuzzWrong());
  const found = await fuzzResult();
  fuzzShut();
  const screen = fuzzShown();
  wrong.push(...fuzzReversed(after && fresh === model.scenarios.length ? null : window.fuzz.start));
  return { end: now === before ? "applied, nothing changed" : "applied", told: said, text: `${text}\n${screen}`, wrong, found };
};

/** A draft that the browser kept, offered when the page opened: take it up. */
window.fuzzKept = async () => {
  const fresh = fuzzState();
  await fuzzPause();
  const ask = document.querySelector("dialog.tw-ask");
  if (!ask) return { end: "not offered", told: "", text: "", wrong: fuzzWrong() };
  const text = ask.innerText;
  ask.querySelector("button.tw-main").click();
  const { toast } = window.territoriesWorkshop.shell;
  for (let k = 0; k < FUZZ_PATIENCE && !toast.textContent; k += 1) await fuzzPause();
  const told = toast.textContent;
  const words = fuzzModel().data.words;
  const resumed = told.includes(words["editor.keeper_resumed"]);
  const wrong = fuzzWrong();
  if (!resumed && !told.includes(words["editor.keeper_broken"])) wrong.push(`neither taken up nor refused: ${told}`);
  if (!resumed && fuzzState() !== fresh) wrong.push("refused, and the draft is changed");
  if (!resumed) return { end: "kept: refused", told: words["editor.keeper_broken"], text, wrong };
  const found = await fuzzResult();
  fuzzShut();
  const screen = fuzzShown();
  return { end: "kept: taken up", told: words["editor.keeper_resumed"], text: `${text}\n${screen}`, wrong: [...wrong, ...fuzzReversed(null)], found };
};

/** Put the page back to how it opened, with the steps that a case begins from. */
window.fuzzReset = (steps) => {
  const model = fuzzModel();
  fuzzShut();
  window.fuzz.opened ??= JSON.stringify(model.save());
  const { ok } = model.restore(JSON.parse(window.fuzz.opened));
  window.fuzz.start ??= fuzzState();
  if (!ok || fuzzState() !== window.fuzz.start) return false;
  for (const each of steps) model.step([each], { author: "A", reason: "R", date: "2026-11-22T20:14:00" });
  return true;
};

Object.assign(window, { fuzzModel, fuzzState, fuzzResult });
