/** Hands files to the browser: JSON of data, PNG of a drawing or a canvas. */

/** Pixels above a chart for its caption. */
const CAPTION = 28;

/** Saves a value as indented JSON. */
export function saveJson(name: string, value: unknown): void {
  const text = JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part), 2);
  save(name, new Blob([text], { type: "application/json" }));
}

/** Saves a canvas, or an SVG as it is drawn now, as PNG. */
export async function savePng(name: string, drawing: SVGSVGElement | HTMLCanvasElement): Promise<void> {
  const canvas = drawing instanceof HTMLCanvasElement ? enlarged(drawing) : await rasterize(drawing);
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
}

/** Saves the charts in `place` as one PNG, each under its caption, as they are drawn now. */
export function saveChartsPng(name: string, place: Element): void {
  const charts = [...place.querySelectorAll("figure")].flatMap((figure) => {
    const drawn = figure.querySelector("canvas");
    const words = figure.querySelector("figcaption")?.textContent ?? "";
    return drawn ? [{ drawn, words }] : [];
  });
  const canvas = document.createElement("canvas");
  const rows = charts.map(({ drawn }) => drawn.clientHeight + CAPTION);
  canvas.width = Math.max(1, ...charts.map(({ drawn }) => drawn.clientWidth));
  canvas.height = Math.max(
    1,
    rows.reduce((sum, one) => sum + one, 0),
  );
  const context = canvas.getContext("2d");
  if (!context) return;
  const { color, backgroundColor, fontFamily } = getComputedStyle(document.body);
  context.fillStyle = backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = `14px ${fontFamily}`;
  context.fillStyle = color;
  let top = 0;
  for (const [index, { drawn, words }] of charts.entries()) {
    context.fillText(words, 8, top + CAPTION - 8);
    context.drawImage(drawn, 0, top + CAPTION, drawn.clientWidth, drawn.clientHeight);
    top += rows[index] ?? 0;
  }
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
}

/** What a picture needs of the style sheet, which it does not take along. */
const STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "opacity",
  "font-size",
  "font-family",
  "text-anchor",
  "paint-order",
];

async function rasterize(svg: SVGSVGElement): Promise<HTMLCanvasElement> {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const parts = [svg, ...svg.querySelectorAll("*")];
  for (const [index, part] of [copy, ...copy.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(parts[index] as Element);
    for (const name of STYLES) part.setAttribute(name, style.getPropertyValue(name));
    part.removeAttribute("style");
  }
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width), Math.ceil(height)];
  const context = canvas.getContext("2d");
  if (context) {
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
  }
  return canvas;
}

/** A canvas at the size it is shown in, cells left sharp. */
function enlarged(shown: HTMLCanvasElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [shown.clientWidth, shown.clientHeight];
  const context = canvas.getContext("2d");
  if (context) {
    context.imageSmoothingEnabled = false;
    context.drawImage(shown, 0, 0, canvas.width, canvas.height);
  }
  return canvas;
}

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
  URL.revokeObjectURL(url);
}
