// The samples of a board: searched, filtered, sorted, and marked where they differ from the reference.

const PAGE_SIZE = 10;
const MAX_SIDE_BY_SIDE = 6; // with more systems, only two are shown at first

/** Two number fields under one name, and the test whether a value lies between them. */
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
  const keep = (key) => [low, high].forEach((input, index) => kept(input, `${key}-${["from", "to"][index]}`));
  return { group, holds, keep };
}

/** The samples of one board, with the length of each source and its text in lower case for search. */
function readSamples(fold) {
  const data = JSON.parse(document.getElementById(fold.dataset.samples).textContent);
  for (const row of data.rows) row.length = [...(row.source || row.references[0] || "")].length;
  data.textOf = (row) => {
    row.text ??= [row.id, row.source, ...row.references, ...row.outputs].join("\n").toLowerCase();
    return row.text;
  };
  return data;
}

/** The controls above the samples; `read` gives what they select, and `ask` sets them. */
function sampleControls(data, key, onchange) {
  const named = data.systems.map(({ label }, index) => [index, label]);
  const tags = [...new Set(data.rows.flatMap((row) => row.tags))].map((tag) => [`is ${tag}`, tag]);
  const search = element("input", { type: "search", size: 22, oninput: onchange });
  const tag = choice([["", "all"], ["none", "without a tag"], ["any", "with a tag"], ...tags], onchange);
  const length = range("Characters of the source", onchange);
  const metric = choice(data.metrics.map(({ name }, index) => [index, name]), onchange);
  const [a, b] = [choice(named, onchange), choice(named, onchange, 1)];
  const value = range("Value of A", onchange);
  const orders = [["page", "of the test set"], ["long", "longest first"]];
  if (data.metrics.length) orders.push(["low", "A worst first"], ["high", "A best first"]);
  if (data.metrics.length && named.length > 1) orders.push(["gain", "where A beats B most"]);
  const order = choice(orders, onchange);
  const pair = checkbox("only A and B", named.length > MAX_SIDE_BY_SIDE, onchange);
  const marks = checkbox("mark differences to the reference", true, onchange);
  const bar = element("div", { class: "controls" }, labeled("Search", search), length.group);
  if (tags.length) bar.append(labeled("Tags", tag));
  bar.append(labeled("System A", a));
  if (named.length > 1) bar.append(labeled("System B", b), pair.label);
  if (data.metrics.length) bar.append(labeled("Metric", metric), value.group);
  bar.append(labeled("Order", order), marks.label);
  const parts = { search, tag, metric, a, b, order, pair: pair.box, marks: marks.box };
  for (const [name, control] of Object.entries(parts)) kept(control, `${key}.${name}`);
  for (const [name, group] of Object.entries({ length, value })) group.keep(`${key}.${name}`);
  const read = () => ({
    words: wordsOf(search),
    tag: tag.value,
    length,
    value,
    order: order.value,
    metric: data.metrics[Number(metric.value)],
    a: Number(a.value),
    b: Number(b.value || 0),
    isPair: pair.box.checked,
    isMarked: marks.box.checked,
  });
  /** Select the samples where one system, A, beats another, B, most. */
  const ask = (winner, loser) => {
    a.value = data.systems.findIndex(({ label }) => label === winner);
    b.value = data.systems.findIndex(({ label }) => label === loser);
    [metric.value, order.value, pair.box.checked] = [0, "gain", true];
    for (const control of [a, b, metric, order, pair.box]) control.dispatchEvent(new Event("change"));
  };
  return { bar, read, ask };
}

/** Whether a row has the selected tag. */
function hasTag(row, tag) {
  if (tag === "none") return row.tags.length === 0;
  return tag === "" || (tag === "any" ? row.tags.length > 0 : row.tags.includes(tag.slice(3)));
}

/** How much better A is than B, in the metric's unit; null if either has no value. */
function gain({ metric, a, b }, index) {
  const [valueA, valueB] = [metric?.values[a][index] ?? null, metric?.values[b][index] ?? null];
  if (valueA === null || valueB === null) return null;
  return metric.is_higher_better ? valueA - valueB : valueB - valueA;
}

/** The indices of the selected rows, in the selected order; rows without a value come last. */
function selectedRows(data, selection) {
  const valueOf = (index) => selection.metric?.values[selection.a][index] ?? null;
  const indices = [...data.rows.keys()].filter((index) => {
    const row = data.rows[index];
    return (
      hasTag(row, selection.tag) &&
      selection.length.holds(row.length) &&
      selection.value.holds(valueOf(index)) &&
      selection.words.every((word) => data.textOf(row).includes(word))
    );
  });
  const sign = selection.metric?.is_higher_better === false ? -1 : 1;
  const last = (value, factor) => (value === null ? Infinity : factor * value);
  const keys = {
    long: (index) => -data.rows[index].length,
    low: (index) => last(valueOf(index), sign),
    high: (index) => last(valueOf(index), -sign),
    gain: (index) => last(gain(selection, index), -1),
  };
  const key = keys[selection.order];
  if (!key) return indices;
  const keyed = indices.map((index) => [key(index), index]);
  keyed.sort(([leftKey, left], [rightKey, right]) => (leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : left - right));
  return keyed.map(([, index]) => index);
}

/** A heading and texts in a language. */
function textSection(heading, texts, language) {
  const blocks = texts.map((text) => element("div", { class: "text", lang: language, dir: "auto" }, text));
  return element("section", {}, element("h3", {}, heading), ...blocks);
}

/** One output, with its value and its differences marked. */
function outputSection(data, index, system, selection) {
  const { label, kind } = data.systems[system];
  const text = data.rows[index].outputs[system];
  const value = selection.metric?.values[system][index] ?? null;
  const badge = element("span", { class: `badge ${kind}` }, kind);
  const heading = element("h3", {}, `${label} `, badge, value === null ? "" : ` ${selection.metric.name} ${value}`);
  const section = element("section", { class: kind }, heading);
  if (text === null || text.trim() === "") {
    section.append(remark(text === null ? "no output for this example" : "empty output"));
    return section;
  }
  const parts = selection.isMarked ? smallestDifference(text, data.rows[index].references) : null;
  const marked = parts?.map(([tag, part]) => (tag === "same" ? part : element(tag, {}, part))) ?? [text];
  section.append(element("div", { class: "text", lang: data.language, dir: "auto" }, ...marked));
  return section;
}

/** One example with its outputs side by side; its id is a button that shows it alone. */
function sampleCard(data, index, selection, onalone) {
  const row = data.rows[index];
  const tags = row.tags.map((tag) => element("span", { class: "badge failed" }, tag));
  const alone = element("button", { type: "button", class: "link", onclick: () => onalone(row.id) }, element("code", {}, row.id));
  const header = element("header", {}, "id ", alone, " ", ...tags);
  const by = selection.order === "gain" ? gain(selection, index) : null;
  if (by !== null) header.append(` A beats B by ${selection.metric.name} ${Number(by.toFixed(2))}`);
  const pair = element("div", { class: "pair" });
  if (row.source) pair.append(textSection("source", [row.source], data.source_language));
  pair.append(textSection(row.references.length > 1 ? "references" : "reference", row.references, data.language));
  const systems = selection.isPair ? [...new Set([selection.a, selection.b])] : data.systems.keys();
  const outputs = [...systems].map((system) => outputSection(data, index, system, selection));
  return element("article", { class: "sample" }, header, pair, element("div", { class: "outputs" }, ...outputs));
}

/** Replace the few samples of the page by all of them, a page at a time. */
function openSamples(fold) {
  fold.data ??= readSamples(fold);
  const { data } = fold;
  const list = element("div", {});
  const status = element("span", { role: "status" });
  const key = fold.dataset.samples;
  let [selected, page] = [[], Number(START.get(`${key}.page`) ?? 0)];
  let alone = START.get(`${key}.id`);
  const turn = (step) => element("button", { type: "button", onclick: () => show(page + step) }, step < 0 ? "‹ Previous" : "Next ›");
  const [previous, next] = [turn(-1), turn(1)];
  const select = (wished = 0) => {
    selected = selectedRows(data, read());
    show(wished);
  };
  const showAlone = (id) => {
    alone = alone === id ? null : id;
    remember(`${key}.id`, alone);
    show(0);
  };
  const { bar, read, ask } = sampleControls(data, key, () => {
    alone = null;
    remember(`${key}.id`, null);
    select();
  });
  function show(wished) {
    const rows = alone === null ? selected : [...data.rows.keys()].filter((index) => data.rows[index].id === alone);
    const last = Math.max(Math.ceil(rows.length / PAGE_SIZE) - 1, 0);
    page = Math.min(Math.max(wished, 0), last);
    previous.setAttribute("aria-disabled", page === 0);
    next.setAttribute("aria-disabled", page === last);
    remember(`${key}.page`, page || null);
    const shown = rows.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const first = page * PAGE_SIZE + 1;
    status.textContent = shown.length
      ? `${first}–${first + shown.length - 1} of ${rows.length} found among ${data.rows.length}`
      : `none of ${data.rows.length}`;
    const selection = read();
    list.replaceChildren(...shown.map((index) => sampleCard(data, index, selection, showAlone)));
  }
  const pager = element("div", { class: "controls pager" }, previous, next, status);
  const legend = remark("Marked: ", element("ins", {}, "not in the reference"), " ");
  legend.append(element("del", {}, "only in the reference"), ".");
  if (data.metrics.length) legend.append(" The number beside an output is the value of this example alone, without interval.");
  fold.querySelector(".samples").replaceChildren(bar, legend, pager, list);
  select(page);
  fold.ask = ask;
}

/** Whether the samples of a board have values for both systems. */
function hasGains(fold, winner, loser) {
  fold.data ??= readSamples(fold);
  const labels = fold.data.systems.map(({ label }) => label);
  return fold.data.metrics.length > 0 && labels.includes(winner) && labels.includes(loser);
}

/** Open the samples of a board, sorted by how much one system beats another. */
function showGains(fold, winner, loser) {
  if (!fold.ask) openSamples(fold);
  fold.open = true;
  fold.ask(winner, loser);
  fold.scrollIntoView();
  fold.querySelector("summary").focus({ preventScroll: true });
}
