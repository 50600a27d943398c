// What a reader chose, kept in the address behind the anchor: #board-1?board-1-table.sort=3+descending

const START = new URLSearchParams(location.hash.split("?")[1] ?? "");
const STATE = new URLSearchParams(START);

/** The anchor in the address. */
function anchorOf(hash) {
  return hash.slice(1).split("?")[0];
}

/** Write the anchor and the choices into the address. */
function writeAddress(anchor) {
  const choices = STATE.toString();
  history.replaceState(history.state, "", `#${anchor}${choices ? `?${choices}` : ""}`);
}

/** Keep a choice; null or an empty text is none. */
function remember(key, value) {
  if (value === null || value === "") STATE.delete(key);
  else STATE.set(key, value);
  writeAddress(anchorOf(location.hash));
}

/** A control as the address has it, which remembers what differs from its first value. */
function kept(control, key) {
  const property = control.type === "checkbox" ? "checked" : "value";
  const first = control[property];
  if (START.has(key)) control[property] = property === "checked" ? START.get(key) === "true" : START.get(key);
  const save = () => remember(key, control[property] === first ? null : String(control[property]));
  control.addEventListener(control.tagName === "SELECT" || property === "checked" ? "change" : "input", save);
  return control;
}

/** Open what the address points at, and everything around it. */
function openTarget() {
  const target = document.getElementById(anchorOf(location.hash));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
}

/** Follow an address: one with other choices than these is a page of its own. */
function followAddress() {
  const choices = location.hash.split("?")[1];
  if (choices !== undefined && choices !== STATE.toString()) location.reload();
  openTarget();
  writeAddress(anchorOf(location.hash));
}
