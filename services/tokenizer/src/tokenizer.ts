/** Text ↔ ids for one vocabulary. Pure: no files, no workers. */
import { TOKEN_TYPE, tokenBytes } from "#kit/token-bytes.ts";
import { createByteLevelEncoder } from "./byte-level.ts";
import { createSentencePieceEncoder } from "./sentence-piece.ts";
import { createSpecialTokens, type TextPart } from "./special-tokens.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How to read a text. */
export interface EncodeOptions {
  /** Add what the model expects at the start and end. */
  readonly addSpecial: boolean;
  /** Read spellings of control tokens as such. */
  readonly parseSpecial: boolean;
}

/** A rendered conversation with its untrusted parts guarded. */
export interface GuardedText {
  readonly text: string;
  readonly mark: string;
  /** Up to here (UTF-16 offset) the text is shared with other conversations. */
  readonly sharedUntil: number;
}

/** Ids of a rendered conversation. */
export interface GuardedEncoding {
  readonly ids: number[];
  /** Leading ids that depend on the shared part only: merging never crosses a special token. */
  readonly sharedIds: number;
}

/** Tokenizer of one vocabulary. */
export interface Tokenizer {
  readonly vocabulary: Vocabulary;
  /** Token ids of a text. */
  encode(text: string, options: EncodeOptions): number[];
  /** `text` with `mark` inside every spelling of a control token, for {@link Tokenizer.encodeGuarded}. */
  guard(text: string, mark: string): string;
  /** Ids of a text whose untrusted parts went through `guard`: control tokens are read except there. */
  encodeGuarded(guarded: GuardedText): GuardedEncoding;
  /** Text of ids; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options: { skipSpecial: boolean }): string;
  /** Whether an id is no text: control tokens and the unknown token. */
  isSpecial(id: number): boolean;
  /** Bytes of a token; of a special one, those of its spelling. */
  bytes(id: number): Uint8Array;
}

const SPACE = 0x20;

/** Makes a tokenizer. @throws TrimtabError TOKENIZER_INVALID. */
export function createTokenizer(vocabulary: Vocabulary): Tokenizer {
  const { kind, types, tokens, addSpacePrefix, bosId } = vocabulary;
  const special = createSpecialTokens(vocabulary);
  const encodeText =
    kind === "bpe" ? createByteLevelEncoder(vocabulary) : createSentencePieceEncoder(vocabulary);
  const isSpecial = (id: number) => types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown;
  const bytes = (id: number): Uint8Array =>
    tokenBytes(kind, tokens[id] ?? "", types[id] ?? TOKEN_TYPE.unused);
  const encodeParts = (parts: readonly TextPart[], ids: number[], isStart = true): void => {
    let isAfterSpecial = isStart;
    for (const part of parts) {
      if ("id" in part) ids.push(part.id);
      else encodeText(addSpacePrefix && isAfterSpecial ? ` ${part.text}` : part.text, ids);
      isAfterSpecial = "id" in part;
    }
  };
  return {
    ...{ vocabulary, isSpecial, bytes, guard: special.guard },
    encode(text, { addSpecial, parseSpecial }) {
      const ids: number[] = [];
      if (addSpecial && vocabulary.addBos) ids.push(vocabulary.bosId as number);
      encodeParts(special.split(text, parseSpecial), ids);
      if (addSpecial && vocabulary.addEos) ids.push(vocabulary.eosId as number);
      return ids;
    },
    encodeGuarded({ text, mark, sharedUntil }) {
      const ids: number[] = [];
      let sharedIds = 0;
      let isStart = true;
      for (const part of special.split(text, true)) {
        if ("id" in part) {
          ids.push(part.id);
          if (part.end <= sharedUntil) sharedIds = ids.length;
        } else if (part.text.includes(mark)) {
          encodeParts(special.split(part.text.replaceAll(mark, ""), false), ids, isStart);
        } else encodeParts([part], ids, isStart);
        isStart = "id" in part;
      }
      return { ids, sharedIds };
    },
    decode(ids, { skipSpecial }) {
      const shown = skipSpecial ? ids.filter((id) => !isSpecial(id)) : ids;
      const parts = shown.map(bytes);
      const first = skipSpecial ? 0 : shown.findIndex((id) => id !== bosId);
      const start = parts[first];
      if (addSpacePrefix && start?.[0] === SPACE) parts[first] = start.subarray(1);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(parts));
    },
  };
}
