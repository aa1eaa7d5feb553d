/**
 * Solutions of a problem by Monte-Carlo roll-outs: samples from the prompt, each checked by the outcome verifier, cut into
 * steps. All roll-outs that share a step's text are roll-outs of it, so its worth is the share of them that come out right.
 * Cost: `samples` generations a problem, the prompt once.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Choice } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayClient } from "../demo/answer.ts";
import type { TrainingProblem } from "./problems.ts";

/** How solutions are sampled. */
export interface Sampling {
  readonly samples: number;
  readonly temperature: number;
  readonly seed: number;
}

/** A step of a solution. */
export interface Step {
  /** From 1. */
  readonly number: number;
  /** Index of its last token among the solution's. */
  readonly lastToken: number;
  /** Share of roll-outs through this text that came out right. */
  readonly worth: number;
}

/** A solution with the steps that no earlier solution has. */
export interface Solution {
  readonly ids: readonly number[];
  readonly steps: readonly Step[];
}

/** Samples and labels. @throws ConnectError of the gateway; TrimtabError of the checker's failure. */
export async function sampleSolutions(
  client: GatewayClient,
  problem: TrainingProblem,
  { samples, temperature, seed }: Sampling,
): Promise<Solution[]> {
  const { messages, outcome, maxTokens } = problem;
  const spec = {
    prompt: { case: "conversation" as const, value: { messages } },
    sampling: { temperature, seed: BigInt(seed) },
    ...{ maxTokens, choices: samples, logprobs: true, verifiers: [outcome] },
  };
  const { choices } = await client.complete({ spec });
  const drafts = choices.map((choice) => ({ choice, cuts: cutSteps(choice, problem.separators) }));
  const rollOuts = new Map<string, { right: number; all: number }>();
  for (const { choice, cuts } of drafts) {
    for (const { text } of cuts) {
      const counted = rollOuts.get(text) ?? { right: 0, all: 0 };
      rollOuts.set(text, { right: counted.right + rightness(choice), all: counted.all + 1 });
    }
  }
  const seen = new Set<string>();
  return drafts.map(({ choice, cuts }) => ({
    ids: choice.tokens.map(({ id }) => id),
    steps: cuts.flatMap(({ text, lastToken }, index) => {
      const counted = rollOuts.get(text);
      if (counted === undefined || seen.has(text)) return [];
      seen.add(text);
      return [{ number: index + 1, lastToken, worth: counted.right / counted.all }];
    }),
  }));
}

function rightness({ verdicts }: Choice): number {
  const [verdict] = verdicts;
  if (verdict?.score !== undefined) return verdict.score === 1 ? 1 : 0;
  // Code that had to be killed is not right; anything else that fails is the checker's fault.
  if (verdict?.failure === "DEADLINE_EXCEEDED") return 0;
  throw new TrimtabError("SERVICE_UNAVAILABLE", `the checker failed: ${verdict?.failure ?? "no verdict"}`);
}

/**
 * Where steps end, as in a search: at the token that completes a separator behind something that is not blank, and at the last token.
 * The text goes up to there.
 */
function cutSteps(
  { tokens, tokenTexts }: Choice,
  separators: readonly string[],
): { readonly text: string; readonly lastToken: number }[] {
  const cuts: { text: string; lastToken: number }[] = [];
  let text = "";
  let step = "";
  for (const [index, spelled] of tokenTexts.entries()) {
    text += spelled;
    step += spelled;
    const isLast = index === tokens.length - 1;
    const start = step.search(/\S/);
    const isWhole = start >= 0 && separators.some((separator) => step.includes(separator, start));
    if (!isLast && !isWhole) continue;
    // The end itself is part of the key: a finished text is another state than one that goes on.
    cuts.push({ text: isLast ? `${text}\0` : text, lastToken: index });
    step = "";
  }
  return cuts;
}
