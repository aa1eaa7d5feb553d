/** Who asks: the caller of a request, by default one of its own. */
import type { Caller as CallerMessage } from "#proto/trimtab/type/v1/caller_pb.ts";
import { MAX_CALLER_BYTES, MAX_MEMORY_WAIT_MS } from "../../limits.ts";
import type { Caller } from "../engine/protocol.ts";
import { checkBytes } from "../schema/checks.ts";

/**
 * The caller of a request.
 * @param leftMs time until the request's deadline, if it has one
 * @throws TrimtabError TOO_LARGE for long keys
 */
export function toCaller(given: CallerMessage | undefined, leftMs: number | undefined): Caller {
  const { fairnessKey = "", cacheSalt = "", bypassCache = false } = given ?? {};
  checkBytes("caller.fairness_key", fairnessKey, MAX_CALLER_BYTES);
  checkBytes("caller.cache_salt", cacheSalt, MAX_CALLER_BYTES);
  const waitMs = Math.min(leftMs ?? MAX_MEMORY_WAIT_MS, MAX_MEMORY_WAIT_MS);
  return { fairnessKey: fairnessKey || `request ${crypto.randomUUID()}`, cacheSalt, bypassCache, waitMs };
}
