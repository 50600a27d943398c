// What the page can do beyond being read: sort and filter tables, tell what a number stands on,
// search samples and mark how they differ from their reference.
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

/** A control with its name to the left of it; the choices of a list are no part of the name. */
function labelled(name, control) {
  control.setAttribute("aria-label", name);
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

// ---- how a text differs from its reference

// A word, or a character of a script that has no spaces between words, or an emoji with all of its
// parts, or a mark. Not Intl.Segmenter: its words are of a dictionary, which differs among browsers.
const UNSPACED = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`;
const EMOJI = String.raw`\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]*`;
const PIECES = new RegExp(
  String.raw`(${UNSPACED}\p{M}*|(?:(?!${UNSPACED})[\p{L}\p{M}\p{N}_])+|${EMOJI}(?:\u200d${EMOJI})*|.)(\s*)`,
  "gsu",
);
const MOST_COMPARISONS = 2_000_000; // pieces of one text times pieces of the other

/** The pieces of a text; joined they are the text, and their words alone are compared. */
function piecesOf(text) {
  return [...text.matchAll(PIECES)].map(([all, word]) => ({ all, word }));
}

/** Lengths of the longest common subsequences of all ends of two lists; row by row. */
function commonLengths(mine, theirs) {
  const width = theirs.length + 1;
  const lengths = new Uint32Array((mine.length + 1) * width);
  for (let row = mine.length - 1; row >= 0; row--) {
    for (let column = theirs.length - 1; column >= 0; column--) {
      const here = row * width + column;
      lengths[here] =
        mine[row].word === theirs[column].word
          ? lengths[here + width + 1] + 1
          : Math.max(lengths[here + width], lengths[here + 1]);
    }
  }
  return lengths;
}

/** Parts [kind, text] of a text beside its reference, kind "same", "ins" (only in the text) or "del"
 * (only in the reference); null where the two are too long to be compared. */
function difference(text, reference) {
  const mine = piecesOf(text);
  const theirs = piecesOf(reference);
  let start = 0;
  const least = Math.min(mine.length, theirs.length);
  while (start < least && mine[start].word === theirs[start].word) start++;
  const [own, other] = [mine.slice(start), theirs.slice(start)];
  if (own.length * other.length > MOST_COMPARISONS) return null;
  const lengths = commonLengths(own, other);
  const width = other.length + 1;
  const parts = [];
  const add = (kind, piece) => {
    if (parts.at(-1)?.[0] === kind) parts.at(-1)[1] += piece.all;
    else parts.push([kind, piece.all]);
  };
  for (const piece of mine.slice(0, start)) add("same", piece);
  let [row, column] = [0, 0];
  while (row < own.length || column < other.length) {
    const here = row * width + column;
    if (row < own.length && column < other.length && own[row].word === other[column].word) {
      add("same", own[row++]);
      column++;
    } else if (row === own.length || (column < other.length && lengths[here + 1] >= lengths[here + width])) {
      add("del", other[column++]);
    } else add("ins", own[row++]);
  }
  return parts;
}

/** The difference to the reference that the text has most in common with. */
function leastDifference(text, references) {
  const size = (parts) => parts.reduce((sum, [kind, part]) => sum + (kind === "same" ? 0 : part.length), 0);
  const all = references.map((reference) => difference(text, reference)).filter(Boolean);
  return all.reduce((best, parts) => (best && size(best) <= size(parts) ? best : parts), null);
}

// ---- samples

const PAGE_SIZE = 10;
const MOST_SIDE_BY_SIDE = 6; // systems from which two are shown at first

/** A choice among [value, name] pairs. */
function choice(options, onchange, selected = 0) {
  const made = options.map(([value, name], place) =>
    element("option", { value, selected: place === selected }, name),
  );
  return element("select", { onchange }, ...made);
}

/** Two number fields under one name, and the test of whether a value is between them. */
function range(name, oninput) {
  const [low, high] = ["from", "to"].map((end) =>
    element("input", { type: "number", step: "any", size: 5, "aria-label": `${name} ${end}`, oninput }),
  );
  const holds = (value) => {
    if (low.value === "" && high.value === "") return true;
    if (value === null) return false;
    return (low.value === "" || value >= Number(low.value)) && (high.value === "" || value <= Number(high.value));
  };
  const group = element("span", { role: "group", "aria-label": name, class: "range" }, `${name} `, low, " – ", high);
  return { group, holds };
}

/** The samples of one board: rows with their length and, once they are searched, their words. */
function readSamples(fold) {
  const data = JSON.parse(document.getElementById(fold.dataset.samples).textContent);
  for (const row of data.rows) row.length = [...(row.source || row.references[0] || "")].length;
  data.textOf = (row) => {
    row.text ??= [row.id, row.source, ...row.references, ...row.outputs].join("\n").toLowerCase();
    return row.text;
  };
  return data;
}

/** The controls above samples, and what they ask for: which rows, in which order, shown how. */
function sampleControls(data, onchange) {
  const named = data.systems.map(({ label }, place) => [place, label]);
  const tags = [...new Set(data.rows.flatMap((row) => row.tags))].map((tag) => [`is ${tag}`, tag]);
  const search = element("input", { type: "search", size: 22, oninput: onchange });
  const tag = choice([["", "all"], ["none", "without a tag"], ["any", "with a tag"], ...tags], onchange);
  const length = range("Characters of the source", onchange);
  const metric = choice(data.metrics.map(({ name }, place) => [place, name]), onchange);
  const [a, b] = [choice(named, onchange), choice(named, onchange, 1)];
  const worth = range("Value of A", onchange);
  const orders = [["own", "of the test set"], ["long", "longest first"]];
  if (data.metrics.length) orders.push(["low", "A worst first"], ["high", "A best first"]);
  if (data.metrics.length && named.length > 1) orders.push(["gain", "where A beats B most"]);
  const order = choice(orders, onchange);
  const pair = checkbox("only A and B", named.length > MOST_SIDE_BY_SIDE, onchange);
  const marks = checkbox("mark differences to the reference", true, onchange);
  const bar = element("div", { class: "controls" }, labelled("Search", search), length.group);
  if (tags.length) bar.append(labelled("Tags", tag));
  bar.append(labelled("System A", a));
  if (named.length > 1) bar.append(labelled("System B", b), pair.label);
  if (data.metrics.length) bar.append(labelled("Metric", metric), worth.group);
  bar.append(labelled("Order", order), marks.label);
  const read = () => ({
    words: wordsOf(search),
    tag: tag.value,
    length,
    worth,
    order: order.value,
    metric: data.metrics[Number(metric.value)],
    a: Number(a.value),
    b: Number(b.value || 0),
    isPair: pair.box.checked,
    isMarked: marks.box.checked,
  });
  return { bar, read };
}

/** Whether a row has one of the tags asked for. */
function hasTag(row, tag) {
  if (tag === "none") return row.tags.length === 0;
  return tag === "" || (tag === "any" ? row.tags.length > 0 : row.tags.includes(tag.slice(3)));
}

/** How much better A is than B, in the metric's unit; null where one has no value. */
function gain({ metric, a, b }, place) {
  const [one, other] = [metric?.values[a][place] ?? null, metric?.values[b][place] ?? null];
  if (one === null || other === null) return null;
  return metric.is_higher_better ? one - other : other - one;
}

/** The rows that are asked for, by their place in the data, in the order that is asked for. */
function chosen(data, wanted) {
  const value = (place) => wanted.metric?.values[wanted.a][place] ?? null;
  const found = [...data.rows.keys()].filter((place) => {
    const row = data.rows[place];
    return (
      hasTag(row, wanted.tag) &&
      wanted.length.holds(row.length) &&
      wanted.worth.holds(value(place)) &&
      wanted.words.every((word) => data.textOf(row).includes(word))
    );
  });
  const worse = wanted.metric?.is_higher_better === false ? -1 : 1;
  const keys = {
    long: (place) => -data.rows[place].length,
    low: (place) => (value(place) === null ? null : worse * value(place)),
    high: (place) => (value(place) === null ? null : -worse * value(place)),
    gain: (place) => (gain(wanted, place) === null ? null : -gain(wanted, place)),
  };
  const key = keys[wanted.order];
  if (!key) return found;
  const keyed = found.map((place) => [key(place) ?? Infinity, place]);
  return keyed.sort(([one, left], [other, right]) => (one < other ? -1 : one > other ? 1 : left - right)).map(([, place]) => place);
}

/** A heading and a text, which can be told apart from nothing. */
function textSection(heading, texts, language) {
  const shown = texts.map((text) => element("div", { class: "text", lang: language, dir: "auto" }, text));
  return element("section", {}, element("h3", {}, heading), ...shown);
}

/** One output, with its value and its marks. */
function outputSection(data, place, system, wanted) {
  const { label, kind } = data.systems[system];
  const text = data.rows[place].outputs[system];
  const value = wanted.metric?.values[system][place] ?? null;
  const badge = element("span", { class: `badge ${kind}` }, kind);
  const heading = element("h3", {}, `${label} `, badge, value === null ? "" : ` ${wanted.metric.name} ${value}`);
  const section = element("section", { class: kind }, heading);
  if (text === null || text.trim() === "") {
    const what = text === null ? "no output for this example" : "empty output";
    section.append(element("p", { class: "muted" }, what));
    return section;
  }
  const parts = wanted.isMarked ? leastDifference(text, data.rows[place].references) : null;
  const marked = parts?.map(([tag, part]) => (tag === "same" ? part : element(tag, {}, part))) ?? [text];
  section.append(element("div", { class: "text", lang: data.language, dir: "auto" }, ...marked));
  return section;
}

/** One example with its outputs side by side. */
function sampleCard(data, place, wanted) {
  const row = data.rows[place];
  const tags = row.tags.map((tag) => element("span", { class: "badge failed" }, tag));
  const header = element("header", {}, "id ", element("code", {}, row.id), " ", ...tags);
  const by = wanted.order === "gain" ? gain(wanted, place) : null;
  if (by !== null) header.append(` A beats B by ${wanted.metric.name} ${Number(by.toFixed(2))}`);
  const pair = element("div", { class: "pair" });
  if (row.source) pair.append(textSection("source", [row.source], data.source_language));
  pair.append(textSection(row.references.length > 1 ? "references" : "reference", row.references, data.language));
  const systems = wanted.isPair ? [...new Set([wanted.a, wanted.b])] : data.systems.keys();
  const outputs = [...systems].map((system) => outputSection(data, place, system, wanted));
  return element("article", { class: "sample" }, header, pair, element("div", { class: "outputs" }, ...outputs));
}

/** In place of the first samples: all of them, a page at a time. */
function openSamples(fold) {
  const data = readSamples(fold);
  const list = element("div", {});
  const status = element("span", { role: "status" });
  let [found, page] = [[], 0];
  const turn = (step) => element("button", { type: "button", onclick: () => show(page + step) }, step < 0 ? "‹ Previous" : "Next ›");
  const [previous, next] = [turn(-1), turn(1)];
  const { bar, read } = sampleControls(data, () => {
    found = chosen(data, read());
    show(0);
  });
  function show(wished) {
    const last = Math.max(Math.ceil(found.length / PAGE_SIZE) - 1, 0);
    page = Math.min(Math.max(wished, 0), last);
    previous.setAttribute("aria-disabled", page === 0);
    next.setAttribute("aria-disabled", page === last);
    const shown = found.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const first = page * PAGE_SIZE + 1;
    status.textContent = shown.length
      ? `${first}–${first + shown.length - 1} of ${found.length} found among ${data.rows.length}`
      : `none of ${data.rows.length}`;
    const wanted = read();
    list.replaceChildren(...shown.map((place) => sampleCard(data, place, wanted)));
  }
  const pager = element("div", { class: "controls pager" }, previous, next, status);
  const key = element("p", { class: "muted" }, "Marked: ", element("ins", {}, "not in the reference"), " ");
  key.append(element("del", {}, "only in the reference"), ".");
  if (data.metrics.length) key.append(" The number beside an output is that of this one example, which has no interval.");
  fold.querySelector(".samples").replaceChildren(bar, key, pager, list);
  found = chosen(data, read());
  show(0);
}

for (const fold of document.querySelectorAll("[data-samples]")) {
  fold.addEventListener("toggle", () => openSamples(fold), { once: true });
}
for (const table of document.querySelectorAll("table.filterable")) makeFilterable(table);
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
makeNotes();
