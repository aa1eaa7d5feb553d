/** Liveness and readiness over HTTP mean what they say: alive as long as the loop turns, ready when a request would be served (X7). */
import { expect, test } from "bun:test";
import { RPC_LIMITS } from "#kit/limits.ts";
import { watchLoopLag } from "#kit/loop-lag.ts";
import { startServer } from "#kit/server.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const BLOCKED_MS = 1_600;

test("X7 a loop that was blocked is not ready until it turns again, and alive all the time", async () => {
  const { routes } = createEcho();
  const server = await startServer({ name: "echo", services: ECHO_SERVICES, routes, http: {} });
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).status;
  expect([await status("/livez"), await status("/readyz")]).toEqual([200, 200]);
  const lag = watchLoopLag();
  const blockedUntil = performance.now() + BLOCKED_MS;
  const asked = Promise.all([status("/livez"), status("/readyz")]);
  // Requests are on their way, and nobody reads them.
  while (performance.now() < blockedUntil);
  expect(lag.lagMs).toBeGreaterThan(RPC_LIMITS.readyLagMs);
  lag.close();
  expect((await asked)[0]).toBe(200);
  while ((await status("/readyz")) !== 200) await Bun.sleep(20);
  await server.close({ graceMs: 0 });
});

test("who cannot serve is alive and not ready", async () => {
  const { routes } = createEcho();
  let canServe = false;
  const ready = () => Promise.resolve(canServe);
  const server = await startServer({ name: "echo", services: ECHO_SERVICES, routes, http: {}, ready });
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).status;
  expect([await status("/livez"), await status("/readyz")]).toEqual([200, 503]);
  canServe = true;
  expect(await status("/readyz")).toBe(200);
  server.health.set("", false);
  expect(await status("/readyz")).toBe(503);
  await server.close({ graceMs: 0 });
});
