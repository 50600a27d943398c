// Charts: saved as SVG or PNG, and curves smoothed as the reader chooses.

const COPIED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family", "font-weight"];
const PNG_SCALE = 3;

/** The source of a drawing that looks the same without the page. */
function sourceOf(drawing) {
  const copy = drawing.cloneNode(true);
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((node, index) => {
    const style = getComputedStyle(originals[index]);
    for (const name of COPIED) node.setAttribute(name, style.getPropertyValue(name));
  });
  const { width, height } = drawing.viewBox.baseVal;
  const ground = document.createElementNS(drawing.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ width, height, fill: getComputedStyle(document.body).backgroundColor })) {
    ground.setAttribute(name, value);
  }
  copy.prepend(ground);
  for (const [name, value] of Object.entries({ width, height, xmlns: ground.namespaceURI })) copy.setAttribute(name, value);
  return new XMLSerializer().serializeToString(copy);
}

/** Offer a file of the browser's own. */
function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function saveSvg(drawing, name) {
  save(new Blob([sourceOf(drawing)], { type: "image/svg+xml" }), `${name}.svg`);
}

/** Draw on a canvas, at several pixels for a unit. */
async function savePng(drawing, name) {
  const { width, height } = drawing.viewBox.baseVal;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(sourceOf(drawing))}`;
  await image.decode();
  const canvas = element("canvas", { width: width * PNG_SCALE, height: height * PNG_SCALE });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => save(blob, `${name}.png`));
}

/** Buttons below a figure's title. */
function makeSavable(figure) {
  const [drawing, caption] = [figure.querySelector("svg.chart"), figure.querySelector("figcaption")];
  if (!drawing) return;
  const name = (drawing.getAttribute("aria-label") || "chart").replace(/[^\p{L}\p{N}]+/gu, "_");
  const button = (text, onclick) => element("button", { type: "button", class: "save", onclick, "aria-label": `Save as ${text}` }, text);
  const buttons = [button("SVG", () => saveSvg(drawing, name)), button("PNG", () => savePng(drawing, name))];
  (caption ?? figure).append(element("span", { class: "saves" }, ...buttons));
}

/** Exponential moving averages of drawing units, each from the start of the line with weights that add up to 1. */
function smoothed(points, weight) {
  let [sum, total] = [0, 0];
  return points.map(([x, y]) => {
    sum = weight * sum + (1 - weight) * y;
    total = weight * total + (1 - weight);
    return [x, sum / total];
  });
}

/** A choice of smoothing for all curves of a section. */
function makeSmoothable(section) {
  const lines = [...section.querySelectorAll("polyline.curve")];
  const raw = lines.map((line) => line.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)));
  const list = choice([[0, "none"], [0.6, "light"], [0.9, "strong"]], null);
  const show = () =>
    lines.forEach((line, index) => {
      const points = smoothed(raw[index], Number(list.value));
      line.setAttribute("points", points.map(([x, y]) => `${x},${y.toFixed(1)}`).join(" "));
    });
  list.addEventListener("change", show);
  kept(list, "curves.smoothing");
  if (list.value !== "0") show();
  section.querySelector("h2").after(element("div", { class: "controls" }, labeled("Smoothing", list)));
}
