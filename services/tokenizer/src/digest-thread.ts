/** Hashing a model in a thread of its own, for as long as that takes; a thread that never starts is given up. */
import { runInThread } from "#kit/job-thread.ts";
import { DIGEST_START_MS } from "../limits.ts";
import type { DigestRequest } from "./digest.worker.ts";

/**
 * The digest of a model, see `digestOfModel`.
 * @throws TrimtabError (as a rejection) those of `digestOfModel` and of `runInThread`
 */
export function hashInThread(
  request: DigestRequest,
  { program = new URL("./digest.worker.ts", import.meta.url), startMs = DIGEST_START_MS } = {},
): Promise<string> {
  return runInThread(program, request, { what: "hashes a model", startMs });
}
