// Any two systems of a board side by side: numbers, tests, settings, and a way to the samples with the
// largest differences.

/** The settings that differ between two rows, as [name, of A, of B]. */
function differingSettings(data, a, b) {
  if (a.run === null || b.run === null) return [];
  const isOfSeeds = a.num_seeds > 1 || b.num_seeds > 1;
  return data.settings
    .map(([name, values]) => [name, values[a.run], values[b.run]])
    .filter(([name, valueA, valueB]) => valueA !== valueB && !(isOfSeeds && name === "seed"));
}

/** A - B by a metric that was not tested, or why there is no difference. */
function plainDifference(a, b, index) {
  const [valueA, valueB] = [a.values[index], b.values[index]];
  if (valueA === null || valueB === null) return "–";
  if (a.measures[index] !== b.measures[index]) return "measured differently";
  const difference = valueA - valueB;
  return a.is_percent[index] ? difference.toFixed(2) : String(Number(difference.toPrecision(4)));
}

/** A number with its interval, which stays on one line. */
const INTERVAL = /^\S+ \[[^\]]+\]$/;

/** A table of texts that scrolls by itself. */
function textTable(name, headers, rows) {
  const head = element("tr", {}, ...headers.map((text) => element("th", { scope: "col", class: "words" }, text)));
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((text) => element("td", { class: INTERVAL.test(text) ? "words whole" : "words" }, text ?? "–"));
    return element("tr", {}, element("th", { scope: "row" }, first), ...cells);
  });
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll", role: "region", "aria-label": name, tabindex: 0 }, table);
}

/** Each metric of two rows; the tested ones with interval and p. */
function metricTable(board, a, b) {
  const [rowA, rowB] = [board.rows[a], board.rows[b]];
  const pairs = board.pairs.filter(
    ({ better, worse }) => (better === a && worse === b) || (better === b && worse === a),
  );
  const rows = board.metrics.map((name, index) => {
    const numbers = [name, rowA.texts[index], rowB.texts[index]];
    const pair = pairs.find(({ metric }) => metric === name);
    if (!pair) return [...numbers, plainDifference(rowA, rowB, index), "not tested", "", ""];
    const difference = pair.better === a ? pair.difference : pair.turned;
    return [...numbers, difference, pair.p, pair.p_holm, pair.verdict];
  });
  const names = [`A: ${rowA.label}`, `B: ${rowB.label}`];
  const headers = ["metric", ...names, "A - B", "p", "p, corrected", "verdict"];
  const tests = [...new Set(pairs.map(({ test }) => board.tests[test]))].join("; ");
  const table = textTable("Metrics of A and B", headers, rows);
  return tests ? [table, remark(`Tested by ${tests}.`)] : [table];
}

/** The settings of A and B that differ, or a sentence. */
function settingsTable(data, rowA, rowB) {
  const unknown = [rowA, rowB].filter((row) => row.run === null).map((row) => row.label);
  if (unknown.length) return remark(`The settings of ${unknown.join(" and ")} are not known.`);
  const settings = differingSettings(data, rowA, rowB);
  if (!settings.length) return remark(`No setting differs, according to ${data.settings_of}.`);
  const table = textTable("Settings of A and B", ["setting", "A", "B"], settings);
  const summary = `Settings that differ: ${settings.length}, according to ${data.settings_of}`;
  return element("details", { class: "fold" }, element("summary", {}, summary), table);
}

/** A button that shows the samples where one system beats the other most. */
function samplesButton(board, winner, loser, text) {
  const fold = document.querySelector(`[data-samples="${CSS.escape(board.samples)}"]`);
  const open = () => showGains(fold, winner, loser);
  return fold && hasGains(fold, winner, loser) ? element("button", { type: "button", onclick: open }, text) : "";
}

/** A button in each row with numbers that compares it with the first other row. */
function addCompareButtons(data, ask) {
  data.boards.forEach((board, which) => {
    for (const row of document.querySelectorAll(`table[data-board="${CSS.escape(board.anchor)}"] tr[data-label]`)) {
      const index = board.rows.findIndex(({ label }) => label === row.dataset.label);
      if (index < 0) continue;
      const onclick = () => ask(which, index, index === 0 ? 1 : 0);
      const name = `Compare ${row.dataset.label} with another system`;
      row.querySelector("th").append(element("button", { type: "button", class: "with", "aria-label": name, title: name, onclick }, "⇄"));
    }
  });
}

/** The two choices of a board and, below them, the comparison. */
function makeCompare(section) {
  const data = JSON.parse(document.getElementById(section.dataset.compare).textContent);
  const result = element("div", { class: "compared", role: "status" });
  const show = () => {
    const board = data.boards[Number(which.value)];
    const [a, b] = [Number(first.value), Number(second.value)];
    const [rowA, rowB] = [board.rows[a], board.rows[b]];
    if (a === b) {
      result.replaceChildren(remark("Choose two different systems."));
      return;
    }
    const buttons = element("div", { class: "controls" });
    buttons.append(
      samplesButton(board, rowA.label, rowB.label, "Samples where A beats B most"),
      samplesButton(board, rowB.label, rowA.label, "Samples where B beats A most"),
    );
    result.replaceChildren(...metricTable(board, a, b), settingsTable(data, rowA, rowB), buttons);
  };
  const which = choice(data.boards.map(({ title }, index) => [index, title]), () => fill());
  const [first, second] = [choice([], show), choice([], show)];
  const fill = () => {
    const names = data.boards[Number(which.value)].rows.map(({ label }, index) => [index, label]);
    for (const [index, select] of [first, second].entries()) {
      select.replaceChildren(...choice(names, null).options);
      select.value = index;
    }
    show();
  };
  const bar = element("div", { class: "controls" }, labeled("Board", which), labeled("A", first), labeled("B", second));
  section.append(bar, result);
  section.hidden = false;
  fill();
  const keys = [[which, "board"], [first, "a"], [second, "b"]];
  for (const [list, key] of keys) {
    const value = START.get(`compare.${key}`);
    if ([...list.options].some((option) => option.value === value)) {
      list.value = value;
      list.dispatchEvent(new Event("change"));
    }
    list.addEventListener("change", () => keys.forEach(([each, name]) => remember(`compare.${name}`, each.value)));
  }
  addCompareButtons(data, (board, a, b) => {
    which.value = board;
    fill();
    [first.value, second.value] = [a, b];
    first.dispatchEvent(new Event("change"));
    section.scrollIntoView();
    first.focus({ preventScroll: true });
  });
}
