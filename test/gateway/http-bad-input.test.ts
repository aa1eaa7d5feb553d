/** The web listener as strangers meet it: raw requests, foreign hosts, side doors, repeated requests (rows G22-G32). */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { createMetrics } from "#kit/metrics.ts";
import { startServer, type Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chatBody, outcome, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const metrics = createMetrics("gateway");
const stack = createSimulatedStack({ metrics });
const CHAT = "/v1/chat/completions";
let server: Server;

beforeAll(async () => {
  const { routes, app } = stack.gateway;
  const base = { name: "gateway", services: [GatewayService], routes, metrics };
  server = await startServer({ ...base, http: { port: 0, app } });
});
afterAll(() => server.close({ graceMs: 0 }));
afterEach(() => {
  stack.forward.beforeToken = () => undefined;
});

/** Sends bytes, answers with the status line's number; 0 for a connection that is closed without one. */
function rawStatus(text: string): Promise<number> {
  const socket = connect(server.httpPort, "127.0.0.1");
  socket.on("error", () => undefined);
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
      if (status === undefined) return;
      resolve(Number(status));
      socket.destroy();
    });
    socket.once("close", () => resolve(0));
    socket.write(text);
  });
}

const get = (target: string, ...headers: string[]) =>
  `GET ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;

test.each([
  ["G26 a foreign host", get("/v1/models", "Host: evil.example"), [403]],
  ["G26 two hosts", get("/v1/models", "Host: localhost", "Host: evil.example"), [400, 403]],
  ["G26 a host that is no host", get("/v1/models", "Host: a b"), [400]],
  ["G26 no host", get("/v1/models"), [400]],
  [
    "G26 an absolute target elsewhere",
    get("http://evil.example/v1/models", "Host: evil.example"),
    [400, 403],
  ],
  ["G26 a foreign origin", get("/v1/models", "Host: localhost", "Origin: https://evil.example"), [403]],
  [
    "G27 a request id of 1 MB",
    get("/health", "Host: localhost", `X-Request-Id: ${"x".repeat(1 << 20)}`),
    [0, 431],
  ],
  ["G28 TRACE", get("/v1/models", "Host: localhost").replace("GET", "TRACE"), [400, 404, 405]],
  ["G28 OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", [400, 404, 405]],
  [
    "G3 two framings",
    `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    [0, 400],
  ],
  [
    "G3 a negative length",
    `POST ${CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n`,
    [0, 400],
  ],
])("%s is refused", async (_name, text, expected) => {
  expect(expected).toContain(await rawStatus(text));
  expect(await rawStatus(get("/health", "Host: localhost"))).toBe(200);
});

test("G26 a preflight from elsewhere is granted nothing", async () => {
  const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
  const answer = await fetch(`http://127.0.0.1:${server.httpPort}${CHAT}`, { method: "OPTIONS", headers });
  expect(answer.status).toBe(403);
  expect(answer.headers.get("access-control-allow-origin")).toBeNull();
});

test("G27 a request id of a request that runs is no handle on it", async () => {
  const headers = { "content-type": "application/json", "x-request-id": "same" };
  const ask = (content: string) =>
    stack.post(CHAT, chatBody(content), { headers }).then((answer) => answer.json());
  const [one, two] = await Promise.all([ask("hello"), ask("hello")]);
  expect(one).toMatchObject({ choices: [{ message: { content: "Sure, I help." } }] });
  expect(two.id).not.toBe(one.id);
});

test.each(["/debug/pprof", "/debug/vars", "/metrics/", "/pause", "/update_weights", "/tokenize"])(
  "G29 there is nothing behind %s",
  async (path) => {
    expect((await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).status).toBe(404);
  },
);

const keyed = (key: string) => ({ "content-type": "application/json", "idempotency-key": key });

test("G30 requests under one idempotency key are executed once, together or after each other", async () => {
  const before = stack.forward.sessions;
  const ask = () =>
    stack.post(CHAT, chatBody("hello"), { headers: keyed("k1") }).then((answer) => answer.text());
  const [one, two] = await Promise.all([ask(), ask()]);
  expect(two).toBe(one);
  expect(await ask()).toBe(one);
  expect(stack.forward.sessions).toBe(before + 1);
});

test("G30 another body under a used key is a conflict that asks for no repetition; a failure frees its key", async () => {
  await stack.post(CHAT, chatBody("hello"), { headers: keyed("k2") });
  const other = await stack.post(CHAT, chatBody("hello!"), { headers: keyed("k2") });
  expect([other.status, other.headers.get("x-should-retry")]).toEqual([409, "false"]);
  stack.forward.beforeToken = () => Promise.reject(new Error("down"));
  expect((await stack.post(CHAT, chatBody("hello"), { headers: keyed("k3") })).status).toBe(503);
  stack.forward.beforeToken = () => undefined;
  expect((await stack.post(CHAT, chatBody("hello"), { headers: keyed("k3") })).status).toBe(200);
});

test("G30 a key that is none, or one for a stream, is refused", async () => {
  expect(
    await outcome(await stack.post(CHAT, chatBody("hello"), { headers: keyed("k".repeat(256)) })),
  ).toEqual([400, "invalid_argument", "idempotency-key"]);
  const stream = await stack.post(CHAT, chatBody("hello", { stream: true }), { headers: keyed("k4") });
  expect(await outcome(stream)).toEqual([400, "unsupported", "idempotency-key"]);
});

test("G22 a stream nobody reads ends with its connection, and leaves nothing behind", async () => {
  stack.forward.script = () => new Array<number>(400).fill(65);
  let produced = 0;
  stack.forward.beforeToken = async () => {
    produced++;
    // Sockets take what they take; between tokens the loop turns.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const body = JSON.stringify(chatBody("hello", { stream: true, max_tokens: 400 }));
  const socket = connect(server.httpPort, "127.0.0.1");
  socket.on("error", () => undefined).pause();
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
  await until(() => produced > 0);
  socket.destroy();
  await until(() => stack.forward.alive.size === 0);
  await until(() => stack.gateway.running() === 0);
});
