/** Captures whose reader is slow: what waits for it is bounded, it misses nothing, and it is given up when it reads nothing for long. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { fromConnectError } from "#kit/errors.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { createCaptureHandler } from "../../../services/forward/src/handlers/capture.ts";
import { createRegistry } from "../../../services/forward/src/registry.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const registry = createRegistry({
  directories: [],
  engineOptions: { threads: 1, contextTokens: 1_024, rowBudget: 32, prefillRows: 32, prefixCache: false },
});
const { engine } = await registry.loadFile(await writeSyntheticModel());
const KIB = 1_024;
/** Two texts that begin differently, and taps that read 8 KiB a token: rows of 256 bytes, of 4 layers. */
const items = [3, 7].map((seed) => ({
  ids: Array.from({ length: 1_000 }, (_, i) => (seed * i + seed) % 256),
}));
const ROWS = 2 * 1_000;
const modelDigest = engine.model.digest;
const request = {
  modelDigest,
  items,
  taps: Array.from({ length: 8 }, () => ({ site: Site.RESIDUAL, positions: TapPositions.RANGE })),
};

const clientWith = (heldBytes: number, readMs = 60_000) =>
  createClient(
    ForwardService,
    createRouterTransport(
      ({ service }) => service(ForwardService, createCaptureHandler(registry, { heldBytes, readMs })),
      { router: { interceptors: serverInterceptors() } },
    ),
  );

/** Rows computed once there are no more for a while. */
async function settledRows(): Promise<number> {
  for (let before = -1; ;) {
    const { rows } = await engine.call({ type: "stats" });
    if (rows === before) return rows;
    before = rows;
    await Bun.sleep(200);
  }
}

test("a capture is computed as far as its reader is, others are answered meanwhile, and it gets what a fast one gets", async () => {
  const fast = await Array.fromAsync(clientWith(Number.POSITIVE_INFINITY).capture(request));
  const before = await settledRows();
  const slow = clientWith(256 * KIB)
    .capture(request)
    [Symbol.asyncIterator]();
  const read = [(await slow.next()).value];
  const computed = (await settledRows()) - before;
  // The engine tells of every MiB, and some steps of 32 rows pass until it hears that it is enough.
  expect(computed).toBeLessThan(0.8 * ROWS);
  const other = await Array.fromAsync(clientWith(1).capture({ ...request, items: [{ ids: [1, 2, 3] }] }));
  expect(other.length).toBeGreaterThan(0);
  for (let next = await slow.next(); !next.done; next = await slow.next()) read.push(next.value);
  const sorted = (messages: unknown[]) =>
    messages.map((message) => JSON.stringify(message, bytesAsText)).sort();
  expect(sorted(read)).toEqual(sorted(fast));
  expect((await settledRows()) - before).toBe(ROWS + 3);
});

test("a reader that takes nothing for long is given up, typed, and leaves nothing behind", async () => {
  const stuck = clientWith(64 * KIB, 300)
    .capture(request)
    [Symbol.asyncIterator]();
  await stuck.next();
  while ((await engine.call({ type: "stats" })).sequences > 0) await Bun.sleep(10);
  const rest = async () => {
    while (!(await stuck.next()).done);
  };
  const error = await rest().then(() => undefined, fromConnectError);
  expect(error).toMatchObject({ reason: "DEADLINE_EXCEEDED", limit: "300 ms" });
});

test("the test's engine ends", () => registry.close());

const bytesAsText = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString("latin1")
    : typeof value === "bigint"
      ? String(value)
      : value;
