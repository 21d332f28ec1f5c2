/* Colours and their tints. */

export const INK = "#18212b";
export const BLANK = "#ffffff";
export const GREY = "#c3c9cf";
// White in the fills of themes without classes: calmer than the full colours.
const CALM = 0.3;

export const channels = (colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));

export function lightness(rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance > 0.008856 ? 116 * Math.cbrt(luminance) - 16 : 903.3 * luminance;
}

const whitened = (rgb, white) => rgb.map((value) => Math.round(value + (255 - value) * white));
const written = (rgb) => `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
export const calm = (colour) => written(whitened(channels(colour), CALM));

/** Mix with white until the wanted lightness. */
export function tint(colour, wanted) {
  const full = channels(colour);
  let [low, high] = [0, 1];
  for (let k = 0; k < 12; k += 1) {
    const middle = (low + high) / 2;
    if (lightness(whitened(full, middle)) < wanted) low = middle;
    else high = middle;
  }
  return written(whitened(full, high));
}

/** Remember the result for each argument: paths are many, colours few. */
export function remembered(make) {
  const known = new Map();
  return (key) => {
    if (!known.has(key)) known.set(key, make(key));
    return known.get(key);
  };
}
