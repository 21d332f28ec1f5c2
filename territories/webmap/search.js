/* Search of communes and territories by name, accents aside. */
import { folded } from "./words.js";
import { element } from "./elements.js";

export function searchEntries(data, text) {
  const territories = (data.territories || []).map(({ name }, number) => ({
    kind: "territory",
    number,
    name,
    detail: text.say("territory"),
    keys: [folded(name)],
    weight: Infinity, // before the communes of the same name
  }));
  const communes = data.names.map((name, number) => ({
    kind: "commune",
    number,
    name,
    detail: data.codes[number],
    keys: [folded(name), data.codes[number].toLowerCase()],
    weight: data.population[number] || 0,
  }));
  return [...territories, ...communes];
}

/** Names that start with what was typed, then those with a word that does, then the rest. */
function matches(entries, typed, most = 8) {
  const wanted = folded(typed);
  if (!wanted) return [];
  const rank = ({ keys }) =>
    Math.min(
      ...keys.map((key) => {
        if (key === wanted) return 0;
        if (key.startsWith(wanted)) return 1;
        if (key.includes(` ${wanted}`)) return 2;
        return key.includes(wanted) ? 3 : 9;
      }),
    );
  return entries
    .map((entry) => ({ entry, rank: rank(entry) }))
    .filter((found) => found.rank < 9)
    .sort((a, b) => a.rank - b.rank || b.entry.weight - a.entry.weight || 0)
    .slice(0, most)
    .map((found) => found.entry);
}

export function searchBox(entries, text, prefix, onPick) {
  const id = `${prefix}-results`;
  const list = element("ul", { id, class: "tm-results", role: "listbox", hidden: true });
  const input = element("input", {
    type: "search",
    class: "tm-search-input",
    placeholder: text.say("search"),
    "aria-label": text.say("search"),
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  let found = [];
  let active = 0;

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function pick(entry) {
    input.value = entry.name;
    close();
    onPick(entry);
  }
  function mark(position) {
    active = (position + found.length) % found.length;
    [...list.children].forEach((option, k) => option.setAttribute("aria-selected", k === active));
    input.setAttribute("aria-activedescendant", `${id}-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }
  function refresh() {
    found = matches(entries, input.value);
    if (!input.value.trim()) return close();
    const options = found.map((entry, k) =>
      element(
        "li",
        // Before the field loses the focus, which closes the list.
        { id: `${id}-${k}`, role: "option", onmousedown: (event) => (event.preventDefault(), pick(entry)) },
        element("span", { class: "tm-result-name" }, entry.name),
        element("span", { class: "tm-result-detail" }, entry.detail),
      ),
    );
    const nothing = element("li", { class: "tm-nothing" }, text.say("nothing"));
    list.replaceChildren(...(options.length ? options : [nothing]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (found.length) mark(0);
  }
  input.addEventListener("input", refresh);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden && found.length > 0;
    if (event.key === "ArrowDown" && open) mark(active + 1);
    else if (event.key === "ArrowUp" && open) mark(active - 1);
    else if (event.key === "Enter" && open) pick(found[active]);
    else if (event.key === "Escape" && !list.hidden) {
      close();
      event.stopPropagation(); // the first Escape closes the list, the next one the card
    } else return;
    event.preventDefault();
  });
  return element("div", { class: "tm-search" }, input, list);
}
