/* Fills for the canvas map: a pattern of the canvas beside each pattern of the legend, so that both
   show the same hatching. */
import { patterns } from "./fills.js";
import { BLANK, INK } from "./shades.js";

const SQUARE = 24; // in pixels of the screen: patterns repeat after that many

/** One square of a pattern, drawn by `draw(context, size)`. */
function canvasPattern(context, ground, draw) {
  const sharp = window.devicePixelRatio > 1 ? 2 : 1;
  const tile = document.createElement("canvas");
  tile.width = tile.height = SQUARE * sharp;
  const pen = tile.getContext("2d");
  pen.scale(sharp, sharp);
  pen.fillStyle = ground;
  pen.fillRect(0, 0, SQUARE, SQUARE);
  draw(pen);
  const pattern = context.createPattern(tile, "repeat");
  if (sharp > 1) pattern.setTransform(new DOMMatrix().scale(1 / sharp));
  return pattern;
}

/** Slanted bands that close up at the edges of the square: `step` divides it. */
function slanted(colour, step, width, falling = false) {
  return (pen) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    for (let k = -SQUARE; k <= 2 * SQUARE; k += step) {
      pen.moveTo(k, falling ? -2 : SQUARE + 2);
      pen.lineTo(k + SQUARE + 4, falling ? SQUARE + 2 : -2);
    }
    pen.stroke();
  };
}

function spotted(colour, step, radius) {
  return (pen) => {
    pen.fillStyle = colour;
    for (let x = step / 2; x < SQUARE; x += step) {
      for (let y = step / 2; y < SQUARE; y += step) {
        pen.beginPath();
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        pen.fill();
      }
    }
  };
}

/** Fills as the themes name them; `onCanvas(fill)` is what the canvas takes for one of them. */
export function canvasFills(container, prefix) {
  const legend = patterns(container, prefix);
  const context = document.createElement("canvas").getContext("2d");
  const known = new Map();
  const both = (name, ground, draw) => {
    if (!known.has(name)) known.set(name, canvasPattern(context, ground, draw));
    return name;
  };
  const two = (...draws) => (pen) => draws.forEach((draw) => draw(pen));
  return {
    onCanvas: (fill) => known.get(fill) ?? fill,
    hatched: (fill, paper = BLANK) => both(legend.hatched(fill, paper), paper, slanted(fill, 8, 2.6)),
    striped: (one, other) => both(legend.striped(one, other), one, slanted(other, 24, 8.5)),
    lined: (fill, line) => both(legend.lined(fill, line), fill, slanted(line, 8, 1.3)),
    dotted: (fill, dot) => both(legend.dotted(fill, dot), fill, spotted(dot, 12, 2.2)),
    crossed: (fill, line) =>
      both(legend.crossed(fill, line), fill, two(slanted(line, 12, 1.2), slanted(line, 12, 1.2, true))),
    /** Claimed: bands of the other colour that fall the other way, edged, so that they are told
        from shared communes without colours. */
    claimed: (one, other) =>
      both(
        legend.claimed(one, other),
        one,
        two(slanted(INK, 12, 5.6, true), slanted(other, 12, 3.8, true)),
      ),
  };
}
