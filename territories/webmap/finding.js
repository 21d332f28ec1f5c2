/* Search of a commune, its code or a territory of the draft as it is now. */
import { searchBox, searchEntries } from "./search.js";

export function editorSearch(app) {
  const { model, data, text, shell, stage } = app;
  const entries = () => {
    const territories = model.territories().map(({ id, name }) => ({ id, name }));
    return searchEntries({ ...data, territories }, text).map((entry) =>
      entry.kind === "territory" ? { ...entry, id: territories[entry.number].id } : entry,
    );
  };
  function pick({ kind, number, id }) {
    if (kind === "territory") {
      app.zoomTo(model.communesOf(id));
      app.actions.choose(id);
      return;
    }
    app.cursor = number;
    app.select(number);
    app.zoomTo([number]);
    stage.marks.pointed([]);
    shell.map.focus({ preventScroll: true });
  }
  const list = entries();
  shell.top.insertBefore(searchBox(list, text, "te", pick), shell.top.children[1] || null);
  let names = "";
  app.parts.push({
    refresh() {
      const now = model.territories().map(({ id, name }) => `${id}\n${name}`).join("\n");
      if (now !== names && names) list.splice(0, list.length, ...entries());
      names = now;
    },
  });
}
