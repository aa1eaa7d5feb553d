/** Log-odds that an answer begins with one of the first tokens of the behaviour's answers. */
import { BUILD_LIMITS } from "../../limits.ts";
import { chunks } from "../work/call.ts";
import type { CaptureText } from "../work/capture.ts";
import { type Binding, boundCall } from "../work/programs.ts";
import { renderTurns } from "../work/text.ts";
import type { ExampleSource } from "./examples.ts";

/** Probability that is rounding. */
const TINY = 1e-9;

/** First tokens of the answers that show the behaviour. */
export async function firstTokens({ clients, model, recipe, scope }: ExampleSource): Promise<number[]> {
  const prompt = (recipe.leave[0] ?? recipe.steer[0])?.text ?? "";
  const turns = recipe.positiveAnswers.map(({ text }) => ({ prompt, answer: text }));
  const rendered = await renderTurns(clients, model, turns, scope);
  return [...new Set(rendered.map(({ ids, answerTokens }) => ids[ids.length - answerTokens] as number))];
}

/** Log-odds of each prompt, nats. */
export async function logOdds(
  { clients, model, scope }: ExampleSource,
  prompts: readonly CaptureText[],
  starts: readonly number[],
  program: Binding | undefined,
): Promise<number[]> {
  const odds: number[] = [];
  for (const part of chunks(prompts, BUILD_LIMITS.batchItems)) {
    const items = part.map(({ ids }) => ({ ids: [...ids, starts[0] as number], first: ids.length }));
    const request = {
      modelDigest: model.digest,
      items,
      candidateIds: [...starts],
      ...(program ? { program } : {}),
    };
    const answer = await boundCall(clients, [program], scope.signal, (options) =>
      clients.forward.score(request, options),
    );
    scope.spend(items.length);
    for (const { candidateLogprobs } of answer.items) {
      const p = candidateLogprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0);
      odds.push(Math.log(Math.max(p, TINY)) - Math.log(Math.max(1 - p, TINY)));
    }
  }
  return odds;
}
