// What a number stands on, shown beside it.

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
