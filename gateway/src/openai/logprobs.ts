/** Log-probabilities in the forms of the two completion APIs. */
import type { Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Vocabulary } from "../flow/vocabulary.ts";

/** Natural logarithm of a probability that has underflowed, as OpenAI prints it. */
const LEAST = -9999;

/** `logprobs` of a chat choice. */
export function chatLogprobs(tokens: readonly Token[], vocabulary: Vocabulary): object {
  const entry = (id: number, logprob: number): object => ({
    token: vocabulary.spelling(id),
    logprob: finite(logprob),
    bytes: [...vocabulary.bytes(id)],
  });
  const content = tokens.map((token) => ({
    ...entry(token.id, token.logprob),
    top_logprobs: token.top.map(({ id, logprob }) => entry(id, logprob)),
  }));
  return { content, refusal: null };
}

/** `logprobs` of a completion choice; `offset` is where its first token begins. NaN: there is none (first of a prompt). */
export function completionLogprobs(
  tokens: readonly Token[],
  vocabulary: Pick<Vocabulary, "spelling">,
  offset: number,
): object {
  let at = offset;
  const spellings = tokens.map((token) => vocabulary.spelling(token.id));
  return {
    tokens: spellings,
    token_logprobs: tokens.map(({ logprob }) => (Number.isNaN(logprob) ? null : finite(logprob))),
    top_logprobs: tokens.map(({ logprob, top }) =>
      Number.isNaN(logprob) ? null : alternatives(top, vocabulary),
    ),
    text_offset: spellings.map((text) => {
      const start = at;
      at += text.length;
      return start;
    }),
  };
}

function alternatives(top: Token["top"], vocabulary: Pick<Vocabulary, "spelling">): Record<string, number> {
  // No plain object while it fills: "constructor" is a token, too.
  const found = new Map<string, number>();
  for (const { id, logprob } of top) {
    const spelling = vocabulary.spelling(id);
    // Two tokens may be spelled alike (bytes that are no text): the likelier one comes first and stays.
    if (!found.has(spelling)) found.set(spelling, finite(logprob));
  }
  return Object.fromEntries(found);
}

function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : LEAST;
}
