// What all parts of the page are built from: elements, controls and search words.

/** A new element with attributes, listeners ("onclick": function) and children; strings become text. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** A muted paragraph. */
function remark(...children) {
  return element("p", { class: "muted" }, ...children);
}

/** A control with its name to the left; the options of a list are not part of the name. */
function labeled(name, control) {
  control.setAttribute("aria-label", name);
  return element("label", {}, element("span", {}, name), control);
}

/** A checkbox with its name to the right. */
function checkbox(name, isChecked, onchange) {
  const box = element("input", { type: "checkbox", checked: isChecked, onchange });
  return { box, label: element("label", { class: "check" }, box, element("span", {}, name)) };
}

/** A list of [value, name] pairs to choose from. */
function choice(pairs, onchange, selected = 0) {
  const options = pairs.map(([value, name], index) => element("option", { value, selected: index === selected }, name));
  return element("select", onchange ? { onchange } : {}, ...options);
}

/** Words that must all be in a text, in lower case. */
function wordsOf(input) {
  return input.value.toLowerCase().split(/\s+/).filter(Boolean);
}
