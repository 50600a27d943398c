// Tables: sorted by their headers, filtered by words and kinds, with columns to show or hide, and with a
// word where a part of them is out of sight.

const FORWARD = "ascending";
const BACKWARD = "descending";
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** The rows of a table as units that stay together: a row and the remark below it. */
function unitsOf(table) {
  const units = [];
  for (const row of table.tBodies[0].rows) {
    if (row.classList.contains("remark")) units.at(-1).rows.push(row);
    else units.push({ rows: [row], index: units.length });
  }
  for (const unit of units) {
    const { kind } = unit.rows[0].dataset;
    unit.text = [kind, ...unit.rows.map((row) => row.textContent)].join(" ").toLowerCase();
  }
  return units;
}

/** How many columns a cell spans while none is hidden. */
function spanOf(cell) {
  cell.dataset.span ??= cell.colSpan;
  return Number(cell.dataset.span);
}

/** What a row is sorted by: a number, a text, or null if its cell is empty. */
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

/** Order by a column; rows without a value come last both ways, and equal rows keep their order. */
function sorted(units, column, order) {
  const sign = order === BACKWARD ? -1 : 1;
  const keyed = units.map((unit) => ({ unit, key: sortKey(unit.rows[0], column) }));
  keyed.sort((left, right) => {
    const before = left.unit.index - right.unit.index;
    if (left.key === null || right.key === null) return (left.key === null) - (right.key === null) || before;
    const areNumbers = typeof left.key === "number" && typeof right.key === "number";
    const by = areNumbers ? left.key - right.key : COLLATOR.compare(left.key, right.key);
    return sign * by || before;
  });
  return keyed.map(({ unit }) => unit);
}

/** Headers become buttons: the column's usual order first, then the reverse, then the page's order. */
function makeSortable(table) {
  const units = unitsOf(table);
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const first = header.dataset.first;
    const orders = { none: first, [first]: first === FORWARD ? BACKWARD : FORWARD };
    const sort = (order) => {
      for (const cell of headers) cell.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", order);
      const shown = order === "none" ? units : sorted(units, column, order);
      table.tBodies[0].append(...shown.flatMap((unit) => unit.rows));
      return order;
    };
    const press = () => {
      const order = sort(orders[header.getAttribute("aria-sort")] ?? "none");
      if (table.id) remember(`${table.id}.sort`, order === "none" ? null : `${column} ${order}`);
    };
    header.setAttribute("aria-sort", "none");
    const button = element("button", { type: "button", class: "sort", onclick: press });
    button.append(...header.childNodes);
    header.append(button);
    const [place, order] = (START.get(`${table.id}.sort`) ?? "").split(" ");
    if (place === String(column)) sort(order);
  });
}

/** Hide some columns; a cell that spans several spans the rest of them. */
function showColumns(table, isShown) {
  for (const row of table.rows) {
    let start = 0;
    for (const cell of row.cells) {
      const span = spanOf(cell);
      const shown = isShown.slice(start, start + span).filter(Boolean).length;
      cell.hidden = shown === 0;
      cell.colSpan = Math.max(shown, 1);
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
    kept(box, `${table.id}.column-${column}`);
    isShown[column] = box.checked;
    return label;
  });
  if (isShown.includes(false)) showColumns(table, isShown);
  return element("details", { class: "columns" }, element("summary", {}, "Columns"), ...boxes);
}

/** Controls above a table: words that rows must have, kinds of systems, columns. */
function makeFilterable(table) {
  const units = unitsOf(table);
  const status = element("span", { role: "status", class: "muted" });
  const search = element("input", { type: "search", size: 18, oninput: filter });
  const kinds = [...new Set(units.map((unit) => unit.rows[0].dataset.kind))];
  const boxes = kinds.length < 2 ? [] : kinds.map((kind) => checkbox(kind, true, filter));
  kept(search, `${table.id}.words`);
  kinds.forEach((kind, index) => boxes.length && kept(boxes[index].box, `${table.id}.${kind}`));
  function filter() {
    const words = wordsOf(search);
    const hidden = new Set(kinds.filter((_, index) => boxes.length && !boxes[index].box.checked));
    let count = 0;
    for (const unit of units) {
      const isIn = !hidden.has(unit.rows[0].dataset.kind) && words.every((word) => unit.text.includes(word));
      count += isIn;
      for (const row of unit.rows) row.hidden = !isIn;
    }
    status.textContent = count === units.length ? "" : `${count} of ${units.length} rows`;
  }
  const controls = element("div", { class: "controls" }, labeled("Filter rows", search));
  controls.append(...boxes.map(({ label }) => label), columnChooser(table), status);
  table.closest(".scroll").before(controls);
  filter();
}

/** Say where a table goes on beyond the edge of its box. */
function makeHinted(box) {
  const hint = element("p", { class: "hint", "aria-hidden": true }, "more columns →");
  box.before(hint);
  const show = () => {
    hint.hidden = box.scrollLeft + box.clientWidth >= box.scrollWidth - 2;
  };
  box.addEventListener("scroll", show, { passive: true });
  new ResizeObserver(show).observe(box);
  show();
}
