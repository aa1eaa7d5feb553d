/** Handlers of trimtab.tokenizer.v1: validate, call, map. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VOCABULARY_RUN_TOKENS } from "../limits.ts";
import { renderChat } from "./chat.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { Encoder } from "./encoder.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { checkIds, checkMessages, checkModel, checkText, checkTexts } from "./validate.ts";

/** What the handlers work with. */
export interface TokenizerParts {
  /** Of the model, see `digestOfModel`. */
  readonly digest: string;
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
  /** Undefined if the model has none. */
  readonly template: ChatTemplate | undefined;
}

const PLAIN = { addSpecial: false, parseSpecial: false } as const;

/** Implements the service. */
export function createHandlers(parts: TokenizerParts): ServiceImpl<typeof TokenizerService> {
  const { digest, tokenizer, encoder, template } = parts;
  return {
    async encode({ modelDigest, texts, addSpecial, parseSpecial }, { signal }) {
      checkModel(modelDigest, digest);
      checkTexts(texts);
      const encodings = await encoder.encode(texts, { addSpecial, parseSpecial }, signal);
      return { encodings: encodings.map((ids) => ({ ids: Array.from(ids) })) };
    },
    decode({ modelDigest, ids, skipSpecial }) {
      checkModel(modelDigest, digest);
      checkIds(ids, tokenizer.vocabulary.tokens.length);
      return { text: tokenizer.decode(ids, { skipSpecial }) };
    },
    async renderChat({ modelDigest, messages, addGenerationPrompt, continuation }, { signal }) {
      checkModel(modelDigest, digest);
      checkMessages(messages);
      checkText(continuation, "continuation");
      if (!template) {
        throw new TrimtabError("TEMPLATE_INVALID", "this model has no chat template", { field: "messages" });
      }
      const plain = messages.map(({ role, content }) => ({ role, content }));
      const chat = { tokenizer, encoder, template };
      const { ids, text, prefixTokens } = await renderChat(chat, plain, addGenerationPrompt);
      const [more = []] = await encoder.encode([continuation], PLAIN, signal);
      return {
        ids: [...ids, ...Array.from(more)],
        text: text + continuation,
        prefixTokens,
        continuationTokens: more.length,
      };
    },
    async *getVocabulary({ modelDigest }) {
      checkModel(modelDigest, digest);
      const { tokens, stopIds } = tokenizer.vocabulary;
      for (let firstId = 0; firstId < tokens.length; firstId += VOCABULARY_RUN_TOKENS) {
        const run = tokens.slice(firstId, firstId + VOCABULARY_RUN_TOKENS);
        const ids = run.map((_, i) => firstId + i);
        yield {
          firstId,
          tokens: ids.map((id) => (tokenizer.isSpecial(id) ? new Uint8Array(0) : tokenizer.bytes(id))),
          special: Object.fromEntries(
            ids.filter(tokenizer.isSpecial).map((id) => [id, tokens[id] as string]),
          ),
          ...(firstId === 0 ? { stopIds: [...stopIds], vocabularySize: tokens.length } : {}),
        };
      }
    },
  };
}
