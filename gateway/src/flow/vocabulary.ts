/** Vocabularies by model digest, fetched once: text is decoded by table, not by a call a token. */
import { TrimtabError } from "#kit/errors.ts";
import { createLru } from "#kit/lru.ts";
import { cancelSafe } from "#kit/streams.ts";
import { createTokenTextDecoder } from "#kit/token-text.ts";
import { CALL_MARKS } from "#kit/tools.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { type CallSyntax, callSyntaxOf } from "./calls/syntax.ts";
import type { IdDecoder } from "./choice-text.ts";
import { serviceFailure } from "./reasons.ts";

/** The tokens of one model. */
export interface Vocabulary {
  /** Ids that end a generation; they are no text. */
  readonly stopIds: ReadonlySet<number>;
  /** A decoder for one choice. Special tokens are no text. */
  decoder(): IdDecoder;
  /** Bytes of a token; of a special one, those of its spelling. */
  bytes(id: number): Uint8Array;
  /** Ids of the tokens that can complete `text`: they hold it, or begin with an end of it. Cost: the vocabulary once a text. */
  idsCompleting(text: string): readonly number[];
  /** How the model writes calls of functions; their marks are text, whatever the vocabulary says of them. */
  readonly calls: CallSyntax | undefined;
  /** How a token is shown: its bytes as text, wrong ones as U+FFFD. */
  spelling(id: number): string;
}

/** Fetches and remembers vocabularies. */
export interface Vocabularies {
  /** The vocabulary of a model. */
  get(model: Model, scope: CallScope): Promise<Vocabulary>;
}

const NOTHING = new Uint8Array(0);

/** Creates an empty memory. */
export function createVocabularies(clients: Pick<GatewayClients, "tokenizer">): Vocabularies {
  const known = createLru<Vocabulary>(LIMITS.vocabularies);
  return {
    async get(model, scope) {
      const cached = known.get(model.digest);
      if (cached) return cached;
      const vocabulary = await fetchVocabulary(clients, model, scope);
      known.set(model.digest, vocabulary);
      return vocabulary;
    },
  };
}

async function fetchVocabulary(
  clients: Pick<GatewayClients, "tokenizer">,
  model: Model,
  scope: CallScope,
): Promise<Vocabulary> {
  const tokens: Uint8Array[] = [];
  const special = new Map<number, Uint8Array>();
  let calls: CallSyntax | undefined;
  const stopIds = new Set(model.stopIds);
  const encoder = new TextEncoder();
  try {
    const request = { modelDigest: model.digest };
    const start = (signal: AbortSignal) => clients.tokenizer.getVocabulary(request, { ...scope, signal });
    for await (const run of cancelSafe(start, scope.signal)) {
      calls ??= callSyntaxOf(run.toolSyntax);
      run.tokens.forEach((bytes, at) => (tokens[run.firstId + at] = bytes));
      for (const [id, text] of Object.entries(run.special)) {
        if (CALL_MARKS.has(text)) tokens[Number(id)] = encoder.encode(text);
        else special.set(Number(id), encoder.encode(text));
      }
      for (const id of run.stopIds) stopIds.add(id);
    }
  } catch (error) {
    throw serviceFailure(error, "tokenizer", scope.signal);
  }
  if (tokens.length < model.vocabularySize) {
    throw new TrimtabError("MODEL_MISMATCH", "the tokenizer knows fewer tokens than the model", {
      field: "model",
      limit: model.vocabularySize,
    });
  }
  const bytes = (id: number): Uint8Array => special.get(id) ?? tokens[id] ?? NOTHING;
  // A byte-order mark is a token like any other.
  const spell = new TextDecoder("utf-8", { ignoreBOM: true });
  const completing = createLru<readonly number[]>(LIMITS.completions);
  return {
    ...{ stopIds, calls, bytes },
    idsCompleting(text) {
      const ids = completing.get(text) ?? findCompleting(tokens, text);
      completing.set(text, ids);
      return ids;
    },
    spelling: (id) => spell.decode(bytes(id)),
    decoder() {
      const text = createTokenTextDecoder();
      return {
        push: (id) => (special.has(id) ? "" : text.push(tokens[id] ?? NOTHING)),
        end: text.end,
      };
    },
  };
}

function findCompleting(tokens: readonly Uint8Array[], text: string): number[] {
  const wanted = Buffer.from(text);
  const ends = Array.from(wanted, (_, at) => wanted.subarray(at));
  return tokens.flatMap((bytes, id) => {
    const token = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const isOne = token.includes(wanted) || ends.some((end) => token.subarray(0, end.length).equals(end));
    return isOne ? [id] : [];
  });
}
