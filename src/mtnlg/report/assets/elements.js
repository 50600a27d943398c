// What all parts of the page are made of: elements, controls and words to look for.

/** A new element with attributes, listeners ("onclick": function) and children; strings become text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A control with its name to the left of it; the choices of a list are no part of the name. */
function labeled(name, control) {
  control.setAttribute("aria-label", name);
  return element("label", {}, element("span", {}, name), control);
}

/** A checkbox with its name to the right of it. */
function checkbox(name, isChecked, onchange) {
  const box = element("input", { type: "checkbox", checked: isChecked, onchange });
  return { box, label: element("label", { class: "check" }, box, element("span", {}, name)) };
}

/** Words that must all be in a text, in lower case. */
function wordsOf(input) {
  return input.value.toLowerCase().split(/\s+/).filter(Boolean);
}

/** A choice among [value, name] pairs. */
function choice(options, onchange, selected = 0) {
  const made = options.map(([value, name], place) =>
    element("option", { value, selected: place === selected }, name),
  );
  return element("select", onchange ? { onchange } : {}, ...made);
}
