/**
 * The evidence of a recipe as a table: rates with 95 % Wilson intervals, perplexity, repetition, gate quality.
 */
import type { Evaluation, EvaluationCell, Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Proportion } from "#kit/wilson.ts";
import type { AskedSummary } from "../recipe/ask.ts";
import { colour } from "./style.ts";

const ARMS = ["base", "steered"] as const;

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

function cellText(cell: EvaluationCell | undefined): string {
  const r = cell?.rate;
  if (!r) return "–".padEnd(30);
  return `${percent(r.rate).padStart(7)}  [${percent(r.lower)}, ${percent(r.upper)}]`.padEnd(30);
}

/** Lines that tell where a recipe acts, how strongly, and how its dose changes along an answer. */
export function doseLines({ layers, relativeDoses, directionMethod, course }: Recipe): string[] {
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

/** Lines of the table of a recipe's evaluation on its own test prompts. */
export function evaluationLines(recipe: Recipe): string[] {
  const evaluation = recipe.evaluation;
  if (!evaluation) return ["  not evaluated"];
  const find = (prompts: string, arm: string): EvaluationCell | undefined =>
    evaluation.cells.find((c) => c.prompts === prompts && c.arm === arm);
  const behaviour = (recipe.judge?.label || recipe.judge?.verifier?.name || "rate").replaceAll("_", " ");
  const [ofBase, ofSteered] = ARMS.map((arm) => `${arm}: ${behaviour}`.padEnd(30));
  const lines = [
    colour.bold(
      `  ${"prompts".padEnd(11)}${"n".padStart(4)}  ${ofBase}${ofSteered}repetition base → steered`,
    ),
  ];
  for (const prompts of new Set(evaluation.cells.map((each) => each.prompts))) {
    const [base, steered] = ARMS.map((arm) => find(prompts, arm));
    const repetition = `${percent(base?.repetition ?? 0)} → ${percent(steered?.repetition ?? 0)}`;
    const n = String(steered?.rate?.n ?? 0).padStart(4);
    lines.push(`  ${prompts.padEnd(11)}${n}  ${cellText(base)}${cellText(steered)}${repetition}`);
  }
  return [...lines, ...gateLines(evaluation)];
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
