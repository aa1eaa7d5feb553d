/** The tokenizer service: text to ids and back, chat templates, vocabulary. Calls nobody. */
import type { ConnectRouter } from "@connectrpc/connect";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createChatTemplate } from "./src/chat-template.ts";
import { createEncoder } from "./src/encoder.ts";
import { createHandlers } from "./src/handlers.ts";
import { readModelVocabulary } from "./src/model-vocabulary.ts";
import { type TokenizerFiles, tokenizerFiles } from "./src/tokenizer-json.ts";
import { createTokenizer } from "./src/tokenizer.ts";

/**
 * `tokenizer.json` and `tokenizer_config.json` of a model file, as JSON values.
 * @throws TrimtabError TOKENIZER_INVALID, UNSUPPORTED; errors of the GGUF reader
 */
export function readTokenizerFiles(modelPath: string): TokenizerFiles {
  return tokenizerFiles(readModelVocabulary(modelPath));
}

/** What the service is made from. */
export interface TokenizerServiceOptions {
  /** GGUF file or directory whose tokenizer and chat template are served. */
  readonly modelPath: string;
  /** As forward loads it: part of the model's digest. Default null. */
  readonly quantize?: QuantizedType | null;
}

/** The service, ready to be mounted. */
export interface TokenizerServiceRoom {
  readonly routes: (router: ConnectRouter) => void;
  /** Ends the threads; long texts under way fail with SERVICE_UNAVAILABLE. */
  close(): void;
}

/**
 * Loads the tokenizer of a model file; about 0.5 s for 100 MB, most of it hashing the file.
 * @throws TrimtabError TOKENIZER_INVALID, TEMPLATE_INVALID, TEMPLATE_LIMIT, UNSUPPORTED; errors of the GGUF reader.
 */
export async function createTokenizerService(
  options: TokenizerServiceOptions,
): Promise<TokenizerServiceRoom> {
  const { modelPath, quantize = null } = options;
  const vocabulary = readModelVocabulary(modelPath);
  const tokenizer = createTokenizer(vocabulary);
  const digest = digestOfModel(modelPath, quantize);
  const spelling = (id: number | undefined) => (id === undefined ? "" : (vocabulary.tokens[id] ?? ""));
  const { chatTemplate, bosId, eosId } = vocabulary;
  const template =
    chatTemplate === undefined
      ? undefined
      : await createChatTemplate({
          template: chatTemplate,
          bosToken: spelling(bosId),
          eosToken: spelling(eosId),
        });
  const encoder = createEncoder(tokenizer, modelPath);
  const handlers = createHandlers({ digest, tokenizer, encoder, template });
  return {
    routes: (router) => void router.service(TokenizerService, handlers),
    close() {
      template?.close();
      encoder.close();
    },
  };
}
