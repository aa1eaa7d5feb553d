/** A forward that takes a session and then says nothing: who waits for answers gives up, and the call is over. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { createPushable } from "#kit/streams.ts";
import { type SessionRequest, SessionRequestSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { sessionResponses } from "../../../services/steering/src/work/session-responses.ts";
import { simulate } from "./support/simulated-services.ts";

const LONG_MS = 60_000;
const request = (sequenceId: bigint) =>
  create(SessionRequestSchema, {
    commands: [{ commandId: sequenceId, command: { case: "generate", value: { sequenceId, maxTokens: 4 } } }],
  });

async function read(timeoutMs: number, signal = new AbortController().signal, requests = [request(1n)]) {
  const { clients } = simulate();
  // Never ended: forward waits for more, and says nothing.
  const queue = createPushable<SessionRequest>();
  for (const each of requests) queue.push(each);
  let messages = 0;
  try {
    for await (const _ of sessionResponses(clients, queue, { signal, timeoutMs })) messages++;
    return { messages, reason: "ended" };
  } catch (error) {
    return { messages, reason: fromConnectError(error).reason };
  } finally {
    expect(queue.push(request(9n))).toBe(false);
  }
}

test("silence for longer than the limit ends the session with a typed error, after all that was said", async () => {
  expect(await read(1_000)).toEqual({ messages: 2, reason: "SERVICE_UNAVAILABLE" });
});

test("a build that is cancelled does not wait for the limit", async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  expect(await read(LONG_MS, abort.signal)).toMatchObject({ messages: 2 });
});

test("the limit is for silence, not for the whole session", async () => {
  const { clients } = simulate();
  const queue = createPushable<SessionRequest>();
  const timer = setInterval(() => queue.push(request(1n)), 100);
  setTimeout(() => (clearInterval(timer), queue.end()), 3_000);
  let messages = 0;
  const signal = new AbortController().signal;
  for await (const _ of sessionResponses(clients, queue, { signal, timeoutMs: 1_500 })) messages++;
  expect(messages).toBeGreaterThan(6);
});
