/** The end of a server: running calls finish, new ones are refused, watchers are told. */
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { normaliseClientErrors } from "#kit/interceptors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { cancelSafe } from "#kit/streams.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#proto/health/v1/health_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES, type Echo } from "./echo.ts";

async function start(
  kind: string,
): Promise<{ server: Server; transport: Transport; echo: Echo; fresh: () => Transport }> {
  const echo = createEcho();
  const server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes: echo.routes,
    grpc: {},
    http: {},
  });
  const fresh = () =>
    kind === "grpc"
      ? connectTo({ address: `127.0.0.1:${server.grpcPort}` }).transport
      : createConnectTransport({
          baseUrl: `http://127.0.0.1:${server.httpPort}`,
          httpVersion: "1.1",
          interceptors: [normaliseClientErrors],
        });
  return { server, transport: fresh(), echo, fresh };
}

test.each(["grpc", "connect"])(
  "X24 over %s a drain lets the running call finish and refuses new ones",
  async (kind) => {
    const { server, transport, echo, fresh } = await start(kind);
    const client = createClient(TokenizerService, transport);
    const reached = echo.until(() => echo.seen.lastTimeoutMs !== undefined);
    const running = client.encode({ texts: ["gate"] }, { timeoutMs: 20_000 });
    await reached;
    const closed = server.close({ graceMs: 10_000 });
    expect(server.health.isServing()).toBe(false);
    // New calls are served until the listener has closed, then refused.
    let refused: unknown;
    while (refused === undefined) {
      const call = createClient(TokenizerService, fresh()).encode({ texts: ["a"] });
      refused = await call.then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(fromConnectError(refused).reason).toBe("SERVICE_UNAVAILABLE");
    echo.release();
    expect((await running).encodings[0]?.ids).toEqual([...Buffer.from("gate")]);
    await closed;
  },
  120_000,
);

test.each(["grpc", "connect"])(
  "X25 over %s what outlives the grace ends with SERVICE_UNAVAILABLE",
  async (kind) => {
    const { server, transport, echo } = await start(kind);
    const client = createClient(TokenizerService, transport);
    const stream = cancelSafe((signal) => client.getVocabulary({}, { signal }));
    await stream.next();
    const closed = server.close({ graceMs: 50 });
    const read = async () => {
      for await (const _ of stream);
    };
    const error = await read().catch((e: unknown) => e);
    expect(fromConnectError(error)).toMatchObject({
      reason: "SERVICE_UNAVAILABLE",
      message: "the server is shutting down",
    });
    await closed;
    await echo.until(() => echo.seen.finished === 1);
  },
);

test("a health watcher sees SERVING, then NOT_SERVING when the drain begins, and an unknown service as such", async () => {
  const { server, transport } = await start("grpc");
  const client = createClient(Health, transport);
  const watch = cancelSafe((signal) => client.watch({ service: TokenizerService.typeName }, { signal }));
  expect((await watch.next()).value?.status).toBe(Status.SERVING);
  const unknown = cancelSafe((signal) => client.watch({ service: "none" }, { signal }));
  expect((await unknown.next()).value?.status).toBe(Status.SERVICE_UNKNOWN);
  await unknown.return?.();
  // A watcher does not hold up the drain: waiting for the grace period would outlast the test's own limit.
  const closed = server.close({ graceMs: 600_000 });
  expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
  await closed;
});
