/** Runs of one problem: a pool of independent samples, the greedy answer, or a served search. One record each. */
import {
  AnswerForm,
  type FinalEvent,
  type SearchEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason, type Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type Arm, verifierOf } from "./arms.ts";
import type { Keyed } from "./journal.ts";
import { grade, majority } from "./referee.ts";
import type { Services } from "./services.ts";
import type { Problem, Task } from "./task.ts";

/** What every record has: whose it is, what was answered, what it cost. */
interface Spent extends Keyed {
  readonly problem: string;
  readonly tokensGenerated: number;
  readonly tokensPrefilled: number;
  readonly tokensVerified: number;
  readonly wallMs: number;
}

/** Independent samples of one problem, greedy first where it is asked for. */
export interface PoolRecord extends Spent {
  readonly kind: "pool" | "greedy";
  readonly texts: readonly string[];
  readonly tokens: readonly number[];
  readonly right: readonly boolean[];
  /** Rightness of the majority of the first n samples, n from 1. */
  readonly majority: readonly boolean[];
}

/** A node of a search. */
export interface TreeNode {
  readonly id: number;
  readonly parent: number;
  readonly text: string;
  readonly score: number | undefined;
}

/** A candidate as it ended. */
export interface SearchCandidate {
  readonly text: string;
  /** Canonical; empty: none. */
  readonly answer: string;
  readonly score: number | undefined;
  readonly right: boolean;
  readonly tokens: number;
  /** It came to its end and was not given up. */
  readonly isWhole: boolean;
  /** It ended by itself rather than by a limit. */
  readonly hasStopped: boolean;
  /** Of its tokens, nats. */
  readonly meanLogprob: number;
}

/** A served search. */
export interface SearchRecord extends Spent {
  readonly kind: "search";
  readonly arm: string;
  readonly text: string;
  readonly right: boolean;
  readonly candidates: readonly SearchCandidate[];
  readonly isDegraded: boolean;
  /** Effective sample size at each resampling. */
  readonly effectiveSampleSizes: readonly number[];
  readonly tree: readonly TreeNode[];
}

/** Any record. */
export type Record = PoolRecord | SearchRecord;

/** How answers are drawn. */
export interface Drawing {
  readonly temperature: number;
  readonly seed: number;
}

/** One pool of samples. */
const TIMEOUT_MS = 600_000;
const FORMS = { number: AnswerForm.NUMBER, line: AnswerForm.LINE, text: AnswerForm.TEXT } as const;

/** `count` independent samples, or the greedy answer at temperature 0. */
export async function samplePool(
  { gateway, referee }: Services,
  task: Task,
  problem: Problem,
  count: number,
  { temperature, seed }: Drawing,
): Promise<Omit<PoolRecord, "key" | "problem">> {
  const startMs = performance.now();
  const spec = {
    prompt: { case: "conversation" as const, value: { messages: [...problem.messages] } },
    sampling: { temperature, seed: BigInt(seed) },
    ...{ maxTokens: task.maxTokens, choices: count },
  };
  const { choices, usage } = await gateway.complete({ spec }, { timeoutMs: TIMEOUT_MS });
  const wallMs = performance.now() - startMs;
  const texts = choices.map(({ text }) => text);
  const right = await grade(referee, texts, problem.outcome);
  return {
    kind: temperature === 0 ? "greedy" : "pool",
    ...{ texts, right, wallMs, majority: await majorities(referee, task, texts, right) },
    tokens: choices.map(({ finished }) => finished?.generatedTokens ?? 0),
    ...costOf(usage),
  };
}

/** The pool that the candidates of a search are: independent samples, all of them run to their end. */
export async function poolOf(
  { referee }: Pick<Services, "referee">,
  task: Task,
  { candidates, tokensGenerated, tokensPrefilled, wallMs }: SearchRecord,
): Promise<Omit<PoolRecord, "key" | "problem">> {
  const texts = candidates.map(({ text }) => text);
  const right = candidates.map((candidate) => candidate.right);
  return {
    kind: "pool",
    ...{ texts, right, tokens: candidates.map(({ tokens }) => tokens) },
    majority: await majorities(referee, task, texts, right),
    ...{ tokensGenerated, tokensPrefilled, tokensVerified: 0, wallMs },
  };
}

/** Rightness of the majority of the first n texts, n from 1. */
async function majorities(
  referee: Services["referee"],
  { answer }: Task,
  texts: readonly string[],
  right: readonly boolean[],
): Promise<boolean[]> {
  const all: boolean[] = [];
  for (let n = 1; n <= texts.length; n++) {
    const chosen = await majority(referee, texts.slice(0, n), answer);
    all.push(chosen !== undefined && right[chosen] === true);
  }
  return all;
}

/** A served search by an arm. @throws RangeError if the arm has no verifier here; ConnectError of the gateway. */
export async function runSearch(
  { gateway, referee }: Services,
  task: Task,
  problem: Problem,
  arm: Arm,
  probe: string | undefined,
  { temperature, seed }: Drawing,
): Promise<Omit<SearchRecord, "key" | "problem" | "arm">> {
  const verifier = verifierOf(arm, problem, probe);
  if (arm.verifier !== undefined && verifier === undefined)
    throw new RangeError(`no verifier for ${arm.strategy}`);
  const startMs = performance.now();
  const spec = {
    prompt: { case: "conversation" as const, value: { messages: [...problem.messages] } },
    sampling: { temperature, seed: BigInt(seed) },
    maxTokens: task.maxTokens,
    scaling: {
      strategy: arm.strategy,
      ...(arm.parameters === undefined ? {} : { parameters: arm.parameters }),
      ...(verifier === undefined ? {} : { verifier }),
      budget: { candidates: arm.budget },
      step: { rule: { case: "separators" as const, value: { values: [...task.separators] } } },
      answer: { form: FORMS[task.answer] },
      trace: true,
    },
  };
  const seen: SearchEvent["event"][] = [];
  let text = "";
  let usage: Usage | undefined;
  for await (const { event } of gateway.generate({ spec })) {
    if (event.case === "delta") text += event.value.text;
    if (event.case === "search") seen.push(event.value.event);
    if (event.case === "completed") usage = event.value.usage;
  }
  const wallMs = performance.now() - startMs;
  const final = seen.find(({ case: name }) => name === "final")?.value as FinalEvent | undefined;
  const found = final?.candidates ?? [];
  const [isRight = false, ...rights] = await grade(
    referee,
    [text, ...found.map((candidate) => candidate.text)],
    problem.outcome,
  );
  return {
    kind: "search",
    ...{ text, wallMs, right: isRight },
    candidates: found.map((candidate, index) => ({
      ...{ text: candidate.text, answer: candidate.answer, score: candidate.score },
      right: rights[index] ?? false,
      tokens: candidate.tokens,
      isWhole: candidate.reason !== FinishReason.CANCELLED,
      hasStopped: candidate.reason === FinishReason.STOP,
      meanLogprob: candidate.meanLogprob,
    })),
    isDegraded: final?.degraded ?? false,
    effectiveSampleSizes: seen.flatMap((event) =>
      event.case === "resample" ? [event.value.effectiveSampleSize] : [],
    ),
    tree: treeOf(seen),
    ...costOf(usage),
  };
}

function treeOf(events: readonly SearchEvent["event"][]): TreeNode[] {
  const nodes = new Map<number, TreeNode>();
  for (const event of events) {
    if (event.case === "candidate") {
      const { candidate: id, parent } = event.value;
      nodes.set(id, { id, parent, text: "", score: undefined });
    } else if (event.case === "step") {
      const node = nodes.get(event.value.candidate);
      if (node) nodes.set(node.id, { ...node, text: node.text + event.value.text });
    } else if (event.case === "score") {
      const node = nodes.get(event.value.candidate);
      if (node) nodes.set(node.id, { ...node, score: event.value.score });
    }
  }
  return [...nodes.values()];
}

function costOf(usage: Usage | undefined) {
  return {
    tokensGenerated: usage?.scaling?.generatedTokens ?? usage?.completionTokens ?? 0,
    tokensPrefilled: usage?.scaling?.prefilledTokens ?? usage?.prefilledTokens ?? 0,
    tokensVerified: usage?.scaling?.verifierTokens ?? usage?.verifiedTokens ?? 0,
  };
}
