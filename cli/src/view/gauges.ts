/**
 * Small drawings of numbers: a gate gauge, and one block character per layer for weights or changes.
 */
import { colour } from "./style.ts";

const LEVELS = " ▁▂▃▄▅▆▇█";

/** A value in 0..1 as a bar of `columns` cells with the number behind it. */
export function gauge(value: number, columns = 20): string {
  const clamped = Math.max(0, Math.min(1, value));
  const filled = Math.round(clamped * columns);
  const bar = "█".repeat(filled) + "░".repeat(columns - filled);
  return `${clamped >= 0.5 ? colour.magenta(bar) : colour.green(bar)} ${value.toFixed(2)}`;
}

/** One character per value, scaled to the largest; zeros stay blank. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(...values, 0);
  if (!(top > 0)) return "·".repeat(values.length);
  return values
    .map((v) => (v <= 0 ? "·" : LEVELS[Math.max(1, Math.round((v / top) * (LEVELS.length - 1)))]!))
    .join("");
}
