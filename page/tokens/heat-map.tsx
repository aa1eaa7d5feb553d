/**
 * Layers x tokens as a canvas: the neutral colour at 0, one pixel a cell, scaled up by the browser. Colours come from the
 * style sheet, so they follow the scheme; a table of 256 makes 80,000 cells a matter of a millisecond.
 */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { percent } from "../lib/numbers.ts";
import { savePng } from "../share/save.ts";
import { looks } from "../state/settings.ts";

/** Pixels of a block, and of a token: wider where there are few. */
const CELL = 6;
const WIDEST = 14;
const ROOM = 300;
const SHADES = 256;
const OPAQUE = 255;

/** `values` is [layers][columns]; the last layer is drawn on top. `marked` is the column pointed at. */
export function HeatMap(props: {
  readonly values: readonly (readonly number[])[];
  readonly label: string;
  readonly marked: number;
  readonly onPick: (column: number) => void;
}) {
  const { values, label, marked, onPick } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const columns = values[0]?.length ?? 0;
  const cell = Math.max(CELL, Math.min(WIDEST, Math.floor(ROOM / Math.max(1, columns))));
  const most = useMemo(() => largest(values), [values]);
  const { theme } = looks.value;
  useEffect(() => {
    if (canvas.current) draw(canvas.current, values, most);
  }, [values, most, theme]);
  return (
    <figure class="heat">
      <div class="heat-frame" tabIndex={0} role="group" aria-label={label}>
        <canvas
          ref={canvas}
          width={Math.max(1, columns)}
          height={Math.max(1, values.length)}
          style={{ width: columns * cell, height: values.length * CELL }}
          role="img"
          aria-label={`${label}, up to ${percent(most)}; the table below has the numbers of one token`}
          onClick={(event) => onPick(Math.floor(event.offsetX / cell))}
        />
        {marked >= 0 && marked < columns && (
          <i class="heat-mark" style={{ left: marked * cell, width: cell }} />
        )}
      </div>
      <figcaption class="quiet">
        {label}: 0
        <i class="shades" role="img" aria-label="to" />
        {percent(most)}; blocks upwards, tokens to the right
      </figcaption>
      <button
        type="button"
        class="small"
        onClick={() => canvas.current && savePng("heat-map.png", canvas.current)}
      >
        Save the map as PNG
      </button>
    </figure>
  );
}

function largest(values: readonly (readonly number[])[]): number {
  let most = 1e-6;
  for (const row of values) for (const value of row) if (value > most) most = value;
  return most;
}

function draw(canvas: HTMLCanvasElement, values: readonly (readonly number[])[], most: number): void {
  const context = canvas.getContext("2d");
  const [height, width] = [values.length, values[0]?.length ?? 0];
  if (!context || width === 0) return;
  const shades = shadesOf(canvas);
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  values.forEach((row, layer) => {
    const start = (height - 1 - layer) * width;
    row.forEach((value, column) => {
      pixels[start + column] = shades[Math.round((value / most) * (SHADES - 1))] ?? 0;
    });
  });
  context.putImageData(image, 0, 0);
}

/** Pixels from the colour of 0 (`color` of the element) to that of the largest value (its `caret-color`). */
function shadesOf(element: Element): Uint32Array {
  const { color, caretColor } = getComputedStyle(element);
  const [zero, full] = [channels(color), channels(caretColor)];
  const shades = new Uint32Array(SHADES);
  const bytes = new Uint8Array(shades.buffer);
  for (let shade = 0; shade < SHADES; shade++) {
    const share = shade / (SHADES - 1);
    for (let i = 0; i < 3; i++) {
      const [from = 0, to = 0] = [zero[i], full[i]];
      bytes[shade * 4 + i] = Math.round(from + share * (to - from));
    }
    bytes[shade * 4 + 3] = OPAQUE;
  }
  return shades;
}

/** "rgb(1, 2, 3)" → its numbers. */
function channels(text: string): number[] {
  return text.match(/\d+/g)?.map(Number) ?? [];
}
