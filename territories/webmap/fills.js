/* Fills that are not one colour: hatched, striped, dotted. */
import { drawing } from "./elements.js";
import { BLANK, INK } from "./shades.js";

/** Fills that are not one colour, made once each. Leaflet's canvas would drop them: SVG only. */
export function patterns(container, prefix) {
  const known = new Map();
  const definitions = drawing("defs");
  // Not display:none: some browsers then drop the patterns too.
  container.append(
    drawing("svg", { width: 0, height: 0, class: "tm-defs", "aria-hidden": "true" }, definitions),
  );
  function made(name, size, turn, ...shapes) {
    if (!known.has(name)) {
      const id = `${prefix}-fill-${known.size}`;
      known.set(name, `url(#${id})`);
      const box = { id, width: size, height: size, patternUnits: "userSpaceOnUse" };
      definitions.append(
        drawing("pattern", { ...box, patternTransform: `rotate(${turn})` }, ...shapes),
      );
    }
    return known.get(name);
  }
  const ground = (size, fill) => drawing("rect", { width: size, height: size, fill });
  const band = (size, width, fill) => drawing("rect", { width, height: size, fill });
  return {
    hatched: (fill, paper = BLANK) =>
      made(`hatched ${fill} ${paper}`, 8, 45, ground(8, paper), band(8, 3.4, fill)),
    striped: (one, two) => made(`striped ${one} ${two}`, 16, 45, ground(16, one), band(16, 8, two)),
    lined: (fill, line) => made(`lined ${fill} ${line}`, 7, 45, ground(7, fill), band(7, 1.7, line)),
    dotted: (fill, dot) =>
      made(
        `dotted ${fill} ${dot}`,
        9,
        30,
        ground(9, fill),
        drawing("circle", { cx: 4.5, cy: 4.5, r: 2, fill: dot }),
      ),
    claimed: (one, other) =>
      made(`claimed ${one} ${other}`, 12, -45, ground(12, one), band(12, 5.6, INK), drawing("rect", { x: 0.9, width: 3.8, height: 12, fill: other })),
    crossed: (fill, line) =>
      made(`crossed ${fill} ${line}`, 9, 45, ground(9, fill), band(9, 1.4, line), drawing("rect", { width: 9, height: 1.4, fill: line })),
  };
}
