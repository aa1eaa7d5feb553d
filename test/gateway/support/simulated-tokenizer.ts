/** A simulated tokenizer of a model that calls functions: one token a byte, plus a few longer and special ones; encoding is greedy by length. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";

/** Special tokens and where they begin. */
export const IM_START = 256;
/** Ends a turn and a generation. */
export const IM_END = 257;
/** Tokens of several characters, so that stop strings can lie inside and across tokens. */
const WORDS = ["help", " with", "###", "\n\n", "ST", "OP"];
/** Tokens in all. */
export const VOCABULARY_SIZE = 258 + WORDS.length;

const WORD_BYTES = WORDS.map((word) => Buffer.from(word));

/** Ids of a text. */
export function encode(text: string): number[] {
  const bytes = Buffer.from(text);
  const ids: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const word = WORD_BYTES.findIndex((candidate) =>
      candidate.equals(bytes.subarray(at, at + candidate.length)),
    );
    ids.push(word < 0 ? (bytes[at] ?? 0) : 258 + word);
    at += word < 0 ? 1 : (WORD_BYTES[word]?.length ?? 1);
  }
  return ids;
}

/** Text of ids, specials left out. */
export function decode(ids: readonly number[]): string {
  return Buffer.concat(ids.filter((id) => id !== IM_START && id !== IM_END).map(bytesOf)).toString();
}

function bytesOf(id: number): Uint8Array {
  return id < 256 ? Uint8Array.of(id) : (WORD_BYTES[id - 258] ?? new Uint8Array(0));
}

/** The service, of one model. */
export const simulatedTokenizer: Omit<ServiceImpl<typeof TokenizerService>, "loadModel" | "unloadModel"> = {
  encode: ({ texts }) => ({ encodings: texts.map((text) => ({ ids: encode(text) })) }),
  decode: ({ ids }) => ({ text: decode(ids) }),
  renderChat({ messages, continuation, tools }) {
    const offer = { role: "tools", content: tools.map(({ name }) => name).join(" ") };
    const turns = [...(tools.length > 0 ? [offer] : []), ...messages].flatMap(({ role, content }) => [
      IM_START,
      ...encode(`${role}\n${content}`),
      IM_END,
      ...encode("\n"),
    ]);
    const more = encode(continuation);
    const ids = [...turns, IM_START, ...encode("assistant\n"), ...more];
    return { ids, text: decode(ids), prefixTokens: 0, continuationTokens: more.length };
  },
  async *getVocabulary() {
    const tokens = Array.from({ length: VOCABULARY_SIZE }, (_, id) => bytesOf(id));
    yield {
      firstId: 0,
      tokens: tokens.slice(0, 200),
      stopIds: [IM_END],
      vocabularySize: VOCABULARY_SIZE,
      toolSyntax: ToolSyntax.HERMES,
    };
    yield {
      firstId: 200,
      tokens: tokens.slice(200),
      special: { [IM_START]: "<|im_start|>", [IM_END]: "<|im_end|>" },
    };
  },
};
