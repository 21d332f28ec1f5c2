/* Questions that do not stop the meeting: a bar above the map, answered by a key or a click. */
import { element } from "./elements.js";

const TOAST_MS = 6000;

export function asking(app) {
  const { shell } = app;
  let answer = null;
  let before = null;

  function close(value) {
    if (!answer) return;
    const told = answer;
    answer = null;
    shell.ask.hidden = true;
    if (before && before.isConnected) before.focus({ preventScroll: true });
    told(value);
  }
  /** Ask; choices are {value, label}, the first is that of Enter. Null is Escape, or another question. */
  app.ask = (question, choices) => {
    close(null);
    return new Promise((resolve) => {
      answer = resolve;
      before = document.activeElement;
      const buttons = choices.map(({ value, label }, k) =>
        element(
          "button",
          { type: "button", class: k ? "te-button" : "te-button te-primary", onclick: () => close(value) },
          label,
        ),
      );
      const cancel = element("button", { type: "button", class: "te-button", onclick: () => close(null) }, app.say("cancel"));
      const keys = element("span", { class: "te-ask-keys" }, app.say("ask_keys"));
      shell.ask.replaceChildren(element("p", {}, question), element("div", { class: "te-ask-buttons" }, ...buttons, cancel, keys));
      shell.ask.hidden = false;
      app.announce(question);
      app.asked = { first: choices[0].value };
      buttons[0].focus({ preventScroll: true });
    });
  };
  app.asking = () => answer !== null;
  app.answer = (yes) => close(yes ? app.asked.first : null);
  shell.ask.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close(null);
  });

  let timer = 0;
  /** Say something short above the map, and to those who listen. */
  app.tell = (words, { wrong = false } = {}) => {
    clearTimeout(timer);
    shell.toast.textContent = words;
    shell.toast.classList.toggle("te-wrong", wrong);
    shell.toast.hidden = false;
    timer = setTimeout(() => (shell.toast.hidden = true), TOAST_MS);
  };
}
