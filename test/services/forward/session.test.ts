/** Sessions: many commands a message, isolation of failures, and an end that frees everything. */
import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { createPushable } from "#kit/streams.ts";
import {
  type SessionRequest,
  SessionRequestSchema,
  SessionResponseSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { failure, prompt } from "../../support/forward-engine.ts";
import {
  generateCommand,
  openCommand,
  reasonOf,
  startForwardForFile,
  tokensOf,
} from "../../support/forward-service.ts";

const forward = await startForwardForFile();

test("a session opens, forks and generates in one message; the stream's end frees all pages", async () => {
  const events = await forward.session({
    commands: [
      openCommand(1n, prompt(40)),
      { commandId: 2n, command: { case: "fork", value: { sequenceId: 1n, childIds: [2n, 3n] } } },
      ...[1n, 2n, 3n].map((id) => generateCommand(id)),
    ],
  });
  expect(events.filter(({ event }) => event.case === "finished")).toHaveLength(3);
  expect(tokensOf(events, 1n)).toHaveLength(5);
  expect(tokensOf(events, 2n)).toEqual(tokensOf(events, 1n));
  expect(await forward.usedPages()).toBe(0);
});

test("opens of one message share what they begin with, and one bad command fails alone", async () => {
  const template = prompt(64, 2);
  const events = await forward.session({
    commands: [
      openCommand(1n, [...template, 10, 11, 12]),
      openCommand(2n, [...template, 20, 21, 22]),
      generateCommand(9n),
    ],
  });
  const opened = events.flatMap(({ event }) => (event.case === "opened" ? [event.value] : []));
  expect(opened.map(({ prefilledTokens }) => prefilledTokens).sort()).toEqual([2, 66]);
  expect(events.find(({ event }) => event.case === "failed")?.event.value).toMatchObject({
    reason: "SEQUENCE_NOT_FOUND",
  });
});

test("F7 a client that leaves in the middle of a generation frees its pages", async () => {
  const abort = new AbortController();
  const requests = createPushable<SessionRequest>();
  const commands = [openCommand(1n, prompt(40)), generateCommand(1n, { maxTokens: 0 })];
  requests.push(create(SessionRequestSchema, { modelDigest: forward.modelDigest, commands }));
  await failure(
    (async () => {
      for await (const { events } of forward.client.session(requests, { signal: abort.signal })) {
        if (events.some(({ event }) => event.case === "tokens")) abort.abort();
      }
    })(),
  );
  expect(await forward.usedPages()).toBe(0);
});

test("a session must name its model, and stay with it", async () => {
  const requests = createPushable<SessionRequest>();
  requests.push(create(SessionRequestSchema, { commands: [openCommand(1n, prompt(4))] }));
  const unnamed = async () => {
    for await (const message of forward.client.session(requests)) expect(message.events).toEqual([]);
  };
  expect(await reasonOf(unnamed())).toBe("FIELD_REQUIRED");
  const message = { commands: [openCommand(1n, prompt(4))] };
  expect(await reasonOf(forward.session(message, { modelDigest: "0".repeat(64) }))).toBe("MODEL_MISMATCH");
});

test("F9 every message stays below 16 KiB however many activations it carries", async () => {
  const requests = createPushable<SessionRequest>();
  const tap = { site: 1, positions: 2 };
  const commands = [openCommand(1n, prompt(300), { taps: [tap] })];
  requests.push(create(SessionRequestSchema, { modelDigest: forward.modelDigest, commands }));
  let rows = 0;
  for await (const message of forward.client.session(requests)) {
    expect(toBinary(SessionResponseSchema, message).length).toBeLessThan(16_384);
    for (const { event } of message.events) {
      if (event.case === "activation") rows += event.value.values?.shape[0] ?? 0;
      else requests.end();
    }
  }
  expect(rows).toBe(4 * 300);
});
