/** Clients that leave, over real sockets: whatever the protocol, their sequences are freed at once. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { connectTo } from "#kit/clients.ts";
import { createMetrics } from "#kit/metrics.ts";
import { startServer, type Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, chatBody, refusal, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const CLIENTS = 100;
const metrics = createMetrics("gateway");
// All run at once: it is running requests that are left here, not waiting ones.
const running = 2 * CLIENTS;
const admission = { running, runningWhileOthersWait: running, runningTokens: Number.MAX_SAFE_INTEGER };
const stack = createSimulatedStack({ metrics, admission });
const FREED_MS = 100;
let server: Server;

beforeAll(async () => {
  const { routes, app } = stack.gateway;
  const base = { name: "gateway", services: [GatewayService], routes, metrics };
  server = await startServer({ ...base, grpc: { port: 0 }, http: { port: 0, app } });
});
afterAll(() => server.close({ graceMs: 0 }));

/** Every token after the second waits for ever. */
function hold(): void {
  stack.forward.beforeToken = (_id, index) => (index < 2 ? undefined : new Promise(() => undefined));
}

async function freed(): Promise<void> {
  expect(await until(() => stack.forward.alive.size === 0)).toBeLessThan(FREED_MS);
  await until(() => stack.gateway.running() === 0);
}

const url = (): string => `http://127.0.0.1:${server.httpPort}/v1/chat/completions`;

test.each([true, false])("G23 HTTP, stream %p: a client that aborts", async (stream) => {
  hold();
  const leave = new AbortController();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(chatBody("hello!", { stream, n: 2, steering: { recipe: "refusal" } }));
  const response = fetch(url(), { method: "POST", headers, body, signal: leave.signal });
  response.then((answer) => answer.text()).catch(() => undefined);
  await until(() => stack.forward.alive.size === 2);
  if (stream) await response;
  leave.abort();
  await freed();
});

test("G23 HTTP: a client whose socket is cut", async () => {
  hold();
  const body = JSON.stringify(chatBody("hello", { stream: true }));
  const socket = connect(server.httpPort, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once("data", resolve));
  expect(stack.forward.alive.size).toBe(1);
  socket.destroy();
  await freed();
});

test("G23 gRPC: a client that cancels, and one that leaves its loop", async () => {
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
  const client = connection.client(GatewayService);
  hold();
  const leave = new AbortController();
  for await (const { event } of client.generate(chat("hello!", refusal()), { signal: leave.signal })) {
    if (event.case === "delta") break;
  }
  leave.abort();
  await freed();
  const leaveUnary = new AbortController();
  const unary = client.complete(chat("hello"), { signal: leaveUnary.signal }).catch(() => undefined);
  await until(() => stack.forward.alive.size === 1);
  leaveUnary.abort();
  await unary;
  await freed();
  connection.close();
});

test("X22 a hundred clients that leave at once disturb nobody else", async () => {
  stack.forward.beforeToken = (_id, index) => Bun.sleep(index < 4 ? 0 : 1);
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
  const client = connection.client(GatewayService);
  const staying = client.complete(chat("hello"));
  const leaving = Array.from({ length: CLIENTS }, async (_, index) => {
    const leave = new AbortController();
    try {
      for await (const { event } of client.generate(chat("hello!", refusal()), { signal: leave.signal })) {
        if (event.case === "delta" && index % 2 === 0) leave.abort();
        if (event.case === "started" && index % 2 === 1) leave.abort();
      }
    } catch {
      // Left on purpose.
    }
  });
  await Promise.all(leaving);
  expect((await staying).choices[0]?.text).toBe("Sure, I help.");
  await until(() => stack.forward.alive.size === 0);
  await until(() => stack.gateway.running() === 0);
  connection.close();
});

test("metrics count what was served and who left", async () => {
  const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
  const count = (outcome: string): number =>
    Number(
      new RegExp(`trimtab_generations_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`).exec(text)?.[1] ?? 0,
    );
  expect(count("ok")).toBeGreaterThan(0);
  expect(count("ok") + count("left") + count("CANCELLED")).toBe(106);
  expect(text).toMatch(/trimtab_running_generations\{.*\} 0/);
});
