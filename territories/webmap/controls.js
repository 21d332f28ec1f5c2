/* Buttons on the map: scale, zoom, the whole of it. */
import { shielded } from "./cards.js";
import { element } from "./elements.js";

export function controls(map, text, onHome) {
  const home = L.Control.extend({
    onAdd() {
      const label = text.say("home");
      const button = element("button", { type: "button", class: "tm-home", title: label, "aria-label": label, onclick: onHome }, "⌂");
      return shielded(element("div", { class: "leaflet-bar" }, button));
    },
  });
  L.control.scale({ position: "bottomright", imperial: false, maxWidth: 160 }).addTo(map);
  const titles = { zoomInTitle: text.say("zoom_in"), zoomOutTitle: text.say("zoom_out") };
  L.control.zoom({ position: "bottomright", ...titles }).addTo(map);
  new home({ position: "bottomright" }).addTo(map);
}
