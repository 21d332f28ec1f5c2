/* Words and numbers as the reader's language writes them. */

export function words(data) {
  const numbers = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB");
  const percents = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB", {
    style: "percent",
    maximumFractionDigits: 0,
  });
  const decimals = new Intl.NumberFormat(data.language === "fr" ? "fr-FR" : "en-GB", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  const plurals = new Intl.PluralRules(data.language);
  function say(key, values = {}) {
    // A function as replacement: "$&" in a name is text.
    return data.words[key.includes(".") ? key : `map.${key}`].replace(/\{(\w+)\}/g, (whole, name) =>
      name in values ? String(values[name]) : whole,
    );
  }
  return {
    say,
    number: (value) => numbers.format(value),
    decimal: (value) => (value == null ? "–" : decimals.format(value)),
    percent: (part, whole) => {
      const share = whole > 0 ? part / whole : 0;
      if (share > 0 && share < 0.005) return `< ${percents.format(0.01)}`;
      if (share >= 0.995 && share < 1) return `> ${percents.format(0.99)}`;
      return percents.format(share);
    },
    /** Bounds of a share in whole percents, rounded away from each other: they still hold it. */
    outward: (low, high) => [Math.floor(100 * low + 1e-9), Math.ceil(100 * high - 1e-9)].map((each) => percents.format(each / 100)),
    count: (key, value) =>
      say(plurals.select(value) === "one" ? `${key}_one` : key, { count: numbers.format(value) }),
  };
}

/** Lower case without accents, ligatures, hyphens or apostrophes: how people type names. */
export function folded(text) {
  return text
    .toLowerCase()
    .replace(/œ/g, "oe")
    .replace(/æ/g, "ae")
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[-–’'`.,]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
