/** Votes by confidence: answers the model is unsure of are stopped early, at no loss. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { lowestWindow, signalOf } from "../../../gateway/src/strategies/signals.ts";
import { createRoot } from "../../../gateway/src/strategies/members.ts";
import { accuracy, run } from "./support/run.ts";
import { createSimulatedWorld } from "./support/simulated-world.ts";

const TIMEOUT_MS = 240_000;

/** Right answers are sure of every word; wrong ones ramble, unsure of each. */
const rambling = {
  answer: "7",
  value: () => 0.5,
  next(text: string) {
    if (text.endsWith(".")) return [];
    if (text === "")
      return [
        { text: "so ", p: 0.55 },
        { text: "hm ", p: 0.45 },
      ];
    const words = text.split(" ").length;
    if (text.startsWith("so")) return words < 12 ? [{ text: "sure ", p: 1 }] : [{ text: "7.", p: 1 }];
    const unsure = ["or ", "but ", "and ", "yet "].map((word) => ({ text: word, p: 0.25 }));
    return words < 40 ? unsure : [{ text: "8.", p: 1 }];
  },
};

test(
  "weak answers are stopped within a window, and the vote is none the worse",
  async () => {
    const options = { candidates: 32 };
    const shared = { signal: "tail", window: 4, consensus: 1 };
    const whole = await accuracy("confidence-vote", rambling, 40, { ...options, parameters: shared });
    const parameters = { ...shared, warmup: 8, percentile: 0.6 };
    const early = await accuracy("confidence-vote", rambling, 40, { ...options, parameters });
    expect(early.tokens).toBeLessThan(0.8 * whole.tokens);
    expect(early.accuracy).toBeGreaterThan(whole.accuracy - 0.1);
  },
  TIMEOUT_MS,
);

test("answers that are stopped count: no more of them are sampled than the budget has candidates", async () => {
  const parameters = { signal: "lowest", window: 4, warmup: 2, percentile: 1, consensus: 1 };
  const counts = new Set<number>();
  for (let seed = 1n; seed <= 16n; seed++) {
    const world = createSimulatedWorld(rambling, () => 0.5, seed << 20n);
    const { events } = await run("confidence-vote", world, { candidates: 8, tokens: 5_000, parameters });
    counts.add(events.filter((event) => event.case === "candidate").length);
  }
  expect(Math.max(...counts)).toBe(8);
});

test("signals of a known answer are those worked out by hand", () => {
  const tops = [4, 4, 1, 1, 4, 6];
  const candidate = { ...createRoot(), confidences: tops.map((top) => ({ top, certainty: top / 2 })) };
  const signals = (["certainty", "mean", "lowest", "bottom", "tail"] as const).map((signal) =>
    signalOf(candidate, signal, 2),
  );
  // Means of windows of two: 4, 2.5, 1, 2.5, 5.
  expect(signals).toEqual([20 / 12, 20 / 6, 1, 1, 5]);
  expect(lowestWindow(candidate.confidences, 10)).toBe(20 / 6);
});
