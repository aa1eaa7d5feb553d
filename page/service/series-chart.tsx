/** One number over time, by uPlot. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

const HEIGHT = 120;

/** `points` is [seconds, values]. */
export function SeriesChart({
  label,
  points,
}: {
  readonly label: string;
  readonly points: readonly [number[], number[]];
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const host = place.current;
    if (!host) return;
    const ink = getComputedStyle(host).color;
    const axis = { stroke: ink, grid: { show: false }, ticks: { stroke: ink } };
    const options: uPlot.Options = {
      width: Math.max(200, host.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false } },
      series: [{}, { stroke: getComputedStyle(host).getPropertyValue("--accent") || ink, width: 2 }],
      axes: [{ ...axis }, { ...axis, size: 50 }],
    };
    plot.current = new uPlot(options, [[], []], host);
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: Math.max(200, host.clientWidth), height: HEIGHT }),
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
        {label} <output>{last === undefined ? "–" : last.toFixed(last < 10 ? 1 : 0)}</output>
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${label} over the last minutes, now ${last?.toFixed(1) ?? "unknown"}`}
      />
    </figure>
  );
}
