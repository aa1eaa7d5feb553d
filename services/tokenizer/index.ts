/**
 * The tokenizer service: text to ids and back, chat templates, vocabulary. Calls nobody.
 */
import type { ConnectRouter } from "@connectrpc/connect";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createChatRenderer } from "./src/chat.ts";
import { createEncoder } from "./src/encoder.ts";
import { createHandlers } from "./src/handlers.ts";
import { readTokenizerFile } from "./src/model-file.ts";
import { createTemplateRunner } from "./src/template-runner.ts";

/** What the service is made from. */
export interface TokenizerServiceOptions {
  /** GGUF file whose tokenizer is served. */
  readonly modelPath: string;
}

/** The service, ready to be mounted. */
export interface TokenizerServiceHandle {
  readonly routes: (router: ConnectRouter) => void;
  close(): void;
}

/**
 * Loads the tokenizer of a model file (SmolLM2: ~0.2 s, most of it hashing the file).
 * @throws TrimtabError TOKENIZER_INVALID, TEMPLATE_LIMIT and the errors of reading a GGUF file.
 */
export async function createTokenizerService(
  options: TokenizerServiceOptions,
): Promise<TokenizerServiceHandle> {
  const file = await readTokenizerFile(options.modelPath);
  const encoder = createEncoder(file);
  const spelling = (id: number | null): string => (id === null ? "" : (file.tokens[id] ?? ""));
  const runner =
    file.chatTemplate === null
      ? undefined
      : createTemplateRunner(file.chatTemplate, spelling(file.beginId), spelling(file.endId));
  const chat = runner && createChatRenderer(file, encoder, runner);
  const handlers = createHandlers({ file, encoder, chat });
  return {
    routes: (router) => {
      router.service(TokenizerService, handlers);
    },
    close: () => runner?.close(),
  };
}
