/** More clients than can be served, over real sockets: each is answered or refused with a hint, and afterwards nothing is left (X21, X23). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createMetrics } from "#kit/metrics.ts";
import { startServer, type Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chatBody, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const metrics = createMetrics("gateway");
/** The line is bounded by its length here, not by what waiting would take. */
const stack = createSimulatedStack({
  metrics,
  admission: { running: 4, waiting: 8, waitingPerKey: 8, shortestWaitMs: 4_000, waitPerRun: 100 },
});
const LATE = 1_000;
let server: Server;

beforeAll(async () => {
  const { routes, app } = stack.gateway;
  server = await startServer({
    name: "gateway",
    services: [GatewayService],
    routes,
    metrics,
    http: { port: 0, app },
  });
  stack.forward.beforeToken = () => new Promise((resolve) => setImmediate(resolve));
});
afterAll(() => server.close({ graceMs: 0 }));

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number;
  readonly text: string;
}

async function ask(stream: boolean): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(chatBody("hello", { stream })),
  });
  const retryAfterMs = Number(response.headers.get("retry-after-ms") ?? 0);
  return { status: response.status, retryAfterMs, text: await response.text() };
}

function expectBalanced(answers: readonly Answer[]): void {
  for (const { status, retryAfterMs, text } of answers) {
    expect([200, 429, 503]).toContain(status);
    if (status === 200) expect(text).toContain("help");
    else expect(retryAfterMs).toBeGreaterThanOrEqual(100);
  }
}

async function nothingLeft(): Promise<void> {
  await until(() => stack.forward.alive.size === 0 && stack.gateway.running() === 0);
  const { body } = await metrics.expose();
  for (const gauge of ["waiting_high", "waiting_normal", "waiting_low", "running_tokens"]) {
    expect(body).toMatch(new RegExp(`trimtab_admission_${gauge}\\{[^}]*\\} 0\\n`));
  }
}

test("X21 ten times the load: what is let in is answered whole, the rest is told when to come again", async () => {
  const answers = await Promise.all(Array.from({ length: 120 }, (_, i) => ask(i % 2 === 0)));
  expectBalanced(answers);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(12);
  expect(answers.filter(({ status }) => status !== 200).length).toBeGreaterThan(0);
  await nothingLeft();
});

test("what is wrong with a request is told at once, whoever waits, and a long one does not make others wait", async () => {
  const held = Promise.withResolvers<void>();
  stack.forward.beforeToken = () => held.promise;
  const running = Array.from({ length: 4 }, () => ask(false));
  await until(() => stack.gateway.running() === 4);
  const wrong = await stack.post("/v1/chat/completions", chatBody("hello", { n: 65 }));
  expect(wrong.status).toBe(400);
  held.resolve();
  stack.forward.beforeToken = () => undefined;
  expect((await Promise.all(running)).every(({ status }) => status === 200)).toBe(true);
  await nothingLeft();
});

test("X23 a thousand clients at once after a pause: the same, and the first request after them is served", async () => {
  const answers = await Promise.all(Array.from({ length: LATE }, () => ask(false)));
  expectBalanced(answers);
  await nothingLeft();
  expect((await ask(false)).status).toBe(200);
});
