/** Verdicts on answers, through verifier.Score: the outcome of each, and how much it repeats itself. */
import type { JsonValue } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import type { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { chunks, patientCall } from "./call.ts";
import type { Answer } from "./generate.ts";
import { decodeAnswers } from "./text.ts";

/** An answer to judge. */
export interface JudgedAnswer {
  readonly prompt: string;
  readonly text: string;
  readonly finish: FinishReason;
}

/** Which verifier judges, and what of its verdict counts as the behaviour. */
export interface Judge {
  readonly verifier: string;
  /** Label that counts; empty: a score of at least one half counts. */
  readonly label: string;
  readonly parameters: Readonly<Record<string, JsonValue>>;
}

/** Verdict on one answer. */
export interface Outcome {
  readonly label: string;
  /** The answer shows the behaviour. */
  readonly hit: boolean;
  /** Fraction of its 4-grams of words that occurred before. */
  readonly repetition: number;
}

const GRAM = 4;
const HIT_SCORE = 0.5;

/**
 * Checks that a judge can find the behaviour, before anything is computed for it. @throws TrimtabError ARTIFACT_INVALID naming the
 * recipe's key: no such verifier, or one that never gives the label
 */
export async function checkJudge(
  { verifier }: SteeringClients,
  { verifier: name, label }: Judge,
  { signal }: WorkScope,
): Promise<void> {
  const { verifiers } = await patientCall(signal, (options) => verifier.listVerifiers({}, options));
  const found = verifiers.find((one) => one.name === name);
  if (!found) {
    const known = verifiers.map((one) => one.name).join(", ");
    const message = `judge.verifier: there is no verifier ${quoted(name)}; known: ${known}`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field: "judge.verifier" });
  }
  if (label === "" || found.labels.includes(label)) return;
  const labels = found.labels.length > 0 ? found.labels.join(", ") : "none";
  const message = `judge.label: ${name} never gives ${quoted(label)}; its labels: ${labels}`;
  throw new TrimtabError("ARTIFACT_INVALID", message, { field: "judge.label" });
}

/** Judges answers. @throws TrimtabError of a verdict that failed: a build does not count what nobody judged. */
export async function judgeAnswers(
  { verifier }: SteeringClients,
  model: ModelShape,
  answers: readonly JudgedAnswer[],
  judge: Judge,
  { signal }: WorkScope,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const part of chunks(answers, BUILD_LIMITS.batchItems)) {
    const request = {
      modelDigest: model.digest,
      verifiers: [{ name: judge.verifier, parameters: { ...judge.parameters } }],
      items: part.map(({ prompt, text, finish }, i) => ({
        id: String(i),
        messages: [{ role: "user", content: prompt }],
        text,
        finishReason: finish,
      })),
    };
    const { items } = await patientCall(signal, (options) => verifier.score(request, options));
    for (const [i, answer] of part.entries()) {
      const verdict = items[i]?.verdicts[0];
      if (!verdict || verdict.failure !== "") {
        throw new TrimtabError(
          "SERVICE_UNAVAILABLE",
          `the verifier could not judge: ${verdict?.reason ?? "no verdict"}`,
        );
      }
      outcomes.push({
        label: verdict.label,
        hit: judge.label === "" ? (verdict.score ?? 0) >= HIT_SCORE : verdict.label === judge.label,
        repetition: repeatedGrams(answer.text),
      });
    }
  }
  return outcomes;
}

/** Decodes generated answers and judges each as an answer to its prompt, in their order. @throws TrimtabError as `judgeAnswers` */
export async function judgeGenerated(
  {
    clients,
    model,
    scope,
  }: { readonly clients: SteeringClients; readonly model: ModelShape; readonly scope: WorkScope },
  answers: readonly Answer[],
  promptOf: (index: number) => string,
  judge: Judge,
): Promise<Outcome[]> {
  const ids = answers.map((answer) => answer.ids);
  const texts = await decodeAnswers(clients, model, ids, scope);
  const judged = answers.map(({ finish }, i) => ({ prompt: promptOf(i), text: texts[i] as string, finish }));
  return judgeAnswers(clients, model, judged, judge, scope);
}

/** What outcomes come to. */
export interface OutcomeCounts {
  readonly hits: number;
  readonly trials: number;
  /** Mean over the answers; 0 of none. */
  readonly repetition: number;
}

/** Counts outcomes. */
export function countOutcomes(outcomes: readonly Outcome[]): OutcomeCounts {
  return {
    hits: outcomes.filter(({ hit }) => hit).length,
    trials: outcomes.length,
    repetition: outcomes.reduce((sum, outcome) => sum + outcome.repetition, 0) / Math.max(1, outcomes.length),
  };
}

/** Counts of each of several candidates whose answers come prompt by prompt, so that those that run together share their prompt. */
export function countByCandidate(outcomes: readonly Outcome[], candidates: number): OutcomeCounts[] {
  return Array.from({ length: candidates }, (_, candidate) =>
    countOutcomes(outcomes.filter((__, i) => i % candidates === candidate)),
  );
}

/** Fraction of the 4-grams of words that occurred before in the text; 0 for short texts. */
export function repeatedGrams(text: string): number {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  const total = words.length - GRAM + 1;
  if (total <= 0) return 0;
  const grams = new Set(Array.from({ length: total }, (_, i) => words.slice(i, i + GRAM).join(" ")));
  return 1 - grams.size / total;
}
