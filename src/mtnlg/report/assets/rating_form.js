// The rater's form: answers are kept in this browser where it lets us, and saved as the sheet's CSV.

const sheet = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("items");
const fields = [...form.querySelectorAll("fieldset")];
const progress = element("span", { role: "status", "aria-live": "polite" });
let isSaved = true;

/** The answer to an item as text; empty where there is none that the scale has. */
function answerOf(field) {
  const given = field.querySelector("input:checked, input[type=number]");
  const isWhole = given !== null && /^\d+$/.test(given.value);
  return isWhole && given.value >= sheet.least && given.value <= sheet.greatest ? given.value : "";
}

function show(field, answer) {
  const input = field.querySelector(`input[type=radio][value="${CSS.escape(answer)}"]`);
  if (input) input.checked = true;
  const number = field.querySelector("input[type=number]");
  if (number) number.value = answer;
}

/** Storage of the browser; a page from a disk may have none. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(sheet.name)) ?? {};
  } catch {
    return {};
  }
}

function remember() {
  const answers = fields.map((field, place) => [place, answerOf(field)]).filter(([, answer]) => answer);
  try {
    localStorage.setItem(sheet.name, JSON.stringify(Object.fromEntries(answers)));
    return true;
  } catch {
    return false;
  }
}

function tell() {
  const missing = fields.filter((field) => !answerOf(field)).length;
  const kept = isSaved ? "" : "; not saved yet";
  progress.textContent = `${fields.length - missing} of ${fields.length} answered${kept}`;
}

function changed() {
  isSaved = false;
  isKept = remember();
  tell();
}

function goTo(field) {
  if (!field) return;
  field.scrollIntoView({ block: "nearest" });
  (field.querySelector("input:checked") ?? field.querySelector("input")).focus();
}

/** The first item without an answer after a place, or else from the beginning. */
function nextOpen(place) {
  const open = fields.filter((field) => !answerOf(field));
  return open.find((field) => fields.indexOf(field) > place) ?? open[0];
}

function save() {
  const lines = sheet.lines.map((line, place) => `${line}"${answerOf(fields[place])}"\r\n`);
  const blob = new Blob([sheet.header, ...lines], { type: "text/csv;charset=utf-8" });
  const link = element("a", { href: URL.createObjectURL(blob), download: sheet.file });
  link.click();
  URL.revokeObjectURL(link.href);
  isSaved = true;
  tell();
}

/** A digit answers the item that has the focus, where the scale has no longer numbers. */
function onDigit(event) {
  const field = event.target.closest?.("fieldset");
  const isTyped = event.target.type === "number" || event.ctrlKey || event.altKey || event.metaKey;
  if (!field || isTyped || !/^\d$/.test(event.key)) return;
  const input = field.querySelector(`input[type=radio][value="${event.key}"]`);
  if (!input) return;
  event.preventDefault();
  input.checked = true;
  changed();
  goTo(nextOpen(Number(field.dataset.place)) ?? field);
}

for (const [place, answer] of Object.entries(remembered())) {
  if (fields[place]) show(fields[place], String(answer));
}
let isKept = remember();
document.getElementById("controls").append(
  progress,
  element("button", { type: "button", onclick: () => goTo(nextOpen(-1)) }, "Next without an answer"),
  element("button", { type: "button", onclick: save }, `Save answers as ${sheet.file}`),
);
form.addEventListener("change", changed);
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", onDigit);
window.addEventListener("beforeunload", (event) => {
  if (!isSaved && !isKept) event.preventDefault();
});
tell();
