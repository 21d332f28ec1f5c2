/* Small drawings on buttons; the words beside them say what they mean. */
import { drawing } from "./elements.js";

// In a square of 20 by 20, drawn as lines.
const ICON_PATHS = {
  explore: "M4 2.5l5 14 2.2-5.6L17 9z",
  paint: "M3 17c4 .6 5.4-1.4 5.2-3.6L6.6 11.8C4.4 11.6 4.6 14.6 3 17zM8 12.8L16.6 4a1.4 1.4 0 0 0-2-2L7 11.4z",
  release: "M3 7l5-4 9 3-1 8-8 3-5-4zM2 18L18 2",
  share: "M3 3h14v14H3zM17 3L3 17",
  claim: "M5 18V2.5h10l-2.4 3.7L15 10H5",
  undo: "M8 4L3.5 8.5 8 13M4 8.5h7.5a4.6 4.6 0 0 1 0 9.2H8",
  redo: "M12 4l4.5 4.5L12 13M16 8.5H8.500a4.600 4.600 0 0 0 0 9.200H12",
  present: "M2.500 3h15v10.500h-15zM10 13.500V17M6 17.500h8",
  print: "M5.500 7V2.500h9V7M5.500 14H2.500V7h15v7h-3M5.500 11.500h9v6h-9z",
  help: "M7 7.200a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M10 15.200v.6",
  lock: "M4.500 9h11v8.500h-11zM7 9V6a3 3 0 0 1 6 0v3",
  warning: "M10 2.500L18.500 17.500h-17zM10 8v4.500M10 14.500v.6",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  plus: "M10 3.500v13M3.500 10h13",
  zoom: "M8.500 3a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11zM12.600 12.600L17.500 17.500",
  close: "M4.500 4.500l11 11M15.500 4.500l-11 11",
};

export function icon(name) {
  const size = { width: 20, height: 20, viewBox: "0 0 20 20", class: "te-icon", "aria-hidden": "true" };
  return drawing("svg", size, drawing("path", { d: ICON_PATHS[name] }));
}
