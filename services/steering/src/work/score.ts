/** Log-probability of given answers, through forward.Score, and perplexity ratios from them. */
import { TrimtabError } from "#kit/errors.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { chunks } from "./call.ts";
import { newTokens } from "./capture.ts";
import { type Binding, boundCall } from "./programs.ts";
import type { Rendered } from "./text.ts";

/** Log-probability of an answer and how many tokens it has. */
export interface AnswerLogprob {
  /** Nats. */
  readonly sum: number;
  readonly tokens: number;
}

/** Scores the answers of rendered turns under a program, or unsteered. */
export async function scoreAnswers(
  clients: SteeringClients,
  model: ModelShape,
  turns: readonly Rendered[],
  binding: Binding | undefined,
  scope: WorkScope,
): Promise<AnswerLogprob[]> {
  const results: AnswerLogprob[] = [];
  for (const part of chunks(turns, BUILD_LIMITS.batchItems)) {
    const items = part.map(({ ids, answerTokens }) => ({ ids, first: ids.length - answerTokens }));
    const request = { modelDigest: model.digest, items, ...(binding ? { program: binding } : {}) };
    const { items: scored } = await boundCall(clients, [binding], scope.signal, (options) =>
      clients.forward.score(request, options),
    );
    if (scored.length !== part.length)
      throw new TrimtabError("SERVICE_UNAVAILABLE", "forward left out scores");
    for (const { tokens } of scored) {
      results.push({ sum: tokens.reduce((a, token) => a + token.logprob, 0), tokens: tokens.length });
    }
    scope.spend(newTokens(part));
  }
  return results;
}

/** exp of the mean log-probability lost a token: perplexity of `changed` over that of `base`. */
export function perplexityRatio(base: readonly AnswerLogprob[], changed: readonly AnswerLogprob[]): number {
  const total = (scores: readonly AnswerLogprob[]) => scores.reduce((a, score) => a + score.sum, 0);
  const tokens = base.reduce((a, score) => a + score.tokens, 0);
  return tokens === 0 ? 1 : Math.exp((total(base) - total(changed)) / tokens);
}
