/** Bytes of a model file's tokens, for matching grammars. Cost: some tens of milliseconds for 50k tokens, in a thread. */
import { TrimtabError } from "#kit/errors.ts";
import { ggufNumbers, ggufText, ggufTexts } from "#kit/gguf-values.ts";
import { checkServed } from "#kit/model-identity.ts";
import { readStopIds } from "#kit/stop-ids.ts";
import { TOKEN_TYPE, tokenBytes } from "#kit/token-bytes.ts";
import { CALL_MARKS } from "#kit/tools.ts";
import { openModel } from "../model/model-file.ts";
import type { TokenSource } from "./messages.ts";

/** Tokens of a vocabulary. */
export interface GrammarVocabulary {
  /** Bytes by id; none for tokens that are no text (control, unknown, unused), unless they mark calls. */
  readonly tokens: readonly Uint8Array[];
  readonly stopIds: readonly number[];
}

const KEY = "tokenizer.ggml";
const NOTHING = new Uint8Array(0);

/**
 * Reads them.
 * @throws TrimtabError BACKEND_CAPABILITY for files without a vocabulary of that size, and those of the reader
 */
export function readGrammarVocabulary({ vocabulary, ...model }: TokenSource): GrammarVocabulary {
  const file = openModel(model.modelPath);
  try {
    checkServed(model);
    const { metadata } = file.header;
    const kind = ggufText(metadata, `${KEY}.model`) === "llama" ? "spm" : "bpe";
    const spellings = ggufTexts(metadata, `${KEY}.tokens`) ?? [];
    if (spellings.length !== vocabulary) {
      const message = `a constraint needs the vocabulary; the model file names ${spellings.length} of ${vocabulary} tokens`;
      throw new TrimtabError("BACKEND_CAPABILITY", message, { field: "constraint" });
    }
    const types = ggufNumbers(metadata, `${KEY}.token_type`);
    const stopIds = readStopIds(metadata, vocabulary);
    const isText = (id: number, type: number) =>
      type !== TOKEN_TYPE.control && type !== TOKEN_TYPE.unknown && !stopIds.includes(id);
    const tokens = spellings.map((spelling, id) => {
      const type = Number(types?.[id] ?? TOKEN_TYPE.normal);
      if (CALL_MARKS.has(spelling)) return Buffer.from(spelling);
      return isText(id, type) ? tokenBytes(kind, spelling, type) : NOTHING;
    });
    return { tokens, stopIds };
  } finally {
    file.close();
  }
}
