/** The tokenizer service: text to ids and back, chat templates, vocabulary. Calls nobody. */
import type { ConnectRouter } from "@connectrpc/connect";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { createLoadedList } from "#kit/loaded-list.ts";
import { defaultModelDirectories } from "#kit/model-sources.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createHandlers } from "./src/handlers.ts";
import { readModelVocabulary } from "./src/model-vocabulary.ts";
import { createRegistry } from "./src/registry.ts";
import { type TokenizerFiles, tokenizerFiles } from "./src/tokenizer-json.ts";

/**
 * `tokenizer.json` and `tokenizer_config.json` of a model file, as JSON values.
 * @throws TrimtabError TOKENIZER_INVALID, UNSUPPORTED; errors of the GGUF reader
 */
export function readTokenizerFiles(modelPath: string): TokenizerFiles {
  return tokenizerFiles(readModelVocabulary(modelPath));
}

/** What the service is made from. */
export interface TokenizerServiceOptions {
  /** Model whose tokenizer is loaded at start (a GGUF file, a directory, an ONNX graph), or several. */
  readonly modelPath: string | readonly string[];
  /** As forward loads them: part of a model's digest. Default null. */
  readonly quantize?: QuantizedType | null;
  /** Directories LoadModel may load from; default: the model cache and the directories of `modelPath`. */
  readonly modelDirectories?: readonly string[];
  /** File that keeps which models are loaded; where it exists already, those are loaded instead of `modelPath`. */
  readonly loadedFile?: string;
}

/** The service, ready to be mounted. */
export interface TokenizerServiceRoom {
  readonly routes: (router: ConnectRouter) => void;
  /** Ends the threads; long texts under way fail with SERVICE_UNAVAILABLE. */
  close(): void;
}

/**
 * Loads the tokenizers of its models; about 0.5 s for 100 MB, most of it hashing the file.
 * @throws TrimtabError TOKENIZER_INVALID, TEMPLATE_INVALID, TEMPLATE_LIMIT, UNSUPPORTED; errors of the GGUF reader.
 */
export async function createTokenizerService(
  options: TokenizerServiceOptions,
): Promise<TokenizerServiceRoom> {
  const { modelPath, quantize = null, modelDirectories, loadedFile } = options;
  const paths = [modelPath].flat();
  const list = createLoadedList(loadedFile, "tokenizer");
  const keep = (): void => list.keep(registry.listed());
  const registry = createRegistry(modelDirectories ?? defaultModelDirectories(paths), keep);
  try {
    await list.restore(
      (model) => registry.loadFile(model.path, { quantize: model.quantize, expectedDigest: model.digest }),
      async () => {
        for (const path of paths) await registry.loadFile(path, { quantize, expectedDigest: "" });
      },
    );
    keep();
  } catch (error) {
    registry.close();
    throw error;
  }
  const handlers = createHandlers(registry);
  return {
    routes: (router) => void router.service(TokenizerService, handlers),
    close: registry.close,
  };
}
