// What a number rests on, shown beside it.

const pointer = { x: null, y: null };

/** One note for the page, shown beside the number that is pointed at or focused. */
function makeNotes() {
  const note = element("div", { role: "tooltip", id: "note", class: "note", hidden: true });
  document.body.append(note);
  const hide = () => {
    note.hidden = true;
  };
  const show = (target) => {
    note.textContent = target.dataset.note;
    note.hidden = false;
    const bounds = target.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const isBelow = bounds.top < note.offsetHeight + 12;
    note.style.left = `${Math.max(8, Math.min(bounds.left, width - note.offsetWidth - 8))}px`;
    note.style.top = `${isBelow ? bounds.bottom + 6 : bounds.top - note.offsetHeight - 6}px`;
  };
  addEventListener("pointermove", ({ clientX, clientY }) => Object.assign(pointer, { x: clientX, y: clientY }));
  for (const table of document.querySelectorAll("table")) addNotes(table, show, hide);
  const follow = () => {
    const focused = document.activeElement;
    const isOfFocus = !note.hidden && note.textContent === focused.dataset.note;
    if (isOfFocus) show(focused);
    else hide();
  };
  addEventListener("scroll", follow, { capture: true, passive: true });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}

/** The numbers of a table that have a note: one Tab stop, and arrow keys move between them. */
function addNotes(table, show, hide) {
  const targets = [...table.querySelectorAll("tbody [title]:not(button)")];
  targets.forEach((target, index) => {
    target.dataset.note = target.title;
    target.removeAttribute("title");
    target.tabIndex = index === 0 ? 0 : -1;
    target.setAttribute("aria-describedby", "note");
    target.addEventListener("pointerenter", ({ clientX, clientY }) => {
      if (clientX !== pointer.x || clientY !== pointer.y) show(target); // the page may move below it
    });
    target.addEventListener("pointerleave", hide);
    target.addEventListener("focus", () => show(target));
    target.addEventListener("blur", hide);
  });
  table.addEventListener("keydown", (event) => {
    const next = event.target.dataset.note === undefined ? null : neighbor(table, event);
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/** The number that an arrow key leads to: in the same row, or in the same column of another row. */
function neighbor(table, { key, target }) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
  if (!(key in steps)) return null;
  const isVertical = key === "ArrowUp" || key === "ArrowDown";
  const column = target.closest("td, th").cellIndex;
  const line = [...table.querySelectorAll("[data-note]")]
    .filter((number) => number.getClientRects().length > 0)
    .filter((number) =>
      isVertical ? number.closest("td, th").cellIndex === column : number.closest("tr") === target.closest("tr"),
    );
  return line[line.indexOf(target) + steps[key]] ?? null;
}
