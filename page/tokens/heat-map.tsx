/** Layers x tokens as a canvas: diverging colours with the neutral one at 0, drawn cell by cell into one image. */
import { interpolatePuOr } from "d3-scale-chromatic";
import { useEffect, useRef } from "preact/hooks";
import { percent } from "../lib/numbers.ts";

const CELL = 6;
/** Where the diverging colours are neutral: a change of 0. */
const NEUTRAL = 0.5;

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
  const most = Math.max(1e-6, ...values.flat());
  useEffect(() => {
    if (canvas.current) draw(canvas.current, values, most);
  }, [values, most]);
  return (
    <figure class="heat">
      <div class="heat-frame">
        <canvas
          ref={canvas}
          width={Math.max(1, columns)}
          height={Math.max(1, values.length)}
          style={{ width: columns * CELL, height: values.length * CELL }}
          role="img"
          aria-label={`${label}, up to ${percent(most)}; the table below has the numbers of one token`}
          onClick={(event) => onPick(Math.floor(event.offsetX / CELL))}
        />
        {marked >= 0 && marked < columns && (
          <i class="heat-mark" style={{ left: marked * CELL, width: CELL }} />
        )}
      </div>
      <figcaption class="quiet">
        {label}: 0 to {percent(most)}; blocks upwards, tokens to the right
      </figcaption>
    </figure>
  );
}

function draw(canvas: HTMLCanvasElement, values: readonly (readonly number[])[], most: number): void {
  const context = canvas.getContext("2d");
  const [height, width] = [values.length, values[0]?.length ?? 0];
  if (!context || width === 0) return;
  const image = context.createImageData(width, height);
  values.forEach((row, layer) => {
    row.forEach((value, column) => {
      const [red, green, blue] = channels(interpolatePuOr(NEUTRAL - (NEUTRAL * value) / most));
      image.data.set([red, green, blue, 255], ((height - 1 - layer) * width + column) * 4);
    });
  });
  context.putImageData(image, 0, 0);
}

/** "rgb(1, 2, 3)" → its numbers. */
function channels(text: string): [number, number, number] {
  const [red = 0, green = 0, blue = 0] = text.match(/\d+/g)?.map(Number) ?? [];
  return [red, green, blue];
}
