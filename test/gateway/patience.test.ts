/** Who says how much time it has waits for its turn instead of being refused, and makes nobody wait who said nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI from "openai";
import { startServer, type Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { ADMISSION_LIMITS } from "../../gateway/src/limits.ts";
import { waitsMsOf } from "../../gateway/src/openai/waits.ts";
import { start } from "./support/admission-setting.ts";
import { chatBody, until } from "./support/asks.ts";
import { simulateLoad } from "./support/simulated-load.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const SEED = 17;
const SECONDS = 60;
const ENGINE = { stepMs: 5, rowMs: 4.5, promptTokens: 45, answerTokens: 48 };
const WAITS_MS = 60_000;
const BOUNDS = {
  ...{ shortestWaitMs: 3_500, longestWaitMs: 3_500 },
  ...{ patienceMs: 60_000, longestPatientWaitMs: 60_000 },
};
const AT_ONCE = 64;

const percentile99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(0.99 * values.length)] ?? Number.POSITIVE_INFINITY;

const stack = createSimulatedStack({ admission: { running: 4, runningWhileOthersWait: 4 } });
let server: Server;
beforeAll(async () => {
  const { routes, app } = stack.gateway;
  server = await startServer({ name: "gateway", services: [GatewayService], routes, http: { port: 0, app } });
});
afterAll(() => server.close({ graceMs: 0 }));

/** One request runs a second: a hundred tokens, of four at a time. */
async function knownSpeed() {
  const setting = start({
    running: 1,
    waiting: 99,
    waitingPerKey: 99,
    ...BOUNDS,
  });
  for (let i = 0; i < 3; i++) {
    setting.ask(`first ${i}`, { tokens: 100 });
    setting.ask(`second ${i}`, { tokens: 100 });
    for (const name of [`first ${i}`, `second ${i}`]) {
      await setting.clock.settle();
      await setting.clock.advance(1_000);
      await setting.leave(name, 100);
    }
  }
  setting.order.length = 0;
  return setting;
}

test("a request with time waits where one without is refused, and is refused if half of its time would not do", async () => {
  const { clock, order, ask, leave } = await knownSpeed();
  ask("runs", { tokens: 100 });
  for (let i = 0; i < 5; i++) ask(`deadline ${i}`, { tokens: 100, timeoutMs: 30_000 });
  ask("says so", { tokens: 100, waitsMs: 30_000 });
  ask("too short", { tokens: 100, timeoutMs: 9_000 });
  for (let i = 0; i < 3; i++) ask(`silent ${i}`, { tokens: 100 });
  await clock.settle();
  const refused = order.filter((line) => line.includes("SERVICE_UNAVAILABLE"));
  expect(refused.map((line) => line.split(" SERVICE")[0])).toEqual(["too short", "silent 2"]);
  order.splice(0, order.length, "runs");
  for (let i = 0; i < order.length; i++) {
    await clock.advance(1_000);
    await leave(order[i] ?? "", 100);
  }
  const inTurns = ["deadline 0", "silent 0", "deadline 1", "silent 1", "deadline 2"];
  expect(order).toEqual(["runs", ...inTurns, "deadline 3", "deadline 4", "says so"]);
});

test("the long line of one key makes a request of another wait for one of them", async () => {
  const { clock, order, ask } = await knownSpeed();
  ask("runs", { key: "hog", tokens: 100 });
  for (let i = 0; i < 20; i++) ask(`hog ${i}`, { key: "hog", tokens: 100, waitsMs: WAITS_MS });
  ask("modest", { key: "modest", tokens: 100 });
  ask("hog in a hurry", { key: "hog", tokens: 100 });
  await clock.settle();
  expect(order).toEqual(["runs"]);
});

test(`at three times the load who has time is served within it, and the others as fast as before (seed ${SEED})`, async () => {
  const offer = (perSecond: number, every?: number) =>
    simulateLoad(ADMISSION_LIMITS, ENGINE, {
      ...{ perSecond, seconds: SECONDS, seed: SEED },
      ...(every === undefined ? {} : { patient: { every, waitsMs: WAITS_MS } }),
    });
  const { latencies } = await offer(1_000 / ENGINE.rowMs);
  const capacity = latencies.length / SECONDS;
  const once = await offer(capacity);
  const load = await offer(3 * capacity, 6);
  expect(load.tokensPerSecond).toBeGreaterThanOrEqual(0.9 * once.tokensPerSecond);
  expect(percentile99(load.latencies)).toBeLessThanOrEqual(2 * percentile99(once.latencies));
  expect(load.patient.latencies.length).toBeGreaterThan(SECONDS);
  expect(Math.max(...load.patient.latencies)).toBeLessThanOrEqual(WAITS_MS);
});

test("sixty-four calls at once of an SDK, which says how long it waits, are all answered; without a word some are refused", async () => {
  // A hundred of them take a second, four at a time: four times as long as a request without a word may wait.
  stack.forward.beforeToken = () => Bun.sleep(10);
  const baseURL = `http://127.0.0.1:${server.httpPort}/v1`;
  const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  const { model, messages } = chatBody("hello") as { model: string; messages: [] };
  const asked = () => client.chat.completions.create({ model, messages, max_tokens: 4 });
  const plain = () => stack.post("/v1/chat/completions", chatBody("hello", { max_tokens: 4 }));
  await Promise.all(Array.from({ length: 16 }, plain));
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, asked));
  expect(answers.every(({ choices }) => choices[0]?.finish_reason !== undefined)).toBe(true);
  const statuses = (await Promise.all(Array.from({ length: 100 }, plain))).map(({ status }) => status);
  expect(statuses).toContain(503);
  await until(() => stack.gateway.running() === 0);
});

test.each([
  [{ prefer: "wait=10" }, 10_000],
  [{ prefer: 'respond-async, wait="5"; x=y' }, 5_000],
  [{ "x-stainless-timeout": "600" }, 600_000],
  [{ "x-stainless-read-timeout": "2.5", prefer: "wait=1" }, 1_000],
  [{ prefer: "await=10", "x-stainless-timeout": "None" }, undefined],
  [{ "x-stainless-lang": "js" }, 600_000],
  [{ "x-stainless-timeout": "0" }, undefined],
])("%j says %p ms", (headers, expected) => {
  expect(waitsMsOf(new Headers(headers))).toBe(expected);
});
