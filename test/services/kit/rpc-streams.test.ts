/** Streams between our own clients and servers: cancels, bidirectional order, deadlines, missing services. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
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
let unix: Connection;

beforeAll(async () => {
  server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes: echo.routes,
    internal: true,
    grpc: { socketPath },
  });
  unix = connectTo({ socketPath });
});
afterAll(async () => {
  unix.close();
  await server.close({ graceMs: 0 });
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

test("the deadline and the remaining time reach the handler", async () => {
  await unix.client(TokenizerService).encode({ texts: ["a"] }, { timeoutMs: 5_000 });
  expect(echo.seen.lastTimeoutMs).toBeGreaterThan(4_000);
  expect(echo.seen.lastTimeoutMs).toBeLessThanOrEqual(5_000);
});

test("X11 a caller's own cancel is CANCELLED, a service that is not there is SERVICE_UNAVAILABLE", async () => {
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
