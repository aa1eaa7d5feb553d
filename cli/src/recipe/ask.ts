/**
 * A built recipe on anybody's prompts: each is answered base and steered from one shared prefix, through the public API as
 * any client would, and judged by the recipe's own judge. Greedy, so that a rerun gives the same.
 * Tokens: every prompt once, and two answers of at most `maxTokens`.
 */
import { TrimtabError } from "#kit/errors.ts";
import { type Proportion, proportion } from "#kit/wilson.ts";
import type { Choice } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Recipe, RecipeJudge } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Prompt } from "../capture/prompts.ts";
import type { GatewayClient } from "../demo/answer.ts";

/** One answer and what the judge says of it. */
export interface JudgedAnswer {
  readonly text: string;
  readonly label: string;
  readonly hit: boolean;
}

/** What one prompt got. */
export interface AskedPrompt {
  readonly prompt: string;
  readonly gate: number;
  /** The gate let the recipe act. */
  readonly acted: boolean;
  readonly base: JudgedAnswer;
  readonly steered: JudgedAnswer;
}

/** Rates over all prompts. */
export interface AskedSummary {
  readonly base: Proportion;
  readonly steered: Proportion;
  /** Prompts on which the recipe acted. */
  readonly acted: Proportion;
  /** Steered answers by label. */
  readonly labels: Readonly<Record<string, number>>;
}

/** How prompts are asked. */
export interface Asking {
  /** Longest answer. */
  readonly maxTokens: number;
  /** In place of the recipe's own mode. */
  readonly mode?: string | undefined;
}

/** Prompts under way at a time. */
const LANES = 8;
/** A verdict without a label counts from this score on. */
const HIT_SCORE = 0.5;

/**
 * Asks all prompts; `onDone` hears how many are done.
 * @throws ConnectError of the gateway; TrimtabError SERVICE_UNAVAILABLE if the judge failed: nothing is counted unjudged
 */
export async function askAll(
  client: GatewayClient,
  { resolved, judge }: Recipe,
  prompts: readonly Prompt[],
  how: Asking,
  onDone: (done: number) => void,
): Promise<AskedPrompt[]> {
  const asked: AskedPrompt[] = new Array(prompts.length);
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < prompts.length; i = next++) {
      asked[i] = await askOne(client, { resolved, judge }, prompts[i] as Prompt, how);
      onDone(++done);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return asked;
}

/** Rates of what was asked. */
export function summarise(asked: readonly AskedPrompt[]): AskedSummary {
  const rate = (holds: (each: AskedPrompt) => boolean) =>
    proportion(asked.filter(holds).length, asked.length);
  const labels: Record<string, number> = {};
  for (const { steered } of asked) labels[steered.label] = (labels[steered.label] ?? 0) + 1;
  return {
    base: rate(({ base }) => base.hit),
    steered: rate(({ steered }) => steered.hit),
    acted: rate(({ acted }) => acted),
    labels,
  };
}

/** Base is the even choice, steered the odd one. */
async function askOne(
  client: GatewayClient,
  { resolved, judge }: Pick<Recipe, "resolved" | "judge">,
  prompt: Prompt,
  { maxTokens, mode = "" }: Asking,
): Promise<AskedPrompt> {
  const spec = {
    prompt,
    sampling: { temperature: 0 },
    maxTokens,
    steering: { use: { recipe: resolved, mode }, compare: true },
    verifiers: judge?.verifier ? [judge.verifier] : [],
  };
  const { choices, plan } = await client.complete({ spec });
  const [base, steered] = [0, 1].map((index) => judged(choices[index], judge));
  return {
    prompt: textOf(prompt),
    gate: plan?.gate ?? 0,
    acted: plan !== undefined && (plan.reply !== "" || plan.relativeDoses.some((dose) => dose > 0)),
    base: base as JudgedAnswer,
    steered: steered as JudgedAnswer,
  };
}

function judged(choice: Choice | undefined, judge: RecipeJudge | undefined): JudgedAnswer {
  const [verdict] = choice?.verdicts ?? [];
  if (!choice || !verdict || verdict.failure !== "") {
    throw new TrimtabError("SERVICE_UNAVAILABLE", `no verdict: ${verdict?.failure ?? "no answer"}`);
  }
  const { label, score = 0 } = verdict;
  const wanted = judge?.label ?? "";
  return { text: choice.text, label, hit: wanted === "" ? score >= HIT_SCORE : label === wanted };
}

function textOf(prompt: Prompt): string {
  return prompt.case === "text" ? prompt.value : (prompt.value.messages.at(-1)?.content ?? "");
}
