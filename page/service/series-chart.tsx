/** One number over time, by uPlot. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

const HEIGHT = 110;
/** The axis of values starts at 0 and has room above the largest, at least up to 1. */
const ROOM_ABOVE = 1.15;
/** Length of the axis of places that has one value at most. */
const ALONE = 100;

/** `points` is [where, values]; `over` says what the first are, and whole steps have no ticks between them. */
export function SeriesChart({
  label,
  points,
  over = "seconds",
}: {
  readonly label: string;
  readonly points: readonly [number[], number[]];
  readonly over?: "seconds" | "steps";
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const host = place.current;
    if (!host) return;
    plot.current = new uPlot(optionsOf(host, over), [[], []], host);
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: Math.max(160, host.clientWidth), height: HEIGHT }),
    );
    observer.observe(host);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([points[0], points[1]]), [points]);
  const last = points[1].at(-1);
  return (
    <figure class="series">
      <figcaption>
        {label} <output>{last === undefined ? "–" : last.toFixed(last < 10 && last % 1 > 0 ? 1 : 0)}</output>
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${label} over ${over}, now ${last?.toFixed(1) ?? "unknown"}`}
      />
    </figure>
  );
}

/** Where the axis of places begins and ends, also for no value and for one. */
function span(low: number | null, high: number | null): [number, number] {
  const first = low ?? 0;
  return [first, high === null || high <= first ? first + ALONE : high];
}

function optionsOf(host: HTMLElement, over: "seconds" | "steps"): uPlot.Options {
  const style = getComputedStyle(host);
  const [ink, line, quiet] = ["--accent", "--line", "--quiet"].map((name) => style.getPropertyValue(name));
  const axis = { stroke: quiet ?? "", ticks: { show: false }, font: "11px system-ui", gap: 4 };
  const ticks: uPlot.Axis =
    over === "steps"
      ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000] }
      : { values: (_plot, seconds) => seconds.map((one) => `${one} s`), space: 56 };
  return {
    width: Math.max(160, host.clientWidth),
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_plot, low, high) => span(low, high) },
      y: { range: (_plot, _low, high) => [0, Math.max(1, high * ROOM_ABOVE)] },
    },
    series: [{}, { stroke: ink ?? "", width: 2, points: { size: 5 } }],
    axes: [
      { ...axis, ...ticks, size: 22, grid: { show: false } },
      { ...axis, size: 42, space: 28, grid: { stroke: line ?? "", width: 1 } },
    ],
  };
}
