/** Hashing a model in a thread of its own, for as long as that takes; a thread that never starts is given up. */
import { TrimtabError } from "#kit/errors.ts";
import { fromPlain } from "#kit/plain-error.ts";
import { DIGEST_START_MS } from "../limits.ts";
import type { DigestAnswer, DigestRequest } from "./digest.worker.ts";

/**
 * The digest of a model, see `digestOfModel`.
 * @throws TrimtabError (as a rejection) those of `digestOfModel`; SERVICE_UNAVAILABLE when the thread ends or does not start
 */
export async function hashInThread(
  request: DigestRequest,
  { program = new URL("./digest.worker.ts", import.meta.url), startMs = DIGEST_START_MS } = {},
): Promise<string> {
  const worker = new Worker(program);
  const answer = Promise.withResolvers<Exclude<DigestAnswer, { kind: "begun" }>>();
  const fail = (how: string): void =>
    answer.reject(new TrimtabError("SERVICE_UNAVAILABLE", `the thread that hashes a model ${how}`));
  const timer = setTimeout(() => fail("did not start in time"), startMs);
  worker.onmessage = ({ data }: MessageEvent<DigestAnswer>) => {
    if (data.kind === "begun") clearTimeout(timer);
    else answer.resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail("ended");
  };
  worker.postMessage(request);
  try {
    const got = await answer.promise;
    if (got.kind === "digest") return got.digest;
    throw fromPlain(got.error);
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
}
