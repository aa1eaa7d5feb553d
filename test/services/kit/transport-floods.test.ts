/**
 * HTTP/2 connections that mean harm, frame by frame: whatever one of them does, calls on another are answered meanwhile, and
 * those that only sit there are closed (rows T9-T12). The floods themselves are Bun's to stop: these tests hold its version to it.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { serverInterceptors } from "#kit/interceptors.ts";
import { createGrpcListener, type Listener } from "#kit/listeners.ts";
import { RPC_LIMITS } from "#kit/limits.ts";
import { EncodeRequestSchema } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, type Echo } from "./echo.ts";
import {
  CALL_HEAD,
  callOn,
  envelope,
  FRAME,
  frame,
  headerBlock,
  openBare,
  openSession,
  rawCall,
} from "./raw-grpc.ts";

const HEAD = { ":scheme": "http", ...CALL_HEAD };
const STREAM_PATH = "/trimtab.tokenizer.v1.TokenizerService/GetVocabulary";
const END_HEADERS = 4;
const hello = envelope(toBinary(EncodeRequestSchema, create(EncodeRequestSchema, { texts: ["hello"] })));
const sizeRequest = (bytes: number) => {
  const digits = Buffer.from(String(bytes));
  return envelope(Buffer.concat([Buffer.from([0x0a, digits.length]), digits]));
};
const IDLE_MS = 200;
let echo: Echo;
let listener: Listener;
/** Closes connections that do nothing: on a machine that is taken a flood keeps an honest one waiting for longer than that. */
let impatient: Listener;

beforeAll(async () => {
  echo = createEcho();
  const options = { routes: echo.routes, interceptors: serverInterceptors() };
  listener = await createGrpcListener(options);
  impatient = await createGrpcListener({ ...options, sessionIdleMs: IDLE_MS });
});
afterAll(() => Promise.all([listener, impatient].map((one) => one.close({ graceMs: 0 }))));

const streams = (count: number, of: (id: number) => Buffer[]): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => of(2 * i + 1)).flat());
const open = (id: number) => frame(FRAME.headers, END_HEADERS, id, headerBlock(HEAD));
const [CANCEL, NO_WINDOW] = [Buffer.from([0, 0, 0, 8]), Buffer.from([0, 0, 0, 0])];

test.each([
  ["opened and reset streams", () => streams(3_000, (id) => [open(id), frame(FRAME.reset, 0, id, CANCEL)])],
  [
    "streams the server must reset itself",
    () => streams(3_000, (id) => [open(id), frame(FRAME.window, 0, id, NO_WINDOW)]),
  ],
  [
    "headers that never end",
    () =>
      Buffer.concat([
        frame(FRAME.headers, 0, 1, headerBlock(HEAD)),
        ...Array.from({ length: 1_000 }, (_, i) =>
          frame(FRAME.continuation, 0, 1, headerBlock({ [`x-${i}`]: "v".repeat(100) })),
        ),
      ]),
  ],
  [
    "pings nobody reads the answers of",
    () => Buffer.concat(new Array(100_000).fill(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))),
  ],
  [
    "settings nobody reads the answers of",
    () => Buffer.concat(new Array(100_000).fill(frame(FRAME.settings, 0, 0))),
  ],
])("T9 %s disturb nobody else", async (_name, flood) => {
  const bare = await openBare(listener.port);
  if (_name.includes("nobody reads")) bare.socket.pause();
  bare.socket.write(flood());
  for (let i = 0; i < 5; i++) expect((await rawCall(listener.port, hello)).grpc).toBe(0);
  bare.socket.destroy();
  expect((await rawCall(listener.port, hello)).grpc).toBe(0);
});

test("T9 who opens 5,000 streams at once is sent away, and no more than the limit ever ran", async () => {
  const session = openSession(listener.port);
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  for (let i = 0; i < 5_000; i++) {
    const stream = session.request({ ...HEAD, ":scheme": undefined, ":path": STREAM_PATH });
    stream.on("error", () => undefined);
    stream.end(sizeRequest(1));
  }
  await closed;
  expect((await rawCall(listener.port, hello)).grpc).toBe(0);
  expect(echo.seen.mostRunning).toBeLessThanOrEqual(RPC_LIMITS.concurrentStreams);
});

test("T10 a reader that opens no window is dropped with its call", async () => {
  const ended = echo.seen.finished;
  const session = openSession(impatient.port, { initialWindowSize: 0 });
  const stream = session.request({ ...HEAD, ":scheme": undefined, ":path": STREAM_PATH });
  stream.on("error", () => undefined);
  stream.end(sizeRequest(100_000));
  await echo.until(() => echo.seen.finished > ended);
  session.destroy();
});

test("T11 a large message is whole although the window grows while it waits", async () => {
  const session = openSession(listener.port, { initialWindowSize: 1_000 });
  const stream = session.request({ ...HEAD, ":scheme": undefined, ":path": STREAM_PATH });
  stream.on("error", () => undefined);
  let received = 0;
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  stream.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received < 1_001) session.settings({ initialWindowSize: 1 << 20 });
    if (received > 200_000) resolve();
  });
  stream.end(sizeRequest(200_000));
  await whole;
  session.destroy();
});

test.each(["none", "half", "whole"] as const)(
  "T12 a connection that sends its preface (%s) and no more is closed",
  async (preface) => {
    const bare = await openBare(impatient.port, preface);
    await bare.closed;
  },
);

test("T12 headers without a body are closed too", async () => {
  const bare = await openBare(impatient.port);
  bare.socket.write(open(1));
  await bare.closed;
});

test("T12 connections beyond the limit are closed at once, those within it work on", async () => {
  const { routes } = createEcho();
  const small = await createGrpcListener({ routes, maxConnections: 2 });
  const sessions = [openSession(small.port), openSession(small.port)];
  for (const session of sessions) expect((await callOn(session, hello)).grpc).toBe(0);
  const third = await openBare(small.port);
  await third.closed;
  expect((await callOn(sessions[0]!, hello)).grpc).toBe(0);
  for (const session of sessions) session.destroy();
  await small.close({ graceMs: 0 });
});
