/** The terms a request is served on: whose share it counts for, how important it is, how it may steer. */
import type { KeyGate } from "#kit/auth.ts";
import { TrimtabError } from "#kit/errors.ts";
import type { KeyShare } from "./admission/key-shares.ts";
import { BANDS, type Band } from "./admission/waiting-line.ts";
import type { Caller } from "./clients.ts";

/** Terms of one request. */
export interface Terms {
  /** Whose share it counts for: a digest, never the key. */
  readonly key: string;
  readonly band: Band;
  readonly share: KeyShare;
  /** Recipes and directions it may name; absent: all. */
  readonly steering?: readonly string[] | undefined;
  /** Largest magnitude of a scale, and largest relative dose, it may ask for; absent: the API's. */
  readonly steeringScale?: number | undefined;
  readonly steeringDose?: number | undefined;
}

const HEADER = "x-priority";

/**
 * Reads the terms from the headers of a request: its key, and `X-Priority` (`high`, `normal`, `low`) up to what the key may.
 * The function throws UNAUTHENTICATED, INVALID_ARGUMENT.
 */
export function createTerms(
  gate: KeyGate,
  callerOf: (headers: Headers) => Caller,
): (headers: Headers) => Terms {
  return (headers) => {
    const { priority, tokensPerSecond, concurrent, steering, steeringScale, steeringDose } =
      gate.check(headers);
    const key = callerOf(headers).fairnessKey ?? "";
    const asked = headers.get(HEADER) ?? "normal";
    if (!isBand(asked)) {
      const limit = BANDS.join(", ");
      throw new TrimtabError("INVALID_ARGUMENT", `a priority is one of ${limit}`, { field: HEADER, limit });
    }
    const band = BANDS[Math.max(BANDS.indexOf(asked), BANDS.indexOf(priority))] ?? "low";
    return { key, band, share: { tokensPerSecond, concurrent }, steering, steeringScale, steeringDose };
  };
}

const isBand = (text: string): text is Band => (BANDS as readonly string[]).includes(text);
