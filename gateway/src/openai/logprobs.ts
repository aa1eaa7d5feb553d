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

/** A part of the text of a completion choice, and the tokens behind it. */
export interface CompletionPiece {
  readonly text: string;
  readonly tokens: readonly Token[];
}

/** `logprobs` of a completion choice, or of a part of one. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Record<string, number> | null)[];
  readonly text_offset: readonly number[];
}

/** `logprobs` of one completion choice, a piece of its text after the other. */
export interface ChoiceLogprobs {
  /** Those of the next piece. NaN: a token has none (the first of a prompt). */
  next(piece: CompletionPiece): CompletionLogprobs;
}

/**
 * Begins with the first piece, which is the prompt if `echo` says so. Offsets are places in the text, in Unicode characters as
 * Python counts them: a token that is no text begins where the next one does, a part of a character where that does.
 */
export function createChoiceLogprobs(
  vocabulary: Pick<Vocabulary, "spelling" | "decoder">,
  echo: boolean,
): ChoiceLogprobs {
  let decoder = vocabulary.decoder();
  let isPrompt = echo;
  let at = 0;
  let end = 0;
  return {
    next({ text, tokens }) {
      const places = tokens.map(({ id }) => {
        const start = at;
        at += lengthOf(decoder.push(id));
        return start;
      });
      end += lengthOf(text);
      // What follows a prompt is decoded by itself.
      if (isPrompt) [decoder, at] = [vocabulary.decoder(), end];
      isPrompt = false;
      return {
        tokens: tokens.map(({ id }) => vocabulary.spelling(id)),
        token_logprobs: tokens.map(({ logprob }) => (Number.isNaN(logprob) ? null : finite(logprob))),
        top_logprobs: tokens.map((token) =>
          Number.isNaN(token.logprob) ? null : alternatives(token, vocabulary),
        ),
        text_offset: places,
      };
    },
  };
}

/** Those of a whole choice. */
export function joinedLogprobs(parts: readonly CompletionLogprobs[]): CompletionLogprobs {
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    token_logprobs: parts.flatMap((part) => part.token_logprobs),
    top_logprobs: parts.flatMap((part) => part.top_logprobs),
    text_offset: parts.flatMap((part) => part.text_offset),
  };
}

/** The likeliest tokens, if they were asked for, and the one that was drawn, as in OpenAI's answers. */
function alternatives(
  { id: drawn, logprob: its, top }: Token,
  vocabulary: Pick<Vocabulary, "spelling">,
): Record<string, number> {
  // No plain object while it fills: "constructor" is a token, too.
  const found = new Map<string, number>();
  const asked = top.length === 0 ? [] : [...top, { id: drawn, logprob: its }];
  for (const { id, logprob } of asked) {
    const spelling = vocabulary.spelling(id);
    // Two tokens may be spelled alike (bytes that are no text): the likelier one comes first and stays.
    if (!found.has(spelling)) found.set(spelling, finite(logprob));
  }
  return Object.fromEntries(found);
}

function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : LEAST;
}

const lengthOf = (text: string): number => Array.from(text).length;
