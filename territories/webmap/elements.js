/* Elements: data reach the page as text nodes and attributes only, never as markup, so a name
   cannot run. */
import { INK } from "./shades.js";

export const SVG = "http://www.w3.org/2000/svg";

/** Make an element; children that are not elements become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return filled(made, attributes, children);
}

export function drawing(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A sample of one or several fills, as in a printed legend. */
export function swatch(...fills) {
  const width = 36 / fills.length;
  const parts = fills.map((fill, k) =>
    drawing("rect", { x: k * width, y: 0, width, height: 22, fill }),
  );
  const frame = drawing("rect", { x: 0.5, y: 0.5, width: 35, height: 21, class: "tm-frame" });
  const size = { width: 36, height: 22, class: "tm-swatch", "aria-hidden": "true" };
  return drawing("svg", size, ...parts, frame);
}

/** A sample of a line, as in a printed legend. */
export function lineSwatch({ width, casing, dash, colour = INK, light }) {
  const place = { x1: 2, y1: 11, x2: 34, y2: 11 };
  const line = drawing("line", { ...place, stroke: colour, "stroke-width": width, "stroke-dasharray": dash });
  const below = light && drawing("line", { ...place, stroke: light, "stroke-width": casing });
  const size = { width: 36, height: 22, class: "tm-swatch", "aria-hidden": "true" };
  return drawing("svg", size, below, line);
}
