/** The load of a server as lines: bars and histories where there is room, plain numbers in a narrow window. */
import type { Load } from "../top/sample.ts";
import { sparkline } from "./gauges.ts";
import { colour, cutStyled } from "./style.ts";

/** Columns from which bars and histories are drawn. */
const WIDE = 64;
const BAR = 20;
const MIB = 2 ** 20;

/** Lines for a window of so many columns; `histories` are tokens a second by model, oldest first. */
export function loadLines(
  loads: readonly Load[],
  histories: ReadonlyMap<string, readonly number[]>,
  columns: number,
): string[] {
  const isWide = columns >= WIDE;
  const lines = loads.flatMap((load) => {
    const history = isWide ? `  ${colour.green(sparkline(histories.get(load.model) ?? []))}` : "";
    const share = load.kvPages === 0 ? 0 : load.kvPagesUsed / load.kvPages;
    const bar = isWide ? `${barOf(share)} ` : "";
    return [
      `${colour.bold(load.model)}  ${colour.dim(load.compute)}`,
      row("sequences", `${load.runningSequences} running, ${load.waitingSequences} waiting`),
      row(
        "tokens/s",
        `${rate(load.generatedTokensPerSecond)} out, ${rate(load.promptTokensPerSecond)} in${history}`,
      ),
      row("steps/s", `${rate(load.stepsPerSecond)}, ${rate(load.rowsPerStep)} rows each`),
      row("KV pages", `${bar}${load.kvPagesUsed}/${load.kvPages}, ${load.kvPagesCached} cached`),
      row("prefix hits", `${(100 * load.prefixHits).toFixed(0)} %`),
      row("memory", `${mebibytes(load.weightBytes)} weights, ${mebibytes(load.kvBytes)} KV`),
      "",
    ];
  });
  return (loads.length === 0 ? ["no model is loaded"] : lines).map((line) => cutStyled(line, columns));
}

/** One line of a log: what matters, without a terminal. */
export function loadLine(load: Load): string {
  const { model, runningSequences, waitingSequences, kvPagesUsed, kvPages, prefixHits } = load;
  return [
    `${model}:`,
    `${runningSequences} running, ${waitingSequences} waiting,`,
    `${rate(load.generatedTokensPerSecond)} tokens/s out, ${rate(load.promptTokensPerSecond)} in,`,
    `KV ${kvPagesUsed}/${kvPages}, prefix hits ${(100 * prefixHits).toFixed(0)} %`,
  ].join(" ");
}

const row = (name: string, text: string): string => `  ${name.padEnd(12)} ${text}`;
const rate = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const mebibytes = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`;

function barOf(share: number): string {
  const filled = Math.round(share * BAR);
  return colour.magenta("█".repeat(filled)) + "░".repeat(BAR - filled);
}
