/** Times of refusals, and of the slowest who waited and who ran. */
import { expect, test } from "bun:test";
import type { Probe } from "../../bench/src/load/prober.ts";
import { summarize } from "../../bench/src/load/summary.ts";

const NOTHING = { seen: [], requestsPerSecond: 0, tokensPerSecond: 0, offeredPerSecond: 0 };
const probe = (totalMs: number, ownWaitMs = 0, serverWaitMs = 0, serverRunMs = 0): Probe => ({
  ...{ totalMs, ownWaitMs, serverWaitMs, serverRunMs },
});

test("of the slowest it is said who waited and who ran", () => {
  const probes = [...Array.from({ length: 38 }, () => probe(1)), probe(8, 1, 5, 2), probe(10, 1, 7, 1)];
  expect(summarize(3, NOTHING, probes).slowest).toEqual(probe(9, 1, 6, 1.5));
  expect(summarize(3, NOTHING, []).slowest).toEqual(probe(0));
});
