/** Best-first search whose finished answers are all judged 0 when its budget ends. */
import { expect, test } from "bun:test";
import { lastScore } from "../../../gateway/src/strategies/members.ts";
import { run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

/** Steps that go on, now and then a bad end; after three steps a good one. */
const model: SimulatedModel = {
  next: (text) => {
    if (text.endsWith(".")) return [];
    if (text === "on\non\non\n") return [{ text: "so 7.", p: 1 }];
    return [
      { text: "on\n", p: 0.6 },
      { text: "no.", p: 0.4 },
    ];
  },
};
const judge = (good: number) => (text: string) =>
  text.endsWith("no.") ? 0 : text.endsWith("7.") ? good : 0.5;

/** Two expansions end on a frontier of open nodes and of bad ends. */
const parameters = { expansions: 2, branching: 4 };

async function search(good: number, tokens = Infinity) {
  const ends: string[] = [];
  for (let seed = 1n; seed <= 20n; seed++) {
    const world = createSimulatedWorld(model, judge(good), seed << 20n);
    const { result, chosen } = await run("a-star", world, { candidates: 4, tokens, seed, parameters });
    const { leaves, outcome } = result;
    const open = leaves.filter(({ ended }) => ended === undefined).length;
    const bad = leaves.filter(({ text, isAlive }) => isAlive && text.endsWith("no.")).length;
    const score = lastScore(leaves.find(({ id }) => id === outcome.chosen.id)!);
    // Otherwise there was nothing to choose between.
    if (bad > 0 && (chosen.endsWith("7.") || open > 0)) ends.push(`${chosen.slice(-2)} ${score}`);
  }
  expect(ends.length).toBeGreaterThan(3);
  return new Set(ends);
}

test("the best beginning is finished rather than an end judged 0 chosen, and the result shows its own score", async () => {
  expect(await search(0.9)).toEqual(new Set(["7. 0.9"]));
});

test("an end judged 0 is chosen, and says so, where no token is left for a better one", async () => {
  expect(await search(0.9, 8)).toEqual(new Set(["o. 0"]));
});

test("nor is an end that turns out to be worth nothing chosen for a beginning that promised more", async () => {
  const world = createSimulatedWorld(model, judge(0), 1n << 20n);
  const { result } = await run("a-star", world, { candidates: 4, parameters });
  expect(result.outcome.chosen.text).toEndWith("no.");
});
