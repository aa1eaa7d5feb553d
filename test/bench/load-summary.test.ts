/** Times of refusals: what the one who asks waited itself for a processor is no time of the server's, and is told beside. */
import { expect, test } from "bun:test";
import type { Probe } from "../../bench/src/load/prober.ts";
import { summarize, tableOf } from "../../bench/src/load/summary.ts";

const NOTHING = { seen: [], requestsPerSecond: 0, tokensPerSecond: 0, offeredPerSecond: 0 };
const probe = (totalMs: number, ownWaitMs = 0, serverWaitMs = 0, serverRunMs = 0): Probe => ({
  ...{ totalMs, ownWaitMs, serverWaitMs, serverRunMs },
});

test("a refusal that its asker slept through is as fast as the server was", () => {
  const probes = [...Array.from({ length: 97 }, () => probe(1)), probe(2), probe(9, 8), probe(20, 19)];
  const { probed, served } = summarize(3, NOTHING, probes);
  expect([probed.p50, probed.p99]).toEqual([1, 20]);
  expect([served.p50, served.p99]).toEqual([1, 2]);
});

test("of the slowest it is said who waited and who ran", () => {
  const probes = [...Array.from({ length: 38 }, () => probe(1)), probe(8, 1, 5, 2), probe(10, 1, 7, 1)];
  expect(summarize(3, NOTHING, probes).slowest).toEqual(probe(9, 1, 6, 1.5));
  expect(summarize(3, NOTHING, []).slowest).toEqual(probe(0));
});

test("the table has both", () => {
  const table = tableOf([summarize(3, NOTHING, [probe(9.5, 6)])]);
  expect(table).toMatch(/probed p99 {2}served p99/);
  expect(table).toMatch(/9\.5 +3\.5$/m);
});
