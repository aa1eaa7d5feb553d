/** Streams reset by clients, below the client libraries: raw HTTP/2 frames against our gRPC listener. */
import { expect, test } from "bun:test";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { createGrpcListener } from "#kit/listeners.ts";
import { startServer } from "#kit/server.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const CANCEL = 8;
const HONEST_CANCELS = 2_000;
/** Many more than the runtime lets pass in a moment, however slow the machine sends them. */
const FLOOD = 10_000;
const PATIENCE_MS = 120_000;

/** Starts GetVocabulary with messages of `sizeBytes` (a text of digits in the model digest). */
function request(session: ClientHttp2Session, sizeBytes: number): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": "/trimtab.tokenizer.v1.TokenizerService/GetVocabulary",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const size = Buffer.from(String(sizeBytes));
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, size.length + 2, 0x0a, size.length]), size]));
  return stream;
}

async function start(internal: boolean) {
  const echo = createEcho();
  const server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes: echo.routes,
    grpc: {},
    internal,
  });
  const open = (settings = {}) => {
    const session = connect(`http://127.0.0.1:${server.grpcPort}`, { settings });
    session.on("error", () => {});
    return session;
  };
  return { echo, server, open };
}

test("T13 a generator parked on a client that never reads is ended when that client resets", async () => {
  const { echo: own, server, open } = await start(false);
  const session = open({ initialWindowSize: 1_000 });
  const stream = session.request({
    ":method": "POST",
    ":path": "/trimtab.tokenizer.v1.TokenizerService/GetVocabulary",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const size = Buffer.from("200000");
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, size.length + 2, 0x0a, size.length]), size]));
  await own.until(() => own.seen.produced === 1);
  stream.close(8);
  await own.until(() => own.seen.aborted === 1 && own.seen.finished === 1);
  expect(own.seen.produced).toBe(1);
  session.destroy();
  await server.close({ graceMs: 0 });
});

/** Resets so many streams next to one that runs; true if the neighbour still gets messages afterwards. */
async function neighbourSurvives(resets: number, { internal }: { internal: boolean }): Promise<boolean> {
  const { server, open } = await start(internal);
  const session = open();
  const neighbour = request(session, 1);
  const ended = new Promise<boolean>((resolve) => {
    neighbour.once("close", () => resolve(false));
    session.once("close", () => resolve(false));
  });
  await new Promise((resolve) => neighbour.once("data", resolve));
  // It waits meanwhile: read on, it would take the processor from the resets.
  neighbour.pause();
  for (let i = 0; i < resets && !session.destroyed; i++) {
    request(session, 1).close(CANCEL);
    if (i % 50 === 0) await new Promise(setImmediate);
  }
  // A ping is answered after the server has seen every reset before it.
  const pinged = new Promise<void>((resolve) =>
    session.destroyed ? resolve() : session.ping(() => resolve()),
  );
  await Promise.race([pinged, ended]);
  const alive = new Promise<boolean>((resolve) => neighbour.once("data", () => resolve(true)));
  neighbour.resume();
  const survives = await Promise.race([alive, ended]);
  session.destroy();
  await server.close({ graceMs: 0 });
  return survives;
}

test(
  "T15 our own services may cancel 2,000 calls at once without ending the connection they share",
  async () => {
    expect(await neighbourSurvives(HONEST_CANCELS, { internal: true })).toBe(true);
  },
  PATIENCE_MS,
);

test(
  "T9 on a public listener the same flood of resets ends the connection of its sender",
  async () => {
    expect(await neighbourSurvives(FLOOD, { internal: false })).toBe(false);
  },
  PATIENCE_MS,
);

test(
  "T12 an idle connection is closed, one with a running stream is not",
  async () => {
    const echo = createEcho();
    const listener = await createGrpcListener({ routes: echo.routes, sessionIdleMs: 200 });
    const [idle, busy] = [0, 1].map(() => connect(`http://127.0.0.1:${listener.port}`)) as [
      ClientHttp2Session,
      ClientHttp2Session,
    ];
    const stream = request(busy, 1).resume();
    await new Promise((resolve) => idle.once("close", resolve));
    const more = echo.seen.produced + 100;
    await echo.until(() => echo.seen.produced >= more);
    expect([stream.closed, busy.destroyed]).toEqual([false, false]);
    busy.destroy();
    await listener.close({ graceMs: 0 });
  },
  PATIENCE_MS,
);
