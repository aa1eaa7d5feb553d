/**
 * The evidence of a recipe as a table: rates with 95 % Wilson intervals, perplexity, repetition, gate quality.
 */
import type { Evaluation, Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Proportion } from "#kit/wilson.ts";
import type { AskedSummary } from "../recipe/ask.ts";
import { colour } from "./style.ts";

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

function cellText(r: Proportion | undefined): string {
  if (!r) return "–".padEnd(30);
  return `${percent(r.rate).padStart(7)}  [${percent(r.lower)}, ${percent(r.upper)}]`.padEnd(30);
}

/** Lines that tell where a recipe acts, how strongly, how its dose changes along an answer, and what speaks against that. */
export function doseLines(recipe: Recipe): string[] {
  return [...placeLines(recipe), ...recipe.warnings.map((warning) => colour.yellow(`  warning: ${warning}`))];
}

function placeLines({ layers, relativeDoses, directionMethod, course }: Recipe): string[] {
  const doses = relativeDoses.map((dose) => dose.toFixed(3)).join(", ");
  const acts = `  acts on blocks ${layers.join(", ")} at ‖Δ‖/‖h‖ ${doses} (${directionMethod})`;
  if (!course) return [acts];
  const { start, holdTokens, rest, ending } = course;
  const held =
    rest === 1
      ? "every answer token"
      : `the first ${holdTokens} answer tokens, then ${rest.toFixed(2)} of it`;
  const ends = ending === 0 ? "" : ` and ${ending.toFixed(3)} towards the end of the turn`;
  return [acts, `  course: ${start.toFixed(1)} times that at the last prompt token, once for ${held}${ends}`];
}

/** What a use gets that names no mode, and how to have the other. */
export function modeLine({ mode }: Recipe): string {
  return mode === "reply"
    ? '  mode: reply (where the gate opens, the recipe\'s own words); mode "steer" or a scale pushes instead'
    : "  mode: steer";
}

/** Lines of the table of a recipe's evaluation on its own test prompts: a row a class and arm. */
export function evaluationLines(recipe: Recipe): string[] {
  const evaluation = recipe.evaluation;
  if (!evaluation) return ["  not evaluated"];
  const behaviour = (recipe.judge?.label || recipe.judge?.verifier?.name || "rate").replaceAll("_", " ");
  const head = `  ${"prompts".padEnd(12)}${"arm".padEnd(9)}${"n".padStart(4)}  ${behaviour.padEnd(30)}repetition`;
  const lines = evaluation.cells.map(({ prompts, arm, rate, repetition }) => {
    const n = String(rate?.n ?? 0).padStart(4);
    return `  ${prompts.padEnd(12)}${arm.padEnd(9)}${n}  ${cellText(rate)}${percent(repetition).padStart(7)}`;
  });
  return [colour.bold(head), ...lines, ...gateLines(evaluation)];
}

function gateLines(evaluation: Evaluation): string[] {
  const gates = evaluation.gate.map(
    (g) => `${g.set} AUROC ${g.auroc.toFixed(3)}, accuracy ${percent(g.accuracy)} (n ${g.n})`,
  );
  return [
    `  perplexity of harmless text, steered / base: ${evaluation.perplexityRatio.toFixed(4)} with gates as emitted, ` +
      `${evaluation.perplexityRatioForcedOpen.toFixed(3)} with the gate forced open`,
    ...gates.map((g) => `  gate on ${g}`),
    `  judge: ${evaluation.judge}; intervals: 95 % Wilson`,
  ];
}

/** Lines of the rates on prompts of a user's own. */
export function summaryLines({ base, steered, acted, labels }: AskedSummary): string[] {
  const rate = ({ rate, lower, upper, n }: Proportion) =>
    `${percent(rate).padStart(7)}  [${percent(lower)}, ${percent(upper)}], n ${n}`;
  const outcomes = Object.entries(labels).map(([label, count]) => `${label || "no label"} ${count}`);
  return [
    `  base     ${rate(base)}`,
    `  steered  ${rate(steered)}`,
    `  acted on ${rate(acted)}`,
    `  steered answers: ${outcomes.join(", ")}; intervals: 95 % Wilson`,
  ];
}

/** The table as plain data, in the shape of `--json`. */
export function evaluationJson(recipe: Recipe): Record<string, unknown> {
  const table: Record<string, Record<string, unknown>> = {};
  for (const cell of recipe.evaluation?.cells ?? []) {
    const { rate = 0, lower = 0, upper = 0, n = 0 } = cell.rate ?? {};
    (table[cell.prompts] ??= {})[cell.arm] = { rate, lower, upper, n };
  }
  return table;
}
