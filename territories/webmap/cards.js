/* What is known of a commune or a territory, beside the pointer or at the side. */
import { capital } from "./words.js";
import { element } from "./elements.js";
import { HELD, STATES, TIED, className, holding } from "./themes.js";

/** What is known of a commune, as rows of label and value. No figure of the flows is in the page. */
export function describe(data, text) {
  const placeName = (place) => {
    if (place === TIED) return text.say("tied");
    return place < 0 ? text.say("not_significant") : data.places[place].name;
  };
  const territoryNames = (commune) => {
    const main = data.territory[commune];
    if (main < 0) return text.say("uncovered");
    const several = data.shared[commune] || [[main, 1]];
    return several.map(([territory]) => data.territories[territory].name).join(text.say("and"));
  };
  const held = data.stability && holding(data);
  const percent = (share) => text.percent(share, 100);
  /** "avec son pôle dans 73 % des tirages ; sinon avec Blois (27 %)" */
  function heldWords(k) {
    const { share, second, other } = held(k);
    if (share < 0) return null;
    const values = { share: percent(share) };
    if (second < 0) return text.say("with_pole", values);
    const key = share + other >= 99 ? "with_pole_or" : "with_pole_mostly"; // rounded down, both
    return text.say(key, { ...values, second: data.territories[second].name, other: percent(other) });
  }
  function comparedRows({ name, zones, zone, jaccard, differs }, k) {
    const own = zone[k] < 0 ? text.say("no_zone") : zones[zone[k]];
    const told = differs.includes(k) ? text.say("differing", { zone: own }) : own;
    const rows = [[name, told, "tm-strong tm-rule"]];
    if (jaccard[k] >= 0) rows.push([text.say("jaccard"), text.say("jaccard_of", { percent: percent(jaccard[k]) })]);
    return rows;
  }
  function commune(k) {
    const rows = [];
    if (data.territories) rows.push([text.say("territory"), territoryNames(k), "tm-strong"]);
    for (const other of data.comparisons || []) rows.push(...comparedRows(other, k));
    const words = held && heldWords(k);
    if (words) rows.push([text.say("stability"), words, held(k).share < HELD[0] ? "tm-strong" : ""]);
    if (data.concordance) {
      const { classes, pole, matched, activities } = data.concordance;
      if (pole[k] >= 0) rows.push([text.say("pole"), placeName(pole[k]), "tm-strong"]);
      const named = classes[k] < 0 ? capital(text.say("unknown")) : className(text, classes[k], activities[k]);
      rows.push([text.say("concordance"), named]);
      if (pole[k] >= 0) {
        const of = text.say("of_activities", { matched: matched[k], activities: activities[k] });
        const percent = text.percent(matched[k], activities[k]);
        rows.push(["", activities[k] < 6 ? of : text.say("example", { rule: of, example: percent })]);
      }
    }
    data.activities.forEach(({ name, pole }, order) =>
      rows.push([name, placeName(pole[k]), order ? "" : "tm-rule"]),
    );
    if (data.hospital) {
      const { hospital, agreement } = data.hospital;
      rows.push([text.say("hospital"), placeName(hospital[k]), "tm-rule"]);
      const known = agreement[k] >= 0 ? `agreement.${STATES[agreement[k]]}` : "unknown";
      rows.push([text.say("agreement"), capital(text.say(known))]);
    }
    const population = data.population[k];
    return {
      title: data.names[k],
      code: data.codes[k],
      lead: population == null ? "" : text.count("people", population),
      rows,
    };
  }
  function territory(number, { communes, population }) {
    const lead = text.say("size", {
      communes: text.count("communes", communes.length),
      people: text.count("people", population),
    });
    const rows = [];
    if (held) {
      const inhabitants = (which) => which.reduce((sum, k) => sum + (data.population[k] || 0), 0);
      const stable = communes.filter((k) => held(k).share >= HELD[0]);
      rows.push([text.say("stable_people"), text.percent(inhabitants(stable), inhabitants(communes))]);
    }
    return { title: data.territories[number].name, code: "", lead, rows };
  }
  return { commune, territory };
}

function cardContent({ title, code, lead, rows }) {
  const table = rows.map(([label, value, kind]) =>
    element("tr", { class: kind }, element("th", { scope: "row" }, label), element("td", {}, value)),
  );
  return [
    element("h2", {}, title, code ? element("span", { class: "tm-code" }, code) : null),
    lead ? element("p", { class: "tm-lead" }, lead) : null,
    table.length ? element("table", {}, element("tbody", {}, ...table)) : null,
  ].filter(Boolean);
}

/** The card that follows the pointer, kept inside the map. */
export function hoverCard(container) {
  const card = element("div", { class: "tm-card tm-tip", role: "tooltip", hidden: true });
  container.append(card);
  return {
    show(content, point) {
      if (content) card.replaceChildren(...cardContent(content));
      card.hidden = false;
      const [width, height] = [card.offsetWidth, card.offsetHeight];
      const right = point.x + 22 + width < container.clientWidth;
      const x = right ? point.x + 22 : Math.max(4, point.x - 22 - width);
      const y = Math.min(Math.max(8, point.y - 30), container.clientHeight - height - 8);
      card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    },
    hide: () => (card.hidden = true),
  };
}

/** The card that stays: top right, until closed. */
export function pinnedCard(container, text, onClose) {
  const body = element("div", { class: "tm-pinned-body", "aria-live": "polite" });
  const close = element(
    "button",
    { type: "button", class: "tm-close", "aria-label": text.say("close"), title: text.say("close"), onclick: onClose },
    "×",
  );
  const card = element("section", { class: "tm-card tm-pinned", hidden: true }, close, body);
  shielded(card);
  container.append(card);
  return {
    show(content) {
      body.replaceChildren(...cardContent(content));
      card.hidden = false;
      card.scrollTop = 0;
    },
    hide: () => (card.hidden = true),
    width: () => (card.hidden ? 0 : card.offsetWidth),
  };
}

/** Clicks and wheel on the panel are not for the map below. */
export function shielded(part) {
  L.DomEvent.disableClickPropagation(part);
  L.DomEvent.disableScrollPropagation(part);
  return part;
}
