/* The panel: themes, overlays, legend. */
import { element, lineSwatch, swatch } from "./elements.js";

function legendRow({ fills, line, name, sentence, detail, communes }, text, onPick) {
  const labels = element(
    "span",
    { class: "tm-row-text" },
    name ? element("span", { class: "tm-row-name" }, name) : null,
    sentence ? element("span", { class: "tm-row-sentence" }, sentence) : null,
    detail ? element("span", { class: "tm-row-detail" }, detail) : null,
  );
  if (line) return element("li", { class: "tm-row" }, lineSwatch(line), labels);
  if (!fills) return element("li", { class: "tm-row tm-figure" }, labels);
  if (!communes.length) return element("li", { class: "tm-row tm-row-empty" }, swatch(...fills), labels);
  const action = { type: "button", class: "tm-row", title: text.say("zoom_to"), onclick: () => onPick(communes) };
  return element("li", {}, element("button", action, swatch(...fills), labels));
}

export function legend(theme, text, onPick) {
  const parts = theme
    .legend()
    .filter(({ rows }) => rows.length)
    .flatMap(({ heading, rows }) => [
      heading ? element("h3", {}, heading) : null,
      element("ul", {}, ...rows.map((each) => legendRow(each, text, onPick))),
    ]);
  return [theme.help ? element("p", { class: "tm-help" }, theme.help) : null, ...parts].filter(Boolean);
}

/** One radio button a theme; specialties share one, with a list to choose from. */
export function themePicker(offered, text, prefix, onChange) {
  const group = element("fieldset", { class: "tm-themes" }, element("legend", {}, text.say("themes")));
  const radio = (label, pick) => {
    const input = element("input", { type: "radio", name: `${prefix}-theme`, onchange: pick });
    group.append(element("label", { class: "tm-choice" }, input, element("span", {}, label)));
    return input;
  };
  const chosen = new Map();
  let select = null;
  for (const theme of offered) {
    if (!theme.choice) {
      chosen.set(theme.key, radio(theme.name, () => onChange(theme)));
      continue;
    }
    if (!select) {
      const choices = offered.filter(({ choice }) => choice);
      const current = () => choices[select.selectedIndex];
      select = element(
        "select",
        { class: "tm-select", "aria-label": text.say("theme_activity") },
        ...choices.map(({ name }) => element("option", {}, name)),
      );
      const input = radio(text.say("theme_activity"), () => onChange(current()));
      select.addEventListener("change", () => {
        input.checked = true;
        onChange(current());
      });
      group.append(element("div", { class: "tm-with-list" }, input.parentElement, select));
      choices.forEach(({ key }) => chosen.set(key, input));
    }
  }
  return { group, check: (theme) => (chosen.get(theme.key).checked = true) };
}

export function overlayPicker(overlays, text) {
  const boxes = overlays.map(({ name, shown, toggle }) => {
    const change = (event) => toggle(event.target.checked);
    const input = element("input", { type: "checkbox", checked: shown, onchange: change });
    return element("label", { class: "tm-choice" }, input, element("span", {}, name));
  });
  return element("fieldset", { class: "tm-overlays" }, element("legend", {}, text.say("overlays")), ...boxes);
}

/** The panel folds away: on a small projector the map needs the width. */
export function foldable(panel, text, onFold) {
  const button = element("button", { type: "button", class: "tm-fold" });
  function set(folded) {
    panel.classList.toggle("tm-folded", folded);
    const label = text.say(folded ? "unfold" : "fold");
    button.setAttribute("aria-expanded", String(!folded));
    button.setAttribute("aria-label", label);
    button.setAttribute("title", label);
    button.textContent = folded ? "☰" : "‹";
    onFold();
  }
  button.addEventListener("click", () => set(!panel.classList.contains("tm-folded")));
  panel.prepend(button);
  return set;
}
