// What the page can do beyond being read: sort and filter tables, tell what a number stands on.
//
// Without it all numbers and the first samples are there. Text from data only ever becomes text:
// nothing here parses markup, and nothing leaves the page.
"use strict";

const FORWARD = "ascending";
const BACKWARD = "descending";
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** A new element with attributes, listeners ("onclick": function) and children; strings become text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A control with its name to the left of it. */
function labelled(name, control) {
  return element("label", {}, element("span", {}, name), control);
}

/** A checkbox with its name to the right of it. */
function checkbox(name, isChecked, onchange) {
  const box = element("input", { type: "checkbox", checked: isChecked, onchange });
  return { box, label: element("label", { class: "check" }, box, element("span", {}, name)) };
}

/** Words that must all be in a text, in lower case. */
function wordsOf(input) {
  return input.value.toLowerCase().split(/\s+/).filter(Boolean);
}

// ---- tables

/** The rows of a table as units that stay together: a row, and the remark below it. */
function unitsOf(table) {
  const units = [];
  for (const row of table.tBodies[0].rows) {
    if (row.classList.contains("remark")) units.at(-1).rows.push(row);
    else units.push({ rows: [row], place: units.length });
  }
  for (const unit of units) unit.text = unit.rows.map((row) => row.textContent).join(" ").toLowerCase();
  return units;
}

/** How many columns a cell covers while none is hidden. */
function spanOf(cell) {
  cell.dataset.span ??= cell.colSpan;
  return Number(cell.dataset.span);
}

/** What a row is sorted by: a number, a text, or null where the column has nothing for it. */
function sortKey(row, column) {
  let start = 0;
  for (const cell of row.cells) {
    const span = spanOf(cell);
    if (column < start + span) {
      if (span > 1) return null;
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      const text = cell.textContent.trim();
      return text === "–" || text === "" ? null : text;
    }
    start += span;
  }
  return null;
}

/** Order by a column; rows without a value are last both ways, and equal ones stay as they were. */
function sorted(units, column, order) {
  const sign = order === BACKWARD ? -1 : 1;
  const keyed = units.map((unit) => ({ unit, key: sortKey(unit.rows[0], column) }));
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null) {
      return (one.key === null) - (other.key === null) || one.unit.place - other.unit.place;
    }
    const areNumbers = typeof one.key === "number" && typeof other.key === "number";
    const by = areNumbers ? one.key - other.key : COLLATOR.compare(one.key, other.key);
    return sign * by || one.unit.place - other.unit.place;
  });
  return keyed.map(({ unit }) => unit);
}

/** Headers become buttons: first the usual order of the column, then the other, then the page's own. */
function makeSortable(table) {
  const units = unitsOf(table);
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const first = header.dataset.first;
    const orders = { none: first, [first]: first === FORWARD ? BACKWARD : FORWARD };
    const sort = () => {
      const order = orders[header.getAttribute("aria-sort")] ?? "none";
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", order);
      const shown = order === "none" ? units : sorted(units, column, order);
      table.tBodies[0].append(...shown.flatMap((unit) => unit.rows));
    };
    header.setAttribute("aria-sort", "none");
    const button = element("button", { type: "button", class: "sort", onclick: sort });
    button.append(...header.childNodes);
    header.append(button);
  });
}

/** Hide some columns; a cell that covers several covers the rest of them. */
function showColumns(table, isShown) {
  for (const row of table.rows) {
    let start = 0;
    for (const cell of row.cells) {
      const span = spanOf(cell);
      const left = isShown.slice(start, start + span).filter(Boolean).length;
      cell.hidden = left === 0;
      cell.colSpan = Math.max(left, 1);
      start += span;
    }
  }
}

/** A fold with a checkbox for each column that can be hidden. */
function columnChooser(table) {
  const headers = [...table.tHead.rows[0].cells];
  const isShown = headers.map(() => true);
  const boxes = headers.map((header, column) => {
    if (header.classList.contains("words") || header.classList.contains("rank")) return "";
    const { box, label } = checkbox(header.textContent.trim(), true, () => {
      isShown[column] = box.checked;
      showColumns(table, isShown);
    });
    return label;
  });
  return element("details", { class: "columns" }, element("summary", {}, "Columns"), ...boxes);
}

/** Controls above a table: words that rows must have, kinds of systems, columns. */
function makeFilterable(table) {
  const units = unitsOf(table);
  const status = element("span", { role: "status", class: "muted" });
  const search = element("input", { type: "search", size: 18, oninput: filter });
  const kinds = [...new Set(units.map((unit) => unit.rows[0].dataset.kind))];
  const boxes = kinds.length < 2 ? [] : kinds.map((kind) => checkbox(kind, true, filter));
  function filter() {
    const words = wordsOf(search);
    const hidden = new Set(kinds.filter((_, place) => boxes.length && !boxes[place].box.checked));
    let count = 0;
    for (const unit of units) {
      const isIn = !hidden.has(unit.rows[0].dataset.kind) && words.every((word) => unit.text.includes(word));
      count += isIn;
      for (const row of unit.rows) row.hidden = !isIn;
    }
    status.textContent = count === units.length ? "" : `${count} of ${units.length} rows`;
  }
  const controls = element("div", { class: "controls" }, labelled("Filter rows", search));
  controls.append(...boxes.map(({ label }) => label), columnChooser(table), status);
  table.closest(".scroll").before(controls);
}

// ---- what a number stands on

/** One note for the page, shown beside the number that is pointed at or has the focus. */
function makeNotes() {
  const note = element("div", { role: "tooltip", id: "note", class: "note", hidden: true });
  document.body.append(note);
  const hide = () => {
    note.hidden = true;
  };
  const show = (target) => {
    note.textContent = target.dataset.note;
    note.hidden = false;
    const place = target.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const isBelow = place.top < note.offsetHeight + 12;
    note.style.left = `${Math.max(8, Math.min(place.left, width - note.offsetWidth - 8))}px`;
    note.style.top = `${isBelow ? place.bottom + 6 : place.top - note.offsetHeight - 6}px`;
  };
  for (const table of document.querySelectorAll("table")) addNotes(table, show, hide);
  addEventListener("scroll", hide, { capture: true, passive: true });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}

/** Numbers of a table with a note: one stop of the tabulator key, arrows go from one to the next. */
function addNotes(table, show, hide) {
  const targets = [...table.querySelectorAll("tbody [title]")];
  targets.forEach((target, place) => {
    target.dataset.note = target.title;
    target.removeAttribute("title");
    target.tabIndex = place === 0 ? 0 : -1;
    target.setAttribute("aria-describedby", "note");
    target.addEventListener("pointerenter", () => show(target));
    target.addEventListener("pointerleave", hide);
    target.addEventListener("focus", () => show(target));
    target.addEventListener("blur", hide);
  });
  table.addEventListener("keydown", (event) => {
    const next = event.target.dataset.note === undefined ? null : neighbour(table, event);
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/** The number that an arrow key leads to: in the same row, or in the same column of another one. */
function neighbour(table, { key, target }) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
  if (!(key in steps)) return null;
  const isDown = key === "ArrowUp" || key === "ArrowDown";
  const column = target.closest("td").cellIndex;
  const isSeen = (one) => one.getClientRects().length > 0;
  const all = [...table.querySelectorAll("[data-note]")].filter(isSeen);
  const line = all.filter((one) =>
    isDown ? one.closest("td").cellIndex === column : one.closest("tr") === target.closest("tr"),
  );
  return line[line.indexOf(target) + steps[key]] ?? null;
}

for (const table of document.querySelectorAll("table.filterable")) makeFilterable(table);
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
makeNotes();
