/** What a sweep found, as a table: measurements with their counts, and which points no other point beats in everything. */
import { z } from "zod";

const share = z.number().min(0).max(1);

const rowSchema = z.object({
  method: z.string(),
  layers: z.array(z.int()),
  dose: z.number(),
  /** Rate of the behaviour on prompts to steer. */
  effect: share,
  /** The same on prompts to leave alone, steered all the same. */
  falseEffect: share,
  /** Prompts to steer, each counted once. */
  n: z.int(),
  /** Prompts to leave alone; absent in tables of before. */
  leaveN: z.int().optional(),
  repetition: share,
  /** Perplexity of harmless passages, steered over base. */
  perplexityRatio: z.number(),
  /** KL to the unsteered next-token distribution on them. */
  nats: z.number(),
  /** Share of easy questions whose right answer is the likeliest, steered. */
  ability: share,
  score: z.number(),
  pareto: z.boolean(),
  chosen: z.boolean(),
});

/** Schema of the finding. */
export const sweepSchema = z.object({
  format: z.literal(2),
  recipe: z.string(),
  tokens: z.number(),
  tokenBudget: z.number(),
  /** The ability slice unsteered. */
  baseAbility: share,
  rows: z.array(rowSchema).min(1),
});

/** One measured point. */
export type SweepRow = z.infer<typeof rowSchema>;
/** A sweep. */
export type SweepTable = z.infer<typeof sweepSchema>;

/** Points of score that a whole unit of log perplexity, and of false effect, costs: who is steered is a gate's to say. */
const PERPLEXITY_WEIGHT = 0.05;
const FALSE_WEIGHT = 0.1;

/** Effect less repetition, and a little for false effect and perplexity. */
export function sweepScore(
  row: Pick<SweepRow, "effect" | "falseEffect" | "repetition" | "perplexityRatio">,
): number {
  const strain = Math.abs(Math.log(row.perplexityRatio));
  const value = row.effect - FALSE_WEIGHT * row.falseEffect - row.repetition - PERPLEXITY_WEIGHT * strain;
  return Number.isFinite(value) ? value : -10;
}

/** Marks the points that no other point beats in effect, false effect and degradation at once. */
export function markPareto<T extends Omit<SweepRow, "pareto" | "chosen">>(
  rows: readonly T[],
): (T & { pareto: boolean })[] {
  const beats = (a: T, b: T) =>
    a.effect >= b.effect &&
    a.falseEffect <= b.falseEffect &&
    degradation(a) <= degradation(b) &&
    (a.effect > b.effect || a.falseEffect < b.falseEffect || degradation(a) < degradation(b));
  return rows.map((row) => ({ ...row, pareto: !rows.some((other) => beats(other, row)) }));
}

function degradation({
  repetition,
  perplexityRatio,
}: Pick<SweepRow, "repetition" | "perplexityRatio">): number {
  return repetition + PERPLEXITY_WEIGHT * Math.abs(Math.log(perplexityRatio));
}
