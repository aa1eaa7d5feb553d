/** How many and how large the parts of a request may be: each error names the field and the limit. */
import { type Reason, TrimtabError } from "./errors.ts";

/** Throws INVALID_ARGUMENT unless the text can be written as UTF-8 without loss. */
export function checkText(field: string, text: string): void {
  if (text.isWellFormed()) return;
  throw new TrimtabError("INVALID_ARGUMENT", `${field} holds half of a surrogate pair`, { field });
}

/** Checks that throw for `reason` what is over its limit. */
export function sizeChecks(reason: Reason) {
  return {
    /** Throws if there are more than `limit` items. */
    checkCount(field: string, count: number, limit: number, what = "entries"): void {
      if (count <= limit) return;
      const message = `${field} has ${count} ${what}; at most ${limit} are allowed`;
      throw new TrimtabError(reason, message, { field, limit });
    },
    /** Throws if the texts have more than `limit` bytes of UTF-8 together. */
    checkBytes(field: string, texts: string | readonly string[], limit: number): void {
      const bytes = [texts].flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      if (bytes <= limit) return;
      const message = `${field} has ${bytes} bytes; at most ${limit} are allowed`;
      throw new TrimtabError(reason, message, { field, limit: `${limit} bytes` });
    },
  };
}
