/** The forward service through its schema: sessions, leases, scoring, capture, programs; what ends frees its pages. */
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createPushable } from "#kit/streams.ts";
import {
  type Event,
  ForwardService,
  type SessionRequest,
  SessionRequestSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { OperationKind, Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import type { RunningForwardService } from "../../../services/forward/index.ts";
import { createForwardService } from "../../../services/forward/index.ts";
import { failure, prompt } from "../../support/forward-engine.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

let service: RunningForwardService;
let modelDigest = "";
const greedy = { temperature: 0 };
const client = () =>
  createClient(
    ForwardService,
    createRouterTransport(service.routes, { router: { interceptors: serverInterceptors() } }),
  );
const usedPages = async () => {
  const { model } = await client().getModel({});
  return (model?.kvMemory?.pages ?? 0) - (model?.kvMemory?.freePages ?? 0);
};
const reason = async (promise: Promise<unknown>) => fromConnectError(await failure(promise)).reason;

beforeAll(async () => {
  service = await createForwardService({
    modelPath: await writeSyntheticModel(),
    threads: 1,
    contextTokens: 512,
  });
  modelDigest = service.models()[0]?.digest ?? "";
});
afterAll(() => service.close());

/** Sends messages, collects events until as many commands are answered. */
async function session(
  ...messages: Parameters<typeof create<typeof SessionRequestSchema>>[1][]
): Promise<Event[]> {
  const requests = createPushable<SessionRequest>();
  const commands = messages.flatMap((message) => message?.commands ?? []).length;
  for (const message of messages) requests.push(create(SessionRequestSchema, { modelDigest, ...message }));
  const events: Event[] = [];
  const streaming = new Set(["tokens", "activation", "parked"]);
  for await (const message of client().session(requests)) {
    events.push(...message.events);
    if (events.filter(({ event }) => !streaming.has(event.case ?? "")).length === commands) requests.end();
  }
  return events;
}

const openCommand = (sequenceId: bigint, ids: number[], extra = {}) => ({
  commandId: 100n + sequenceId,
  command: { case: "open" as const, value: { sequenceId, ids, ...extra } },
});
const generateCommand = (sequenceId: bigint, extra = {}) => ({
  commandId: 200n + sequenceId,
  command: { case: "generate" as const, value: { sequenceId, maxTokens: 5, sampling: greedy, ...extra } },
});
const tokensOf = (events: Event[], id: bigint) =>
  events.flatMap(({ sequenceId, event }) =>
    sequenceId === id && event.case === "tokens" ? event.value.tokens.map((token) => token.id) : [],
  );

test("a session opens, forks and generates in one message; the stream's end frees all pages", async () => {
  const events = await session({
    commands: [
      openCommand(1n, prompt(40)),
      { commandId: 2n, command: { case: "fork", value: { sequenceId: 1n, childIds: [2n, 3n] } } },
      ...[1n, 2n, 3n].map((id) => generateCommand(id, { ignoreModelStop: true })),
    ],
  });
  expect(events.filter(({ event }) => event.case === "finished")).toHaveLength(3);
  expect(tokensOf(events, 1n)).toHaveLength(5);
  expect(tokensOf(events, 2n)).toEqual(tokensOf(events, 1n));
  expect(await usedPages()).toBe(0);
});

test("opens of one message share what they begin with, and one bad command fails alone", async () => {
  const template = prompt(64, 2);
  const events = await session({
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

test("a client that leaves in the middle of a generation frees its pages", async () => {
  const abort = new AbortController();
  const requests = createPushable<SessionRequest>();
  const commands = [
    openCommand(1n, prompt(40)),
    generateCommand(1n, { maxTokens: 0, ignoreModelStop: true }),
  ];
  requests.push(create(SessionRequestSchema, { modelDigest, commands }));
  await failure(
    (async () => {
      for await (const { events } of client().session(requests, { signal: abort.signal })) {
        if (events.some(({ event }) => event.case === "tokens")) abort.abort();
      }
    })(),
  );
  expect(await usedPages()).toBe(0);
});

test("a leased sequence generates, forks, truncates, renews and is released by name", async () => {
  const forward = client();
  const { sequence, activations } = await forward.open({
    modelDigest,
    open: {
      ids: prompt(30),
      taps: [{ site: Site.RESIDUAL, layers: [2], pooling: Pooling.MEAN, positions: TapPositions.RANGE }],
    },
  });
  expect(activations[0]?.values?.shape).toEqual([1, 64]);
  const run = async (name: string) => {
    const ids: number[] = [];
    const generate = { maxTokens: 4, sampling: greedy, ignoreModelStop: true };
    for await (const { event } of forward.generate({ modelDigest, sequence: name, generate })) {
      if (event.case === "tokens") ids.push(...event.value.tokens.map(({ id }) => id));
    }
    return ids;
  };
  const { sequences } = await forward.fork({ modelDigest, sequence, children: 2 });
  const first = await run(sequence);
  await forward.truncate({ modelDigest, sequence, tokens: 30 });
  expect([await run(sequence), await run(sequences[0] ?? "")]).toEqual([first, first]);
  await forward.renew({ modelDigest, sequences: [sequence], leaseMs: 5000 });
  await forward.release({ modelDigest, sequences: [sequence, ...sequences] });
  expect(await reason(forward.stop({ modelDigest, sequences: [sequence] }))).toBe("SEQUENCE_NOT_FOUND");
  expect(await usedPages()).toBe(0);
});

test("refusals are typed: digest, program, coefficients, layer, dtype", async () => {
  const forward = client();
  const open = { ids: prompt(8) };
  expect(await reason(forward.open({ open }))).toBe("FIELD_REQUIRED");
  expect(await reason(forward.open({ modelDigest: "00", open }))).toBe("MODEL_NOT_LOADED");
  expect(
    await reason(forward.open({ modelDigest, open: { ...open, program: { programDigest: "x" } } })),
  ).toBe("PROGRAM_NOT_FOUND");
  const operation = { site: Site.RESIDUAL, layer: 1, kind: OperationKind.ADD };
  expect(await reason(forward.putProgram({ program: { modelDigest, operations: [operation] } }))).toBe(
    "SHAPE_MISMATCH",
  );
  const vectors = { dataType: 1, shape: [1, 64], data: new Uint8Array(256) };
  const { programDigest } = await forward.putProgram({
    program: { modelDigest, operations: [{ ...operation, vectors }] },
  });
  const bound = (coefficients: number[]) =>
    reason(forward.open({ modelDigest, open: { ...open, program: { programDigest, coefficients } } }));
  expect([await bound([Number.NaN]), await bound([1, 2])]).toEqual(["NON_FINITE", "SHAPE_MISMATCH"]);
  const tap = { site: Site.RESIDUAL, layers: [4] };
  expect(await reason(forward.open({ modelDigest, open: { ...open, taps: [tap] } }))).toBe(
    "FIELD_OUT_OF_RANGE",
  );
});
