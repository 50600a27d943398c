// Any two systems of a board beside each other: numbers, tests, settings, and the way to the samples
// that moved most.

/** The settings of two rows that are not the same, as [name, of A, of B]. */
function settingsApart(data, a, b) {
  if (a.run === null || b.run === null) return [];
  const found = data.settings.map(([name, values]) => [name, values[a.run], values[b.run]]);
  const ofSeeds = a.num_seeds > 1 || b.num_seeds > 1;
  return found.filter(([name, one, other]) => one !== other && !(ofSeeds && name === "seed"));
}

/** A less B by one metric that was not tested, or why it is not told. */
function plainDifference(a, b, place) {
  const [one, other] = [a.values[place], b.values[place]];
  if (one === null || other === null) return "–";
  if (a.measures[place] !== b.measures[place]) return "measured differently";
  return a.is_percent[place] ? (one - other).toFixed(2) : String(Number((one - other).toPrecision(4)));
}

/** A table that can be scrolled by itself, from texts. */
function textTable(name, headers, rows) {
  const head = element("tr", {}, ...headers.map((text) => element("th", { scope: "col", class: "words" }, text)));
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((text) => element("td", { class: "words" }, text ?? "–"));
    return element("tr", {}, element("th", { scope: "row" }, first), ...cells);
  });
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll", role: "region", "aria-label": name, tabindex: 0 }, table);
}

/** Each metric of two rows; the tested ones with interval and p. */
function metricTable(board, a, b) {
  const [one, other] = [board.rows[a], board.rows[b]];
  const pairs = board.pairs.filter(
    ({ better, worse }) => Math.min(better, worse) === Math.min(a, b) && Math.max(better, worse) === Math.max(a, b),
  );
  const rows = board.metrics.map((name, place) => {
    const numbers = [name, one.texts[place], other.texts[place]];
    const pair = pairs.find(({ metric }) => metric === name);
    if (!pair) return [...numbers, plainDifference(one, other, place), "not tested", "", ""];
    const difference = pair.better === a ? pair.difference : pair.turned;
    return [...numbers, difference, pair.p, pair.p_holm, pair.is_apart ? "yes" : "no"];
  });
  const headers = ["metric", `A: ${one.label}`, `B: ${other.label}`, "A less B", "p", "p, corrected", "told apart"];
  const tests = [...new Set(pairs.map(({ test }) => board.tests[test]))].join("; ");
  return [textTable("Metrics of A and B", headers, rows), ...(tests ? [element("p", { class: "muted" }, `Tested by ${tests}.`)] : [])];
}

/** What A and B were set to where that differs, or a sentence. */
function settingsTable(data, one, other) {
  const kinds = [one, other].filter((row) => row.run === null).map((row) => row.label);
  if (kinds.length) return element("p", { class: "muted" }, `No settings are known of ${kinds.join(" and ")}.`);
  const apart = settingsApart(data, one, other);
  if (!apart.length) return element("p", { class: "muted" }, `Settings: no difference, by ${data.settings_of}.`);
  const table = textTable("Settings of A and B", ["setting", "A", "B"], apart);
  return element("div", {}, element("p", { class: "muted" }, `Settings that differ, by ${data.settings_of}.`), table);
}

/** A button to the samples in which one system beats the other most. */
function samplesButton(board, winner, loser, text) {
  const fold = document.querySelector(`[data-samples="${CSS.escape(board.samples)}"]`);
  const open = () => showGains(fold, winner, loser);
  return fold && hasGains(fold, winner, loser) ? element("button", { type: "button", onclick: open }, text) : "";
}

/** The two choices of a board, and below them what they give. */
function makeCompare(section) {
  const data = JSON.parse(document.getElementById(section.dataset.compare).textContent);
  const result = element("div", { class: "compared", role: "status" });
  const show = () => {
    const board = data.boards[Number(which.value)];
    const [a, b] = [Number(first.value), Number(second.value)];
    const [one, other] = [board.rows[a], board.rows[b]];
    if (a === b) {
      result.replaceChildren(element("p", { class: "muted" }, "Choose two different systems."));
      return;
    }
    const buttons = element("div", { class: "controls" });
    buttons.append(
      samplesButton(board, one.label, other.label, "Samples where A beats B most"),
      samplesButton(board, other.label, one.label, "Samples where B beats A most"),
    );
    result.replaceChildren(...metricTable(board, a, b), settingsTable(data, one, other), buttons);
  };
  const which = choice(data.boards.map(({ title }, place) => [place, title]), () => fill());
  const [first, second] = [choice([], show), choice([], show)];
  const fill = () => {
    const named = data.boards[Number(which.value)].rows.map(({ label }, place) => [place, label]);
    for (const [place, select] of [first, second].entries()) {
      select.replaceChildren(...choice(named, null).options);
      select.value = place;
    }
    show();
  };
  const bar = element("div", { class: "controls" }, labeled("Board", which), labeled("A", first), labeled("B", second));
  section.append(bar, result);
  section.hidden = false;
  fill();
}
