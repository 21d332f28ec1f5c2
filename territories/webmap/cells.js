/* Cells of text files, in and out: what French and English spreadsheets write, and no formula. */

const CELL_UNSEEN = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;
const CELL_RUN = /[^";,\t\r\n]+/y; // signs that neither end a cell nor quote one
const CELL_NUMBER_LONGEST = 40;
const CELL_LONGEST = 2_000; // signs of a cell that are read
const CELL_COLUMNS = 200; // cells of a row that are read
const CELL_SEPARATORS = [";", "\t", ","];

/** The text of a file: UTF-8 or UTF-16 as it says, else cp1252, as old spreadsheets write. */
export function decodeBytes(bytes) {
  if (typeof bytes === "string") return bytes.replace(/^\ufeff/, "");
  const array = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  if (array[0] === 0xff && array[1] === 0xfe) return new TextDecoder("utf-16le").decode(array);
  if (array[0] === 0xfe && array[1] === 0xff) return new TextDecoder("utf-16be").decode(array);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(array);
  } catch {
    return new TextDecoder("windows-1252").decode(array);
  }
}

/** A text as a cell: a spreadsheet runs what begins like a formula, so an apostrophe goes
    first, before those that stand there already. */
function cellText(value) {
  const text = String(value ?? "");
  const shown = text.replace(CELL_UNSEEN, "\ufffd");
  const neutral = /^'*[=+\-@\t\r]/.test(text) ? `'${shown}` : shown;
  return /[;"\r\n]/.test(neutral) ? `"${neutral.replace(/"/g, '""')}"` : neutral;
}

/** A file as French Excel opens it: UTF-8 with BOM, `;`, lines of Windows. */
export const cellsText = (rows) => `\ufeff${rows.map((row) => row.map(cellText).join(";")).join("\r\n")}\r\n`;

/** The text of a cell as Python reads it: in one line, and what cannot be seen as it is written again. */
const cellRead = (cell) =>
  cell.replace(/\s+/g, " ").replace(CELL_UNSEEN, "\ufffd").trim().replace(/^'(?='*[=+\-@\ufffd])/, "");

/** Rows of a text, each with its number; blank ones left out, apostrophes against formulas too. No
    more than one beyond `most` are read. */
export function cellRows(text, most = Infinity) {
  const plain = text.replace(/^\ufeff/, "");
  const separator = cellSeparator(plain);
  const rows = [];
  let [row, cell, number, place] = [[], "", 1, 0];
  let [first, begun] = [1, false];
  const endCell = () => {
    if (row.length < CELL_COLUMNS) row.push(cellRead(cell.slice(0, CELL_LONGEST)));
    [cell, begun] = ["", false];
  };
  const endRow = () => {
    endCell();
    if (row.some((each) => each)) rows.push({ number: first, cells: row });
    row = [];
  };
  while (place < plain.length && rows.length <= most) {
    const sign = plain[place];
    const closing = sign === '"' && !begun ? cellClosing(plain, place) : -1;
    if (closing > 0) {
      const quoted = plain.slice(place + 1, closing);
      cell = quoted.replace(/""/g, '"');
      begun = /\S/.test(cell);
      number += (quoted.match(/\n/g) ?? []).length;
      place = closing + 1;
    } else if (sign === separator) {
      endCell();
      place += 1;
    } else if (sign === "\n" || sign === "\r") {
      endRow();
      place += sign === "\r" && plain[place + 1] === "\n" ? 2 : 1;
      number += 1;
      first = number;
    } else {
      CELL_RUN.lastIndex = place;
      const run = CELL_RUN.exec(plain)?.[0] ?? sign;
      cell += run;
      begun ||= /\S/.test(run);
      place += run.length;
    }
  }
  endRow();
  return rows;
}

/** Where a quoted cell ends; -1 where it does not, and the quote is a sign like others. */
function cellClosing(text, place) {
  for (let at = place + 1; at < text.length; at += 1) {
    if (text[at] !== '"') continue;
    if (text[at + 1] !== '"') return at;
    at += 1;
  }
  return -1;
}

/** The separator that stands most often in the first line that says something. */
function cellSeparator(text) {
  const head = text.split(/\r\n|\r|\n/).find((line) => line.trim()) ?? "";
  const bare = head.replace(/"[^"]*"/g, "");
  const count = (sign) => bare.split(sign).length;
  return CELL_SEPARATORS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

/** A number with a comma or a point; null where it is none. */
export function cellNumber(text) {
  const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  return plain.length <= CELL_NUMBER_LONGEST && /^\d*\.?\d+(e-?\d+)?$/i.test(plain) ? Number(plain) : null;
}
