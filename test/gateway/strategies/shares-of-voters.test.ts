/** A share of the answers votes: what has no answer, or came to no end, takes none of its places. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

/** Half of the samples answer, unsure of it; the others are sure of every word and answer nothing, at once or never. */
const idle = (piece: string): SimulatedModel => ({
  next(text) {
    if (text.endsWith(".")) return [];
    if (text === "")
      return [
        { text: "so ", p: 0.5 },
        { text: piece, p: 0.5 },
      ];
    if (!text.startsWith("so")) return [{ text: piece, p: 1 }];
    return ["it is 7.", "it is  7.", "it's 7."].map((end) => ({ text: end, p: 1 / 3 }));
  },
});

test.each([
  ["confidence-vote", { keep: 0.25 }, "and on "],
  ["confidence-vote", { keep: 0.25 }, "none."],
  ["feature-vote", { shortest: 0.25 }, "none."],
])("%s with %j chooses an answer though others say %j", async (strategy, parameters, piece) => {
  for (let seed = 1n; seed <= 20n; seed++) {
    const world = createSimulatedWorld(idle(piece), () => 0.5, seed << 20n);
    const { answer, result } = await run(strategy, world, { candidates: 8, seed, parameters, maxTokens: 20 });
    const isAnswered = result.leaves.some(({ text }) => text.startsWith("so"));
    expect({ seed, answer }).toEqual({ seed, answer: isAnswered ? "7" : undefined });
  }
});
