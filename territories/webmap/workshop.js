/* The page of the workshop: it opens by double-click with the network off. */
import { territoriesEditor } from "./editor.js";
import { keepSource } from "./publish.js";

/** Fill the page from the data that stand in it. */
export function openWorkshop() {
  keepSource();
  const data = JSON.parse(document.getElementById("territories-data").textContent);
  territoriesEditor(document.getElementById("territories-editor"), data);
}
