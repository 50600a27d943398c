// The rater's form: answers are kept in this browser if it allows that, and saved as the sheet's CSV.

const sheet = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("items");
const fields = [...form.querySelectorAll("fieldset")];
const progress = element("span", { role: "status", "aria-live": "polite" });
let isSaved = true;

/** The answer to an item as text; empty without an answer on the scale. */
function answerOf(field) {
  const given = field.querySelector("input:checked, input[type=number]");
  const isWhole = given !== null && /^\d+$/.test(given.value);
  return isWhole && given.value >= sheet.least && given.value <= sheet.greatest ? given.value : "";
}

/** Fill in an answer. */
function show(field, answer) {
  const input = field.querySelector(`input[type=radio][value="${CSS.escape(answer)}"]`);
  if (input) input.checked = true;
  const number = field.querySelector("input[type=number]");
  if (number) number.value = answer;
}

/** The answers in the browser's storage, which a page opened from disk may not have. */
function storedAnswers() {
  try {
    return JSON.parse(localStorage.getItem(sheet.name)) ?? {};
  } catch {
    return {};
  }
}

/** Whether the answers could be stored. */
function storeAnswers() {
  const answers = fields.map((field, index) => [index, answerOf(field)]).filter(([, answer]) => answer);
  try {
    localStorage.setItem(sheet.name, JSON.stringify(Object.fromEntries(answers)));
    return true;
  } catch {
    return false;
  }
}

function showProgress() {
  const missing = fields.filter((field) => !answerOf(field)).length;
  const unsaved = isSaved ? "" : "; not saved yet";
  progress.textContent = `${fields.length - missing} of ${fields.length} answered${unsaved}`;
}

function onChange() {
  isSaved = false;
  isKept = storeAnswers();
  showProgress();
}

/** Scroll to an item and focus it. */
function goTo(field) {
  if (!field) return;
  field.scrollIntoView({ block: "nearest" });
  (field.querySelector("input:checked") ?? field.querySelector("input")).focus();
}

/** The next item without an answer, from the beginning if there is none further on. */
function nextOpen(index) {
  const open = fields.filter((field) => !answerOf(field));
  return open.find((field) => fields.indexOf(field) > index) ?? open[0];
}

/** Download the sheet's CSV with the answers. */
function save() {
  const lines = sheet.lines.map((line, index) => `${line}"${answerOf(fields[index])}"\r\n`);
  const blob = new Blob([sheet.header, ...lines], { type: "text/csv;charset=utf-8" });
  const link = element("a", { href: URL.createObjectURL(blob), download: sheet.file });
  link.click();
  URL.revokeObjectURL(link.href);
  isSaved = true;
  showProgress();
}

/** A digit answers the focused item if the scale has only digits. */
function onDigit(event) {
  const field = event.target.closest?.("fieldset");
  const isTyped = event.target.type === "number" || event.ctrlKey || event.altKey || event.metaKey;
  if (!field || isTyped || !/^\d$/.test(event.key)) return;
  const input = field.querySelector(`input[type=radio][value="${event.key}"]`);
  if (!input) return;
  event.preventDefault();
  input.checked = true;
  onChange();
  goTo(nextOpen(Number(field.dataset.index)) ?? field);
}

for (const [index, answer] of Object.entries(storedAnswers())) {
  if (fields[index]) show(fields[index], String(answer));
}
let isKept = storeAnswers();
document.getElementById("controls").append(
  progress,
  element("button", { type: "button", onclick: () => goTo(nextOpen(-1)) }, "Next without an answer"),
  element("button", { type: "button", onclick: save }, `Save answers as ${sheet.file}`),
);
form.addEventListener("change", onChange);
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", onDigit);
window.addEventListener("beforeunload", (event) => {
  if (!isSaved && !isKept) event.preventDefault();
});
showProgress();
