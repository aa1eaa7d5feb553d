/** Handlers of trimtab.tokenizer.v1: validate, call, map. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { toQuantizedType } from "#kit/model-sources.ts";
import { noSyntax } from "#kit/tools.ts";
import { type ChatMessage, type Tool, ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VOCABULARY_RUN_TOKENS } from "../limits.ts";
import { renderChat } from "./chat.ts";
import type { Registry } from "./registry.ts";
import { toConversation } from "./template-conversation.ts";
import { checkConversation, checkIds, checkOne, checkTexts } from "./validate.ts";

const PLAIN = { addSpecial: false, parseSpecial: false } as const;

/** Implements the service. */
export function createHandlers(registry: Registry): ServiceImpl<typeof TokenizerService> {
  return {
    async loadModel({ source, expectedDigest, quantize }) {
      const choice = { expectedDigest, quantize: toQuantizedType(quantize) };
      const { digest } = await registry.load(source, choice);
      return { modelDigest: digest };
    },
    unloadModel({ modelDigest }) {
      registry.unload(modelDigest);
      return {};
    },
    async encode({ modelDigest, texts, addSpecial, parseSpecial }, { signal }) {
      const { encoder } = registry.get(modelDigest);
      checkTexts(texts);
      const encodings = await encoder.encode(texts, { addSpecial, parseSpecial }, signal);
      return { encodings: encodings.map((ids) => ({ ids: Array.from(ids) })) };
    },
    decode({ modelDigest, ids, skipSpecial }) {
      const { tokenizer } = registry.get(modelDigest);
      checkIds(ids, tokenizer.vocabulary.tokens.length);
      return { text: tokenizer.decode(ids, { skipSpecial }) };
    },
    async renderChat({ modelDigest, messages, addGenerationPrompt, continuation, tools }, { signal }) {
      const { tokenizer, encoder, template } = registry.get(modelDigest);
      checkConversation(messages, tools);
      checkOne("continuation", continuation);
      if (!template) {
        throw new TrimtabError("TEMPLATE_INVALID", "this model has no chat template", { field: "messages" });
      }
      if (template.toolSyntax === ToolSyntax.UNSPECIFIED) refuseTools(messages, tools);
      const chat = { tokenizer, encoder, template };
      const conversation = toConversation(messages, tools);
      const { ids, text, prefixTokens } = await renderChat(chat, conversation, addGenerationPrompt);
      const [more = []] = await encoder.encode([continuation], PLAIN, signal);
      return {
        ids: [...ids, ...Array.from(more)],
        text: text + continuation,
        prefixTokens,
        continuationTokens: more.length,
      };
    },
    async *getVocabulary({ modelDigest }) {
      const { tokenizer, template } = registry.get(modelDigest);
      const { tokens, stopIds } = tokenizer.vocabulary;
      const toolSyntax = template?.toolSyntax ?? ToolSyntax.UNSPECIFIED;
      for (let firstId = 0; firstId < tokens.length; firstId += VOCABULARY_RUN_TOKENS) {
        const run = tokens.slice(firstId, firstId + VOCABULARY_RUN_TOKENS);
        const ids = run.map((_, i) => firstId + i);
        yield {
          firstId,
          tokens: ids.map((id) => (tokenizer.isSpecial(id) ? new Uint8Array(0) : tokenizer.bytes(id))),
          special: Object.fromEntries(
            ids.filter(tokenizer.isSpecial).map((id) => [id, tokens[id] as string]),
          ),
          ...(firstId === 0 ? { stopIds: [...stopIds], vocabularySize: tokens.length, toolSyntax } : {}),
        };
      }
    },
  };
}

/** Throws UNSUPPORTED, naming the first, if a conversation has tools, calls, or what tools answered: the template would leave them out. */
function refuseTools(messages: readonly ChatMessage[], tools: readonly Tool[]): void {
  const calling = messages.findIndex(({ toolCalls }) => toolCalls.length > 0);
  if (tools.length === 0 && calling < 0) return;
  throw noSyntax(tools.length > 0 ? "tools" : `messages[${calling}].tool_calls`);
}
