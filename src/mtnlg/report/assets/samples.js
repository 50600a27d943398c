// The samples of a board: searched, filtered, ordered, and marked where they differ.

const PAGE_SIZE = 10;
const MOST_SIDE_BY_SIDE = 6; // systems from which two are shown at first

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
  const bar = element("div", { class: "controls" }, labeled("Search", search), length.group);
  if (tags.length) bar.append(labeled("Tags", tag));
  bar.append(labeled("System A", a));
  if (named.length > 1) bar.append(labeled("System B", b), pair.label);
  if (data.metrics.length) bar.append(labeled("Metric", metric), worth.group);
  bar.append(labeled("Order", order), marks.label);
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
  /** Ask for what A has more than B, by the labels of these. */
  const ask = (winner, loser) => {
    a.value = data.systems.findIndex(({ label }) => label === winner);
    b.value = data.systems.findIndex(({ label }) => label === loser);
    [metric.value, order.value, pair.box.checked] = [0, "gain", true];
    onchange();
  };
  return { bar, read, ask };
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
  fold.data ??= readSamples(fold);
  const { data } = fold;
  const list = element("div", {});
  const status = element("span", { role: "status" });
  let [found, page] = [[], 0];
  const turn = (step) => element("button", { type: "button", onclick: () => show(page + step) }, step < 0 ? "‹ Previous" : "Next ›");
  const [previous, next] = [turn(-1), turn(1)];
  const { bar, read, ask } = sampleControls(data, () => {
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
  fold.ask = ask;
}

/** Whether the samples of a board have values of both systems. */
function hasGains(fold, winner, loser) {
  fold.data ??= readSamples(fold);
  const labels = fold.data.systems.map(({ label }) => label);
  return fold.data.metrics.length > 0 && labels.includes(winner) && labels.includes(loser);
}

/** Open the samples of a board where one system beats another most. */
function showGains(fold, winner, loser) {
  if (!fold.ask) openSamples(fold);
  fold.open = true;
  fold.ask(winner, loser);
  fold.scrollIntoView();
  fold.querySelector("summary").focus({ preventScroll: true });
}
