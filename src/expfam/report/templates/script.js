"use strict";
// Sort a table by any of its columns: upwards, downwards, and back to the order of the page. Without this script
// every table stands as it is.
const collator = new Intl.Collator(undefined, { numeric: true });

function value(row, at) {
  const cell = row.cells[at];
  return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
}

function compare(a, b) {
  const missing = (x) => x === "";
  if (missing(a) || missing(b)) return null;
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

function sort(table, at, heads) {
  const head = heads[at];
  const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
  heads.forEach((other) => other.setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", next);
  const body = table.tBodies[0];
  const sign = next === "descending" ? -1 : 1;
  const rows = [...body.rows].sort((one, two) => {
    const back = one.dataset.place - two.dataset.place;
    if (next === "none") return back;
    const a = value(one, at), b = value(two, at), order = compare(a, b);
    return order === null ? (a === "") - (b === "") || back : sign * order || back; // what is missing stays below
  });
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(table, at, heads));
  });
}

// What is folded is open on paper.
const folded = [...document.querySelectorAll("details")];
addEventListener("beforeprint", () => folded.forEach((part) => { part.dataset.was = part.open; part.open = true; }));
addEventListener("afterprint", () => folded.forEach((part) => { part.open = part.dataset.was === "true"; }));
