/** Points of a sweep: how well each does what it should, against what it costs. Those that nothing beats are filled. */
import type { SweepPoint } from "./sweep.ts";

const WIDTH = 420;
const HEIGHT = 260;
const MARGIN = { left: 44, right: 14, top: 12, bottom: 36 };
const RADIUS = 6;
/** Room for points on the edges. */
const INSET = 12;
const TICKS = 4;

/** What a point may cost: the horizontal axis. */
export const COSTS = {
  nats: ["nats to the unsteered model", (point: SweepPoint) => point.nats],
  repetition: ["repetition", (point: SweepPoint) => point.repetition],
  perplexity: ["perplexity, steered over base", (point: SweepPoint) => point.perplexityRatio],
  false: ["effect where there should be none", (point: SweepPoint) => point.falseEffect],
} as const;
/** One of them. */
export type Cost = keyof typeof COSTS;

/** The plot; `onPick` gets the index of a point clicked or chosen by keyboard. */
export function ParetoPlot(props: {
  readonly points: readonly SweepPoint[];
  readonly cost: Cost;
  readonly picked: number;
  readonly onPick: (index: number) => void;
}) {
  const { points, cost, picked, onPick } = props;
  const [label, costOf] = COSTS[cost];
  const costs = points.map(costOf);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const x = (value: number) =>
    MARGIN.left +
    INSET +
    ((value - least) / Math.max(most - least, 1e-9)) * (WIDTH - MARGIN.left - MARGIN.right - 2 * INSET);
  const y = (share: number) =>
    HEIGHT - MARGIN.bottom - INSET - share * (HEIGHT - MARGIN.top - MARGIN.bottom - INSET);
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  return (
    <svg
      class="pareto"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="group"
      aria-label={`effect against ${label}, ${points.length} points`}
    >
      {ticks.map((share) => (
        <g key={share} aria-hidden="true">
          <line x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={y(share)} y2={y(share)} />
          <text x={MARGIN.left - 6} y={y(share) + 4} class="end">
            {(100 * share).toFixed(0)} %
          </text>
          <text x={x(least + share * (most - least))} y={HEIGHT - MARGIN.bottom + 16} class="middle">
            {(least + share * (most - least)).toPrecision(2)}
          </text>
        </g>
      ))}
      <text x={WIDTH / 2} y={HEIGHT - 4} class="middle" aria-hidden="true">
        {label}
      </text>
      {points.map((point, index) => (
        <circle
          key={index}
          cx={x(costOf(point))}
          cy={y(point.effect)}
          r={point.chosen ? RADIUS + 2 : RADIUS}
          class={`${point.pareto ? "best" : ""} ${point.chosen ? "chosen" : ""} ${index === picked ? "picked" : ""}`}
          role="button"
          tabindex={0}
          aria-pressed={index === picked}
          aria-label={nameOf(point, cost)}
          onClick={() => onPick(index)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" && event.key !== " ") return;
            event.preventDefault();
            onPick(index);
          }}
        />
      ))}
    </svg>
  );
}

function nameOf(point: SweepPoint, cost: Cost): string {
  const blocks = `blocks ${point.layers[0]} to ${point.layers.at(-1)}`;
  const mark = point.chosen ? ", chosen" : point.pareto ? ", not beaten" : "";
  const value = COSTS[cost][1](point).toPrecision(2);
  return `${point.method}, ${blocks}, dose ${point.dose.toPrecision(2)}: effect ${(100 * point.effect).toFixed(0)} %, ${cost} ${value}${mark}`;
}
