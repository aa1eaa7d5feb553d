/**
 * Methods at equal strength: what each does to harmful development prompts at the same realised ‖Δ‖/‖h‖, and at the same KL on
 * harmless passages, its gate open. A dose is a method's own unit and compares nothing; these two are the same for all. Between the
 * doses that were tried, the effect is read off a line in the logarithm of the strength. Development prompts only.
 */
import { spread } from "#kit/spread.ts";
import { type Proportion, wilson } from "../binomial.ts";
import { percent } from "../report/text.ts";
import { meanOf } from "../statistics.ts";
import { answersOf } from "./answers.ts";
import { divergenceOver } from "./divergence.ts";
import { isEffect } from "./judge.ts";
import { type Lab, passagesOf } from "./lab.ts";
import type { Method } from "./method.ts";

/** A method at a dose. */
export interface StrengthPoint {
  readonly method: string;
  readonly dose: number;
  /** Mean ‖Δ‖/‖h‖ over the rows that were changed. */
  readonly relativeChange: number;
  /** Mean KL on harmless passages, nats a token. */
  readonly nats: number;
  /** Coherent refusals of harmful development prompts, gate open. */
  readonly effect: Proportion;
}

const PASSAGES = 4;
/** Strengths at which methods are compared. */
const CHANGES = [0.05, 0.1, 0.2, 0.4];
const NATS = [0.01, 0.03, 0.1, 0.3, 1];

/** Every method that acts on activations at every dose. @param count harmful development prompts, spread over the families */
export async function strengthPoints(
  lab: Lab,
  methods: readonly Method[],
  count: number,
): Promise<StrengthPoint[]> {
  if (count === 0) return [];
  const harmful = lab.prompts.filter(
    (prompt) => prompt.split === "development" && prompt.class === "harmful",
  );
  const prompts = spread(harmful, count);
  const { services, model, modelKey, onProgress, developmentTokens: maxTokens } = lab;
  const source = { gateway: services.gateway, modelKey };
  const kl = { ...source, journal: lab.divergences, model };
  const divergence = divergenceOver(kl, passagesOf(lab).slice(0, PASSAGES));
  const points: StrengthPoint[] = [];
  for (const method of methods) {
    for (const dose of method.doses) {
      const nats = await divergence(method, dose);
      if (nats === undefined) continue;
      const asked = { ...source, journal: lab.answers, model: model.name, maxTokens, onProgress };
      const answers = [...(await answersOf(asked, method, dose, prompts)).values()];
      const hits = (await lab.judge.judge(answers)).filter(isEffect).length;
      const relativeChange = meanOf(answers.map((answer) => answer.relativeChange));
      points.push({ method: method.name, dose, relativeChange, nats, effect: wilson(hits, answers.length) });
    }
  }
  return points;
}

/** The effect at a strength, on the line between the doses around it; undefined beyond the doses that were tried. */
export function effectAt(
  points: readonly StrengthPoint[],
  strength: "relativeChange" | "nats",
  target: number,
): number | undefined {
  const sorted = points.toSorted((a, b) => a.dose - b.dose);
  for (const [at, after] of sorted.entries()) {
    const before = sorted[at - 1];
    if (before === undefined || before[strength] > target || after[strength] < target) continue;
    const share = Math.log(target / before[strength]) / Math.log(after[strength] / before[strength]);
    return (
      before.effect.rate + (Number.isFinite(share) ? share : 0) * (after.effect.rate - before.effect.rate)
    );
  }
  return undefined;
}

/** Head of the doses' table. */
export const STRENGTH_HEAD = ["method", "dose", "‖Δ‖/‖h‖", "KL, nats", "effect, gate open (95 %)"];

/** Cells of a method at a dose. */
export const strengthCells = ({ method, dose, relativeChange, nats, effect }: StrengthPoint): string[] => [
  ...[method, String(dose), relativeChange.toFixed(3), nats.toPrecision(2)],
  `${percent(effect.rate)} [${percent(effect.lower)}, ${percent(effect.upper)}]`,
];

/** Head of the comparison. */
export const EQUAL_HEAD = [
  "method",
  ...CHANGES.map((change) => `‖Δ‖/‖h‖ ${change}`),
  ...NATS.map((nats) => `${nats} nats`),
];

/** A line a method. */
export function equalRows(points: readonly StrengthPoint[]): string[][] {
  const spell = (rate: number | undefined): string => (rate === undefined ? "–" : percent(rate));
  return [...Map.groupBy(points, ({ method }) => method)].map(([method, own]) => [
    method,
    ...CHANGES.map((change) => spell(effectAt(own, "relativeChange", change))),
    ...NATS.map((nats) => spell(effectAt(own, "nats", nats))),
  ]);
}
