/** What stands before a listener: keys, public addresses, foreign pages, taken ports; and log lines. */
import { expect, test } from "bun:test";
import { Hono } from "hono";
import { assertBindAllowed, createKeyGate } from "#kit/auth.ts";
import { addressOf, connectTo, parseTarget } from "#kit/clients.ts";
import { REASONS, type Reason, toOpenAiError, TrimtabError } from "#kit/errors.ts";
import { createHttpListener } from "#kit/listeners.ts";
import { createLogger } from "#kit/log.ts";
import { startServer } from "#kit/server.ts";
import { Health, HealthCheckResponse_ServingStatus } from "#proto/health/v1/health_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const headers = (authorization?: string) => new Headers(authorization === undefined ? {} : { authorization });

test.each([
  undefined,
  "",
  "Bearer ",
  "Bearer wrong",
  "Bearer secre",
  "Bearer secrett",
  "Basic secret",
  "secret",
])("G25 the authorization %j does not open a gate, and every refusal reads the same", (authorization) => {
  const gate = createKeyGate({ apiKey: "secret" });
  expect(() => gate.check(headers(authorization))).toThrow("a valid API key is required");
});

test("the right key opens the gate, and without a key there is none", () => {
  createKeyGate({ apiKey: "secret" }).check(headers("Bearer secret"));
  createKeyGate({ apiKey: "" }).check(headers());
  expect(createKeyGate({ apiKey: "" }).isOpen).toBe(true);
});

test("a public address is not bound without a key", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.1", "example.org"]) {
    expect(() => assertBindAllowed(host, createKeyGate({ apiKey: "" }))).toThrow("without a key");
    assertBindAllowed(host, createKeyGate({ apiKey: "k" }));
  }
  for (const host of ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
    assertBindAllowed(host, createKeyGate({ apiKey: "" }));
  const echo = createEcho();
  const options = {
    name: "echo",
    services: ECHO_SERVICES,
    routes: echo.routes,
    gate: createKeyGate({ apiKey: "" }),
  };
  // An empty one, as of a variable that is not set, is every address.
  for (const host of ["0.0.0.0", ""]) {
    for (const listener of ["grpc", "http"]) {
      const starting = startServer({ ...options, [listener]: { host } });
      await expect(starting).rejects.toThrow("refusing to listen");
    }
  }
});

test("a host of IPv6 is listened on and reached by its address", async () => {
  const [host, routes] = ["::1", createEcho().routes];
  const base = { name: "echo", services: ECHO_SERVICES, routes, gate: createKeyGate({ apiKey: "" }) };
  const server = await startServer({ ...base, grpc: { host }, http: { host } });
  const connection = connectTo(parseTarget(addressOf(host, server.grpcPort)));
  expect((await connection.client(Health).check({})).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
  expect((await fetch(`http://${addressOf(host, server.httpPort)}/livez`)).status).toBe(200);
  connection.close();
  await server.close({ graceMs: 0 });
});

test("T14 every RPC of the web listener and its metrics need the key", async () => {
  const options = {
    name: "echo",
    services: ECHO_SERVICES,
    routes: createEcho().routes,
    gate: createKeyGate({ apiKey: "k" }),
  };
  const server = await startServer({ ...options, http: {} });
  const base = `http://127.0.0.1:${server.httpPort}`;
  const post = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  for (const service of ECHO_SERVICES) {
    for (const method of service.methods.filter((m) => m.methodKind === "unary")) {
      expect((await fetch(`${base}/${service.typeName}/${method.name}`, post)).status).toBe(401);
    }
  }
  expect((await fetch(`${base}/metrics`)).status).toBe(401);
  expect((await fetch(`${base}/grpc.health.v1.Health/Check`, post)).status).toBe(200);
  await server.close({ graceMs: 0 });
});

test("G26 pages of other sites cannot reach a loopback listener", async () => {
  const listener = createHttpListener({ app: new Hono().get("/", (context) => context.text("hello")) });
  const url = `http://127.0.0.1:${listener.port}/`;
  const status = async (init: Record<string, string>) => (await fetch(url, { headers: init })).status;
  expect(await status({})).toBe(200);
  expect(await status({ host: "localhost:8080" })).toBe(200);
  expect(await status({ origin: "http://localhost:3000" })).toBe(200);
  expect(await status({ host: "evil.example" })).toBe(403);
  expect(await status({ origin: "https://evil.example" })).toBe(403);
  await listener.close({ graceMs: 0 });
});

test("a port that is taken is a typed error", async () => {
  const first = createHttpListener({ app: new Hono() });
  expect(() => createHttpListener({ app: new Hono(), port: first.port })).toThrow("EADDRINUSE");
  const options = { name: "echo", services: ECHO_SERVICES, routes: createEcho().routes };
  await expect(startServer({ ...options, grpc: { port: first.port } })).rejects.toThrow("EADDRINUSE");
  await first.close({ graceMs: 0 });
});

test("only errors that a repetition can cure ask for one", () => {
  const retried = Object.keys(REASONS).filter(
    (reason) => toOpenAiError(new TrimtabError(reason as Reason, "x")).headers["x-should-retry"] === "true",
  );
  const expected = [
    "OUT_OF_MEMORY",
    "QUEUE_FULL",
    "RATE_LIMITED",
    "SERVICE_UNAVAILABLE",
    "STEERING_UNAVAILABLE",
  ];
  expect(retried.sort()).toEqual(expected);
});

test("a log line is one line of JSON whatever its fields hold", () => {
  const lines: string[] = [];
  const log = createLogger("test", { level: "info", write: (line) => lines.push(line) });
  log.log("debug", "dropped");
  log.with({ requestId: "1" }).log("info", "a\r\nb\u001b[2J\u2028", { big: "x".repeat(10_000_000), n: 3 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[\x20-\x7e…]+\n$/);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    component: "test",
    requestId: "1",
    message: "a\r\nb\u001b[2J\u2028",
    n: 3,
  });
  expect(lines[0]?.length).toBeLessThan(2_000);
});
