import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { cancelSafe, createPushable } from "#kit/streams.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-rpc-"));
const socketPath = join(directory, "echo.sock");
const echo = createEcho();
let server: Server;
let tcp: Server;
let unix: Connection;

beforeAll(async () => {
  const options = { name: "echo", services: ECHO_SERVICES, routes: echo.routes, internal: true };
  server = await startServer({ ...options, grpc: { socketPath } });
  tcp = await startServer({ ...options, grpc: {} });
  unix = connectTo({ socketPath });
});
afterAll(async () => {
  unix.close();
  await Promise.all([server.close({ graceMs: 0 }), tcp.close({ graceMs: 0 })]);
  rmSync(directory, { recursive: true });
});

test.each(["unix socket", "in memory"])("leaving a stream early cancels the call over %s", async (kind) => {
  const own = createEcho();
  const routed = connectTo({ routes: own.routes });
  const [client, seen] =
    kind === "in memory" ? [routed.client(TokenizerService), own] : [unix.client(TokenizerService), echo];
  const before = { ...seen.seen };
  for await (const { firstId } of cancelSafe((signal) => client.getVocabulary({}, { signal }))) {
    if (firstId === 5) break;
  }
  await seen.until(() => seen.seen.aborted > before.aborted && seen.seen.finished > before.finished);
  expect(seen.seen.produced - before.produced).toBeLessThan(50);
});

test("an exception inside the loop cancels the call as well", async () => {
  const before = echo.seen.aborted;
  const loop = async () => {
    const client = unix.client(TokenizerService);
    for await (const _ of cancelSafe((signal) => client.getVocabulary({}, { signal })))
      throw new Error("mine");
  };
  expect(await loop().catch((e: Error) => e.message)).toBe("mine");
  await echo.until(() => echo.seen.aborted > before);
});

test("a generator parked on a client that never reads is ended when that client resets", async () => {
  const before = { ...echo.seen };
  const session = connect(`http://127.0.0.1:${tcp.grpcPort}`, { settings: { initialWindowSize: 1_000 } });
  const stream = session.request({
    ":method": "POST",
    ":path": "/trimtab.tokenizer.v1.TokenizerService/GetVocabulary",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const size = Buffer.from("200000");
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, size.length + 2, 0x0a, size.length]), size]));
  await echo.until(() => echo.seen.produced > before.produced);
  stream.close(8);
  await echo.until(() => echo.seen.aborted > before.aborted && echo.seen.finished > before.finished);
  session.destroy();
  expect(echo.seen.finished - before.finished).toBe(1);
});

test("a bidirectional stream over a unix socket answers each message in turn and ends when the client ends", async () => {
  const queue = createPushable<{ commands: { commandId: bigint }[] }>();
  const answers: bigint[] = [];
  queue.push({ commands: [{ commandId: 1n }, { commandId: 2n }] });
  for await (const { events } of cancelSafe((signal) =>
    unix.client(ForwardService).session(queue, { signal }),
  )) {
    answers.push(...events.map((event) => event.commandId));
    if (answers.length === 5) queue.end();
    else queue.push({ commands: [{ commandId: BigInt(answers.length + 1) }] });
  }
  expect(answers).toEqual([1n, 2n, 3n, 4n, 5n]);
});

test("two thousand cancels on one internal connection do not disturb a neighbour's stream", async () => {
  const client = createClient(TokenizerService, unix.transport);
  const neighbour = cancelSafe((signal) => client.getVocabulary({}, { signal }));
  let next = (await neighbour.next()).value?.firstId;
  for (let i = 0; i < 2_000; i++) {
    for await (const _ of cancelSafe((signal) => client.getVocabulary({}, { signal }))) break;
    if (i % 100 === 0) next = (await neighbour.next()).value?.firstId;
  }
  const last = await neighbour.next();
  expect(last.value?.firstId).toBe((next ?? 0) + 1);
  await neighbour.return?.();
}, 30_000);

test("the deadline and the remaining time reach the handler", async () => {
  await unix.client(TokenizerService).encode({ texts: ["a"] }, { timeoutMs: 5_000 });
  expect(echo.seen.lastTimeoutMs).toBeGreaterThan(4_000);
  expect(echo.seen.lastTimeoutMs).toBeLessThanOrEqual(5_000);
});

test("a caller's own cancel is CANCELLED, a service that is not there is SERVICE_UNAVAILABLE", async () => {
  const stop = new AbortController();
  const call = unix.client(TokenizerService).encode({ texts: ["stuck"] }, { signal: stop.signal });
  stop.abort();
  expect(fromConnectError(await call.catch((e: unknown) => e)).reason).toBe("CANCELLED");
  for (const target of [{ socketPath: join(directory, "none.sock") }, { address: "127.0.0.1:1" }]) {
    const error = await connectTo(target)
      .client(TokenizerService)
      .encode({})
      .catch((e: unknown) => e);
    expect(fromConnectError(error).reason).toBe("SERVICE_UNAVAILABLE");
  }
});
