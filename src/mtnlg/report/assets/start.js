// Starts the page, once everything above is defined.

for (const fold of document.querySelectorAll("[data-samples]")) {
  fold.addEventListener("toggle", () => fold.ask ?? openSamples(fold), { once: true });
  if ([...START.keys()].some((key) => key.startsWith(`${fold.dataset.samples}.`))) fold.open = true;
}
for (const table of document.querySelectorAll("table.filterable")) makeFilterable(table);
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
for (const section of document.querySelectorAll("[data-compare]")) makeCompare(section);
makeNotes();
for (const box of document.querySelectorAll(".scroll")) makeHinted(box);
for (const figure of document.querySelectorAll("figure")) makeSavable(figure);
for (const section of document.querySelectorAll("#curves")) makeSmoothable(section);
addEventListener("hashchange", followAddress);
for (const link of document.querySelectorAll("a[href^='#']")) {
  // The address does not change if the same link is followed twice.
  link.addEventListener("click", () => setTimeout(openTarget));
}
if (location.hash) openTarget();
