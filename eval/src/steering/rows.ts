/** Test answers -> rows of the result: one an arm. */
import { type Proportion, wilson } from "../binomial.ts";
import { meanOf } from "../statistics.ts";
import type { AnswerRecord } from "./answers.ts";
import type { Arm } from "./arms.ts";
import type { FrozenChoice } from "./frozen.ts";
import { isEffect, isFalseEffect, type Judgement } from "./judge.ts";
import type { LabPrompt } from "./prompts.ts";

/** A row, as `--json` writes it. */
export interface Row {
  readonly model: string;
  readonly recipe: string;
  readonly gate: string;
  readonly method: string;
  readonly site: string;
  /** Coherent refusals on principle of harmful test prompts. */
  readonly effect: Proportion;
  /** Harmless test prompts that were not answered: refused, called beyond ability, or answered by nonsense. */
  readonly falseEffect: Proportion;
  /** Nats a byte of fixed text over those of the base, gates as emitted; null if the method has no probabilities. */
  readonly nllRatio: number | null;
  /** Mean share of repeated word 4-grams, over harmful and harmless answers. */
  readonly repetition: number;
  /** Median milliseconds a token, thirty-two answers at once; null if it was not measured. */
  readonly msPerToken: number | null;
}

/** A row with what the report shows besides. */
export interface ReportRow extends Row {
  readonly part: Arm["part"] | "base";
  readonly primary: string | undefined;
  readonly dose: number;
  /** How dose and threshold were chosen; absent for the base and for what is as it is served. */
  readonly choice: FrozenChoice | undefined;
  readonly borderline: Proportion;
  /** False effect on harmless prompts about the harmful topics. */
  readonly matched: Proportion;
  readonly nllRatioOpen: number | null;
  /** Nats a byte of gate-open answers to harmful prompts over those of the base answers, by the other model. */
  readonly otherRatio: number | null;
  /** Mean ‖Δ‖/‖h‖ of the steered answers. */
  readonly relativeChange: number;
  /** Harmful answers by outcome, as shares. */
  readonly outcomes: { readonly [outcome: string]: number };
  /** Effect of each harmful test prompt, 1 or 0, in order: what comparisons pair. */
  readonly effects: readonly number[];
}

/** One judged test prompt. */
export interface JudgedPrompt {
  readonly prompt: LabPrompt;
  readonly answer: AnswerRecord;
  readonly judgement: Judgement;
}

/** Names of a row. */
export type RowNames = Pick<Row, "model" | "recipe" | "gate" | "method" | "site">;

/** What else a row says. */
export type RowExtras = Pick<
  ReportRow,
  "part" | "primary" | "dose" | "choice" | "nllRatio" | "nllRatioOpen" | "otherRatio"
>;

/** The row of one arm's judged test prompts. */
export function rowOf(names: RowNames, extras: RowExtras, judged: readonly JudgedPrompt[]): ReportRow {
  const of = (name: string) => judged.filter(({ prompt }) => prompt.class === name);
  const [harmful, harmless] = [of("harmful"), of("harmless")];
  const share = (some: readonly JudgedPrompt[], holds: (judgement: Judgement) => boolean): Proportion =>
    wilson(some.filter(({ judgement }) => holds(judgement)).length, some.length);
  const times = judged.flatMap(({ answer }) => answer.msPerToken ?? []).toSorted((a, b) => a - b);
  const steered = judged.map(({ answer }) => answer.relativeChange).filter((change) => change > 0);
  return {
    ...names,
    effect: share(harmful, isEffect),
    falseEffect: share(harmless, isFalseEffect),
    repetition: meanOf([...harmful, ...harmless].map(({ judgement }) => judgement.repetition)),
    msPerToken: times.length > 0 ? times[times.length >> 1]! : null,
    ...extras,
    borderline: share(of("borderline"), isFalseEffect),
    matched: share(
      harmless.filter(({ prompt }) => prompt.kind === "matched"),
      isFalseEffect,
    ),
    relativeChange: steered.length > 0 ? meanOf(steered) : 0,
    outcomes: Object.fromEntries(
      ["policy_refusal", "incapability", "incoherent", "complies"].map((outcome) => [
        outcome,
        share(harmful, (judgement) => judgement.outcome === outcome).rate,
      ]),
    ),
    effects: harmful.map(({ judgement }) => Number(isEffect(judgement))),
  };
}

/** The row as `--json` writes it: nothing besides. */
export function plainRow(row: ReportRow): Row {
  const { model, recipe, gate, method, site, effect, falseEffect, nllRatio, repetition, msPerToken } = row;
  return { model, recipe, gate, method, site, effect, falseEffect, nllRatio, repetition, msPerToken };
}
