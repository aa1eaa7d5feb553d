/** Vocabularies by model digest, fetched once: text is decoded by table, not by a call a token. */
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import { createTokenTextDecoder } from "#kit/token-text.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
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
export function createVocabularies(clients: GatewayClients): Vocabularies {
  const known = new Map<string, Vocabulary>();
  return {
    async get(model, scope) {
      const cached = known.get(model.digest);
      if (cached) return cached;
      const vocabulary = await fetchVocabulary(clients, model, scope);
      const oldest = known.keys().next();
      if (known.size >= LIMITS.vocabularies && !oldest.done) known.delete(oldest.value);
      known.set(model.digest, vocabulary);
      return vocabulary;
    },
  };
}

async function fetchVocabulary(clients: GatewayClients, model: Model, scope: CallScope): Promise<Vocabulary> {
  const tokens: Uint8Array[] = [];
  const special = new Map<number, Uint8Array>();
  const stopIds = new Set(model.stopIds);
  const encoder = new TextEncoder();
  try {
    const request = { modelDigest: model.digest };
    const start = (signal: AbortSignal) => clients.tokenizer.getVocabulary(request, { ...scope, signal });
    for await (const run of cancelSafe(start, scope.signal)) {
      run.tokens.forEach((bytes, at) => (tokens[run.firstId + at] = bytes));
      for (const [id, text] of Object.entries(run.special)) special.set(Number(id), encoder.encode(text));
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
  const spell = new TextDecoder();
  return {
    stopIds,
    bytes,
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
