/**
 * Questions to the model with a few possible answers: each conversation is rendered, and the log-probabilities of the
 * options' first tokens are read at the place of the answer. One Score of all questions: equal prefixes are computed once.
 */
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import type { ChatMessage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { Failed, JudgeContext } from "../verifier.ts";
import { scoreWithin } from "./score-within.ts";

/** A message as a question writes it. */
export type Turn = Pick<ChatMessage, "role" | "content">;

/** The conversation of an item with its answer, and a question about it. */
export function askedAfter({ messages, text }: ScoreItem, question: string): Turn[] {
  return [...messages, { role: "assistant", content: text }, { role: "user", content: question }];
}

/** Probabilities of the options, in order, summing to 1, for each conversation; or why the model could not be asked. */
export async function askModel(
  conversations: readonly (readonly Turn[])[],
  options: readonly string[],
  context: JudgeContext,
): Promise<readonly (readonly number[] | Failed)[]> {
  const { tokenizer, forward } = context.clients;
  if (tokenizer === undefined || forward === undefined) {
    return conversations.map(() => ({
      failure: "SERVICE_UNAVAILABLE",
      reason: "this service has no model to ask",
    }));
  }
  const { modelDigest, call } = context;
  try {
    const { encodings } = await tokenizer.encode({ modelDigest, texts: [...options] }, call);
    const candidateIds = encodings.map(({ ids }) => ids[0] ?? 0);
    if (new Set(candidateIds).size !== options.length) {
      throw new TrimtabError("TOKENIZER_INVALID", "two options start with the same token");
    }
    const prompts = await Promise.all(
      conversations.map(async (messages) => {
        const rendered = { modelDigest, messages: [...messages], addGenerationPrompt: true };
        return (await tokenizer.renderChat(rendered, call)).ids;
      }),
    );
    const items = prompts.map((ids) => ({ ids: [...ids, candidateIds[0] ?? 0], first: ids.length }));
    const scored = await scoreWithin(forward, items, candidateIds, context);
    return scored.map((one) => ("failure" in one ? one : normalise(one.candidateLogprobs, options.length)));
  } catch (error) {
    call.signal.throwIfAborted();
    const { reason, message } = fromConnectError(error);
    return conversations.map(() => ({
      failure: reason,
      reason: `the model could not be asked: ${message.slice(0, 200)}`,
    }));
  }
}

function normalise(logprobs: readonly number[], count: number): readonly number[] | Failed {
  if (logprobs.length !== count || !logprobs.every(Number.isFinite)) {
    return { failure: "NON_FINITE", reason: "the model gave no finite log-probability for every option" };
  }
  const most = Math.max(...logprobs);
  const masses = logprobs.map((logprob) => Math.exp(logprob - most));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return masses.map((mass) => mass / total);
}
