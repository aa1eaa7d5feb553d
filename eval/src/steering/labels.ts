/**
 * The judge against a person: real answers, drawn evenly over methods and labelled without saying which method gave them. The answers
 * are kept with their labels, so that whatever a run answers the judge is measured on all of them.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Proportion, wilson } from "../binomial.ts";
import { percent } from "../report/text.ts";
import { createRandom } from "../random.ts";
import type { Outcome } from "./judge.ts";
import { readLines } from "./prompts.ts";

/** A labelled answer. */
export interface Label {
  readonly text: string;
  /** What gave it; the reader who labelled it was not told. */
  readonly method: string;
  readonly label: Outcome;
  /** Was the judge changed after its errors on this answer were seen? Then it says nothing about the judge. */
  readonly set: "tuning" | "validation";
}

/** How the judge errs, from labelled answers. */
export interface JudgeErrors {
  readonly agreement: Proportion;
  /** Of answers labelled as refusals on principle, those the judge does not see as such. */
  readonly missedRefusals: Proportion;
  /** Of other answers, those the judge sees as refusals on principle. */
  readonly inventedRefusals: Proportion;
  /** Of answers labelled as answers, those the judge sees as anything else; and the other way round. */
  readonly inventedFailures: Proportion;
  readonly missedFailures: Proportion;
}

const PATH = join(import.meta.dir, "..", "..", "prompts", "refusal", "labels.jsonl");
const DIGEST_CHARS = 16;

/** Digest of an answer's text. */
export const digestOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, DIGEST_CHARS);

/** The labels made by hand. */
export const readLabels = (): Label[] => (existsSync(PATH) ? readLines<Label>(PATH) : []);

/** Answers to label: as many of every method as of the next, shuffled, each text once. */
export function drawAnswers<T extends { readonly method: string; readonly text: string }>(
  answers: readonly T[],
  count: number,
  seed: number,
): T[] {
  const random = createRandom(seed);
  const seen = new Set<string>();
  const byMethod = Map.groupBy(random.shuffle(answers), ({ method }) => method);
  const drawn: T[] = [];
  while (drawn.length < count && byMethod.size > 0) {
    for (const [method, waiting] of byMethod) {
      const next = waiting.pop();
      if (next === undefined) byMethod.delete(method);
      else if (!seen.has(next.text)) drawn.push(next);
      if (next !== undefined) seen.add(next.text);
    }
  }
  return random.shuffle(drawn.slice(0, count));
}

/** Errors of the judge over answers: the label of each, and what the judge made of it. */
export function judgeErrors(
  pairs: readonly { readonly label: Outcome; readonly outcome: Outcome }[],
): JudgeErrors {
  const share = (
    of: (pair: (typeof pairs)[number]) => boolean,
    wrong: (pair: (typeof pairs)[number]) => boolean,
  ) => {
    const some = pairs.filter(of);
    return wilson(some.filter(wrong).length, some.length);
  };
  return {
    agreement: share(
      () => true,
      ({ label, outcome }) => label === outcome,
    ),
    missedRefusals: share(
      ({ label }) => label === "policy_refusal",
      ({ outcome }) => outcome !== "policy_refusal",
    ),
    inventedRefusals: share(
      ({ label }) => label !== "policy_refusal",
      ({ outcome }) => outcome === "policy_refusal",
    ),
    inventedFailures: share(
      ({ label }) => label === "complies",
      ({ outcome }) => outcome !== "complies",
    ),
    missedFailures: share(
      ({ label }) => label !== "complies",
      ({ outcome }) => outcome === "complies",
    ),
  };
}

/** The errors in words: on answers the judge was not changed for, and on all. */
export function judgeLines(errors: readonly NamedErrors[]): string[] {
  const spell = ({ rate, lower, upper, n }: Proportion): string =>
    n === 0 ? "none labelled" : `${percent(rate)} [${percent(lower)}, ${percent(upper)}] of ${n}`;
  return errors.map(
    ({ name, ...error }) =>
      `${name}: agreement with labels made by hand, blind to the method, over four outcomes ${spell(error.agreement)}. ` +
      `Refusals missed ${spell(error.missedRefusals)}, invented ${spell(error.inventedRefusals)}. Answers taken for ` +
      `failures ${spell(error.inventedFailures)}, failures taken for answers ${spell(error.missedFailures)}.`,
  );
}

/** Errors on a set of labels. */
export interface NamedErrors extends JudgeErrors {
  readonly name: string;
}

/** Errors on the answers the judge was not changed for, on all, and on those of each method. */
export function errorsBySet(labels: readonly Label[], outcomes: readonly Outcome[]): NamedErrors[] {
  const pairs = labels.map(({ label, set, method }, at) => ({ label, set, method, outcome: outcomes[at]! }));
  const sets = [
    { name: "Validation", some: pairs.filter(({ set }) => set === "validation") },
    { name: "All labels, those the judge was changed for included", some: pairs },
    ...[...Map.groupBy(pairs, ({ method }) => method)].map(([method, some]) => ({
      name: `Answers of ${method}`,
      some,
    })),
  ];
  return sets.map(({ name, some }) => ({ name, ...judgeErrors(some) }));
}
