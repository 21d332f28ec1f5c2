/* Menus and small forms, usable by keyboard. */
import { element } from "./elements.js";

let openMenu = null;

function closeMenu(focus) {
  if (!openMenu) return;
  const { menu, button, outside } = openMenu;
  openMenu = null;
  menu.remove();
  document.removeEventListener("pointerdown", outside, true);
  button.setAttribute("aria-expanded", "false");
  if (focus && button.isConnected) button.focus({ preventScroll: true });
}

/** Open a menu at a button; entries are {label, run, checked, disabled, why}, null is a rule. */
export function menuOf(app, button, entries, title) {
  const again = openMenu && openMenu.button === button;
  closeMenu(again);
  if (again) return;
  const items = [];
  const menu = element("div", { class: "te-menu", role: "menu", "aria-label": button.getAttribute("aria-label") });
  menu.append(element("p", { class: "te-menu-title", "aria-hidden": "true" }, title));
  for (const entry of entries) {
    if (!entry) {
      menu.append(element("div", { class: "te-rule", role: "separator" }));
      continue;
    }
    const role = entry.checked === undefined ? "menuitem" : "menuitemradio";
    const item = element(
      "button",
      { type: "button", role, tabindex: -1, "aria-checked": entry.checked === undefined ? null : String(entry.checked), disabled: Boolean(entry.disabled), title: entry.why },
      entry.label,
    );
    item.addEventListener("click", () => {
      closeMenu(true);
      entry.run();
    });
    if (!entry.disabled) items.push(item);
    menu.append(item);
  }
  app.container.append(menu);
  const place = button.getBoundingClientRect();
  const frame = app.container.getBoundingClientRect();
  const left = Math.min(place.left - frame.left, frame.width - menu.offsetWidth - 6);
  const below = place.bottom - frame.top + 2;
  const top = below + menu.offsetHeight < frame.height ? below : Math.max(6, frame.height - menu.offsetHeight - 6);
  menu.style.left = `${Math.max(6, left)}px`;
  menu.style.top = `${top}px`;
  const outside = (event) => {
    if (!menu.contains(event.target) && !button.contains(event.target)) closeMenu(false);
  };
  document.addEventListener("pointerdown", outside, true);
  openMenu = { menu, button, outside };
  button.setAttribute("aria-expanded", "true");
  menu.addEventListener("keydown", (event) => {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) items[to % items.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") closeMenu(true);
    else if (event.key !== "Enter" && event.key !== " ") return event.stopPropagation();
    else return event.stopPropagation();
    event.preventDefault();
    return event.stopPropagation();
  });
  if (items.length) items[0].focus({ preventScroll: true });
}

export function field(label, input, help = null) {
  return element("label", { class: "te-field" }, element("span", {}, label), input, help ? element("small", {}, help) : null);
}

export function chooser(options, chosen) {
  return element("select", {}, ...options.map(({ value, label }) => element("option", { value, selected: value === chosen }, label)));
}

/** A form in front of the page; `done()` is called with it unless it is left. */
export function formOf(app, title, fields, done, label = app.say("ok")) {
  const dialog = element("dialog", { class: "te-dialog", "aria-label": title });
  const cancel = element("button", { type: "button", class: "te-button", onclick: () => dialog.close() }, app.say("cancel"));
  const buttons = [element("button", { type: "submit", class: "te-button te-primary" }, label), cancel];
  const form = element("form", {}, element("h2", {}, title), ...fields, element("div", { class: "te-dialog-buttons" }, ...buttons));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    done();
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.append(form);
  app.container.append(dialog);
  dialog.showModal();
  const first = form.querySelector("input, select, textarea");
  if (first) first.focus();
  if (first && first.select) first.select();
  return dialog;
}
