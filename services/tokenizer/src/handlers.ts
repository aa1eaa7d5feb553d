/** Handlers of trimtab.tokenizer.v1: validate, call, map. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { TOKENIZER_LIMITS } from "../limits.ts";
import { bytesOfToken } from "./byte-alphabet.ts";
import type { ChatRenderer } from "./chat.ts";
import type { Encoder } from "./encoder.ts";
import { TOKEN_TYPE, type TokenizerFile } from "./model-file.ts";
import { checkIds, checkMessages, checkModel, checkText } from "./validate.ts";

/** What the handlers work with. */
export interface TokenizerParts {
  readonly file: TokenizerFile;
  readonly encoder: Encoder;
  /** Absent if the model has no chat template. */
  readonly chat: ChatRenderer | undefined;
}

/** Implements the service. */
export function createHandlers({
  file,
  encoder,
  chat,
}: TokenizerParts): ServiceImpl<typeof TokenizerService> {
  const isSpecial = (id: number): boolean => file.types[id] === TOKEN_TYPE.control;
  const bytesOf = (id: number): Uint8Array => bytesOfToken(file.tokens[id] ?? "");
  return {
    encode(request) {
      checkModel(request.modelDigest, file);
      if (request.texts.length > TOKENIZER_LIMITS.texts)
        throw new TrimtabError("TOO_LARGE", "too many texts", {
          field: "texts",
          limit: TOKENIZER_LIMITS.texts,
        });
      const begin = request.addSpecial && file.addBegin && file.beginId !== null ? [file.beginId] : [];
      return {
        encodings: request.texts.map((text, index) => {
          checkText(text, `texts[${index}]`);
          return { ids: [...begin, ...encoder.encode(text, request.parseSpecial)] };
        }),
      };
    },
    decode(request) {
      checkModel(request.modelDigest, file);
      checkIds(request.ids, file);
      const parts = request.ids
        .filter((id) => !(request.skipSpecial && isSpecial(id)))
        .map((id) => (isSpecial(id) ? new TextEncoder().encode(file.tokens[id]) : bytesOf(id)));
      return { text: new TextDecoder().decode(Buffer.concat(parts)) };
    },
    async renderChat(request) {
      checkModel(request.modelDigest, file);
      checkMessages(request.messages);
      checkText(request.continuation, "continuation");
      if (!chat) throw new TrimtabError("TEMPLATE_INVALID", "the model has no chat template");
      const messages = request.messages.map(({ role, content }) => ({ role, content }));
      const { ids, text, prefixTokens } = await chat.render(messages, request.addGenerationPrompt);
      const continuation = encoder.encode(request.continuation, false);
      return {
        ids: [...ids, ...continuation],
        text: text + request.continuation,
        prefixTokens,
        continuationTokens: continuation.length,
      };
    },
    async *getVocabulary(request) {
      checkModel(request.modelDigest, file);
      const size = file.tokens.length;
      for (let first = 0; first < size; first += TOKENIZER_LIMITS.vocabularyChunk) {
        const end = Math.min(size, first + TOKENIZER_LIMITS.vocabularyChunk);
        const ids = Array.from({ length: end - first }, (_, i) => first + i);
        yield {
          firstId: first,
          tokens: ids.map((id) => (isSpecial(id) ? new Uint8Array() : bytesOf(id))),
          special: Object.fromEntries(ids.filter(isSpecial).map((id) => [id, file.tokens[id] ?? ""])),
          stopIds: first === 0 ? [...file.stopIds] : [],
          vocabularySize: first === 0 ? size : 0,
        };
      }
    },
  };
}
