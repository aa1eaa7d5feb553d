/** A bar a block: how strongly it was to be pushed (weight) and how much its rows changed (‖Δ‖/‖h‖). */
import type { LayerChange } from "../state/conversation.ts";
import { percent } from "../lib/numbers.ts";

const HEIGHT = 28;
const STEP = 8;

/** Weights as outlines, measured change as filled bars, one scale each. */
export function LayerBars({
  weights,
  changes,
}: {
  readonly weights: readonly number[];
  readonly changes: readonly LayerChange[];
}) {
  if (weights.length === 0) return null;
  const most = Math.max(...changes.map(({ mean }) => mean), 1e-9);
  const summary = changes.map(({ layer, mean }) => `block ${layer} ${percent(mean)}`).join(", ");
  return (
    <svg
      class="layer-bars"
      width={weights.length * STEP}
      height={HEIGHT}
      role="img"
      aria-label={summary === "" ? "weights of the blocks" : `mean change: ${summary}`}
    >
      {weights.map((weight, layer) => (
        <rect
          key={layer}
          class="weight"
          x={layer * STEP + 0.5}
          y={HEIGHT - 1 - weight * (HEIGHT - 2)}
          width={STEP - 2}
          height={weight * (HEIGHT - 2)}
        >
          <title>{`block ${layer}: weight ${weight.toFixed(2)}`}</title>
        </rect>
      ))}
      {changes.map(({ layer, mean, max }) => (
        <rect
          key={`change ${layer}`}
          class="change"
          x={layer * STEP + 2}
          y={HEIGHT - 1 - (mean / most) * (HEIGHT - 2)}
          width={STEP - 5}
          height={(mean / most) * (HEIGHT - 2)}
        >
          <title>{`block ${layer}: ‖Δ‖/‖h‖ mean ${percent(mean)}, max ${percent(max)}`}</title>
        </rect>
      ))}
    </svg>
  );
}
