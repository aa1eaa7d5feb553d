/** One model's tokenizer, ready to serve: read from its file, with the threads it needs. */
import { setImmediate } from "node:timers/promises";
import { TrimtabError } from "#kit/errors.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { checkUnchanged, identityOfModel } from "#kit/model-identity.ts";
import { type ChatTemplate, createChatTemplate } from "./chat-template.ts";
import { hashInThread } from "./digest-thread.ts";
import { createEncoder, type Encoder } from "./encoder.ts";
import { readModelVocabulary } from "./model-vocabulary.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A loaded model. */
export interface TokenizerModel {
  /** Of the model, see `digestOfModel`. */
  readonly digest: string;
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
  /** Undefined if the model has none. */
  readonly template: ChatTemplate | undefined;
  /** Ends the threads; what they have not finished fails with `reason`. */
  close(reason: TrimtabError): void;
}

/**
 * Reads a model's tokenizer; about 0.5 s for 100 MB, most of it hashing the file in a thread.
 * @param quantize as forward loads it: part of the digest
 * @throws TrimtabError TOKENIZER_INVALID, TEMPLATE_INVALID, TEMPLATE_LIMIT, UNSUPPORTED; errors of the file's reader.
 */
export async function openTokenizerModel(
  path: string,
  quantize: QuantizedType | null,
): Promise<TokenizerModel> {
  const identity = identityOfModel(path);
  const hashing = hashInThread({ path, quantize });
  // Whatever is wrong with the vocabulary is said first.
  hashing.catch(() => {});
  const vocabulary = readModelVocabulary(path);
  // Each half takes up to half a second: between them other models are served.
  await setImmediate();
  const tokenizer = createTokenizer(vocabulary);
  const template = await startTemplate(vocabulary);
  try {
    const digest = await hashing;
    checkUnchanged(path, identity);
    const encoder = createEncoder(tokenizer, { modelPath: path, quantize, digest, identity });
    const close = (reason: TrimtabError): void => {
      template?.close(reason);
      encoder.close(reason);
    };
    return { digest, tokenizer, encoder, template, close };
  } catch (error) {
    template?.close(closing());
    throw error;
  }
}

/** Why a model that is not needed any more ends what it does. */
export function closing(): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", "the tokenizer is closing");
}

async function startTemplate({ chatTemplate, tokens, bosId, eosId }: Vocabulary) {
  if (chatTemplate === undefined) return undefined;
  const spelling = (id: number | undefined) => (id === undefined ? "" : (tokens[id] ?? ""));
  const options = { template: chatTemplate, bosToken: spelling(bosId), eosToken: spelling(eosId) };
  return await createChatTemplate(options);
}
