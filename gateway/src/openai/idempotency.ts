/**
 * `Idempotency-Key`: requests of one caller under one key are executed once. A repetition waits for the first and is given
 * its answer; another body under a key that was used is a conflict. Failures and streams are not kept. In memory; keys and the size of
 * their answers are bounded, of too many the oldest is forgotten.
 */
import { TrimtabError } from "#kit/errors.ts";
import { LIMITS } from "../limits.ts";

/** Executes each key once. */
export interface IdempotentRequests {
  /**
   * The answer of `execute`, as JSON, or of the request before it under the same key. `headers` carry key and caller, `body` is
   * compared. Throws CONFLICT for another body, INVALID_ARGUMENT for a malformed key, and what `execute` throws.
   */
  once(headers: Headers, body: object, execute: () => Promise<object>): Promise<string>;
}

interface Entry {
  readonly at: number;
  readonly bodyDigest: string;
  readonly answer: Promise<string>;
  /** Characters of the answer; 0 while it is made. */
  chars: number;
}

const HEADER = "idempotency-key";
const KEY = /^[\x21-\x7e]{1,255}$/;

/** The key of a request, or undefined. Throws INVALID_ARGUMENT for a malformed one. */
export function idempotencyKey(headers: Headers): string | undefined {
  const key = headers.get(HEADER) ?? undefined;
  if (key === undefined || KEY.test(key)) return key;
  throw new TrimtabError("INVALID_ARGUMENT", "an idempotency key has 1 to 255 printable characters", {
    field: HEADER,
  });
}

/** Creates an empty memory; `now` in milliseconds. */
export function createIdempotentRequests(now = () => performance.now()): IdempotentRequests {
  const entries = new Map<string, Entry>();
  const forget = (name: string, entry: Entry): void => {
    if (entries.get(name) === entry) entries.delete(name);
  };
  /** Leaves at most so many, and none whose time is over. In order of arrival: the first is the oldest. */
  const forgetOldest = (most: number): void => {
    for (const [name, { at }] of entries) {
      if (entries.size <= most && now() - at < LIMITS.idempotencyMs) return;
      entries.delete(name);
    }
  };
  const keep = (entry: Entry, { length }: string): void => {
    entry.chars = length;
    let kept = [...entries.values()].reduce((sum, { chars }) => sum + chars, 0);
    for (const [name, { chars }] of entries) {
      if (kept <= LIMITS.idempotencyChars) return;
      if (chars === 0) continue;
      entries.delete(name);
      kept -= chars;
    }
  };
  return {
    async once(headers, body, execute) {
      const key = idempotencyKey(headers);
      const run = async (): Promise<string> => JSON.stringify(await execute());
      if (key === undefined) return await run();
      const name = digestOf([headers.get("authorization"), key]);
      const bodyDigest = digestOf(body);
      for (;;) {
        forgetOldest(LIMITS.idempotencyKeys);
        const known = entries.get(name);
        if (!known) break;
        if (known.bodyDigest !== bodyDigest) {
          throw new TrimtabError("CONFLICT", "this idempotency key was used for another body", {
            field: HEADER,
          });
        }
        // One that failed, perhaps because its client left, says nothing of this request.
        const answer = await known.answer.catch(() => undefined);
        if (answer !== undefined) return answer;
      }
      forgetOldest(LIMITS.idempotencyKeys - 1);
      const entry: Entry = { bodyDigest, answer: run(), at: now(), chars: 0 };
      entries.set(name, entry);
      entry.answer.then((answer) => keep(entry, answer)).catch(() => forget(name, entry));
      return await entry.answer;
    },
  };
}

const digestOf = (value: unknown): string =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify(value)).digest("hex");
