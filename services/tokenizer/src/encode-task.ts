/** One text to encode, the same here and in the thread for long texts. */
import type { EncodeOptions, GuardedText, Tokenizer } from "./tokenizer.ts";

/** A text to encode. */
export type EncodeTask = GuardedText | { readonly text: string; readonly options: EncodeOptions };

/** Its ids; `sharedIds` is 0 unless the text is a guarded one. */
export interface EncodeResult {
  readonly ids: ArrayLike<number>;
  readonly sharedIds: number;
}

/** Encodes one text. */
export function runEncodeTask(tokenizer: Tokenizer, task: EncodeTask): EncodeResult {
  if ("mark" in task) return tokenizer.encodeGuarded(task);
  return { ids: tokenizer.encode(task.text, task.options), sharedIds: 0 };
}
