/**
 * What a gate of the lab is: a score a prompt, high where it would open, known before anything is generated. A binary gate is
 * a score with a threshold; its answer is the steered one where the score reaches it, else the base one.
 */
import type { AnswerRecord } from "./answers.ts";
import type { LabPrompt } from "./prompts.ts";

/** A gate with its scores. */
export interface Gate {
  readonly name: string;
  /** What it looks at. */
  readonly reads: "nothing" | "label" | "text" | "activations";
  /** By prompt id. */
  readonly scores: ReadonlyMap<string, number>;
  /** The threshold, if the gate brings its own; else it is chosen on development prompts. */
  readonly threshold?: number;
}

/** Always open, and open exactly on harmful prompts: what a gate can at least and at most do. */
export function trivialGates(prompts: readonly LabPrompt[]): Gate[] {
  const scored = (score: (prompt: LabPrompt) => number): Map<string, number> =>
    new Map(prompts.map((prompt) => [prompt.id, score(prompt)]));
  return [
    { name: "none", reads: "nothing", scores: scored(() => 1), threshold: 0.5 },
    {
      name: "oracle",
      reads: "label",
      scores: scored((prompt) => (prompt.class === "harmful" ? 1 : 0)),
      threshold: 0.5,
    },
  ];
}

/** Is the gate open? @throws RangeError for a prompt it has no score of. */
export function isOpen({ name, scores }: Gate, threshold: number, { id }: LabPrompt): boolean {
  const score = scores.get(id);
  if (score === undefined) throw new RangeError(`gate ${name} has no score of ${id}`);
  return score >= threshold;
}

/** Probability that a positive scores above a negative, ties half: area under the ROC curve. NaN if a side is empty. */
export function auroc(positive: readonly number[], negative: readonly number[]): number {
  const all = [
    ...positive.map((score) => ({ score, is: 1 })),
    ...negative.map((score) => ({ score, is: 0 })),
  ];
  all.sort((a, b) => a.score - b.score);
  let [below, wins] = [0, 0];
  for (let from = 0; from < all.length;) {
    let to = from;
    while (to < all.length && all[to]!.score === all[from]!.score) to++;
    const tied = all.slice(from, to);
    const positives = tied.filter(({ is }) => is === 1).length;
    const negatives = tied.length - positives;
    wins += positives * (below + negatives / 2);
    below += negatives;
    from = to;
  }
  return wins / (positive.length * negative.length);
}

/** The answers a gate gives: steered where it is open. */
export function combine(
  gate: Gate,
  threshold: number,
  prompts: readonly LabPrompt[],
  base: ReadonlyMap<string, AnswerRecord>,
  steered: ReadonlyMap<string, AnswerRecord>,
): AnswerRecord[] {
  return prompts.map((prompt) => {
    const answer = (isOpen(gate, threshold, prompt) ? steered : base).get(prompt.id);
    if (answer === undefined) throw new RangeError(`${prompt.id} was not generated`);
    return answer;
  });
}
