/** Hands files to the browser: JSON of data, PNG of an SVG. */

/** Saves a value as indented JSON. */
export function saveJson(name: string, value: unknown): void {
  const text = JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part), 2);
  save(name, new Blob([text], { type: "application/json" }));
}

/** Saves an SVG, as it is drawn now, as PNG. */
export async function savePng(name: string, drawing: SVGSVGElement): Promise<void> {
  const canvas = await rasterize(drawing);
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
}

async function rasterize(svg: SVGSVGElement): Promise<HTMLCanvasElement> {
  const { width, height } = svg.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width), Math.ceil(height)];
  const image = new Image();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return canvas;
}

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
  URL.revokeObjectURL(url);
}
