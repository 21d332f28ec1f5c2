/* The panels of the workshop, and the order in which the shell lists them. */
import { claimsPanel } from "./claims.js";
import { communesTable } from "./table.js";
import { filesPanel } from "./files.js";
import { keeper } from "./keeper.js";
import { logPanel } from "./journal.js";
import { scenariosPanel } from "./scenarios.js";
import { statusPanel } from "./publish.js";

/** Make the panels of an editor: [{name, label, open}]; a public copy has the table alone. */
export function workshopPanels(app, { keep = true } = {}) {
  const { data, text } = app;
  app.meeting = app.meeting || { author: "", reason: "" };
  const makers = data.settings.public
    ? { table: communesTable }
    : {
        log: logPanel,
        files: filesPanel,
        scenarios: scenariosPanel,
        status: statusPanel,
        claims: claimsPanel,
        table: communesTable,
      };
  const panels = Object.entries(makers).map(([name, make]) => {
    const panel = make(app);
    return { ...panel, name, label: text.say(`editor.${name}_title`) };
  });
  if (data.settings.public) {
    app.container.classList.add("te-public");
    app.stage.resized();
  }
  if (keep && !data.settings.public) app.keeper = keeper(app);
  return panels;
}
