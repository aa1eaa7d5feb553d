/** Hands files to the browser: JSON of data, PNG of a drawing or a canvas. */

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
