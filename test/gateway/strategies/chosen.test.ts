/** What is chosen, and held, where budgets end, verdicts fail, and steering makes the wanted very rare. Seeds 1 and up. */
import { expect, test } from "bun:test";
import { createChain } from "./support/chains.ts";
import { run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

/** Answers of one token, or ones that go on and on and whose tokens are likelier. */
const ending: SimulatedModel = {
  next: (text) =>
    text.endsWith(".")
      ? []
      : [
          { text: "so 7.", p: 0.2 },
          { text: "and ", p: 0.8 },
        ],
};

test.each(["best-of-n", "particle-filtering", "ab-mcts"])(
  "%s: of answers judged alike one that came to its end is chosen before one that the budget cut",
  async (strategy) => {
    for (let seed = 1n; seed <= 20n; seed++) {
      const world = createSimulatedWorld(ending, () => 1, seed << 20n);
      const { result, chosen } = await run(strategy, world, { candidates: 8, tokens: 16, seed });
      const hasEnded = result.leaves.some(({ ended, isAlive }) => isAlive && ended === "stop");
      expect({ seed, isWhole: chosen.endsWith(".") }).toEqual({ seed, isWhole: hasEnded });
    }
  },
);

test.each(["particle-filtering", "dvts"])(
  "%s: a whole answer is chosen before a beginning that promises more",
  async (strategy) => {
    for (let seed = 1n; seed <= 20n; seed++) {
      const world = createSimulatedWorld(ending, (text) => (text.endsWith(".") ? 0.5 : 0.9), seed << 20n);
      const options = { candidates: 8, tokens: 16, seed, parameters: { choose: "best" } };
      const { result, chosen } = await run(strategy, world, options);
      const hasEnded = result.leaves.some(({ ended, isAlive }) => isAlive && ended === "stop");
      expect({ seed, isWhole: chosen.endsWith(".") }).toEqual({ seed, isWhole: hasEnded });
    }
  },
);

test("ab-mcts chooses none of the answers that the budget did not let begin", async () => {
  const model: SimulatedModel = { next: (text) => (text.length < 3 ? [{ text: "a", p: 1 }] : []) };
  const world = createSimulatedWorld(model, (text) => (/[a]$/.test(text) ? 0.5 : 1), 1n);
  const { result, chosen } = await run("ab-mcts", world, { candidates: 4, tokens: 7 });
  expect(result.isSpent).toBe(true);
  expect(chosen).toStartWith("a");
});

test("where the budget is used up no attempt is shown to the model again", async () => {
  const model: SimulatedModel = { next: (text) => (text.length < 9 ? [{ text: "a", p: 1 }] : []) };
  const world = createSimulatedWorld(model, () => 1, 1n);
  let shown = 0;
  const revise: typeof world.revise = (...asked) => (shown++, world.revise(...asked));
  const { result } = await run("sequential-revision", { ...world, revise }, { candidates: 4, tokens: 5 });
  expect([result.isSpent, shown]).toEqual([true, 0]);
});

test("a verdict that failed is stood in for by the mean of all verdicts of the search", async () => {
  let asked = 0;
  const judge = () => (++asked <= 2 ? 0.2 : "DEADLINE_EXCEEDED");
  const world = createSimulatedWorld(createChain([0.5]), judge, 1n);
  const { result } = await run("ab-mcts", world, { candidates: 6, strict: false });
  const scores = result.leaves.flatMap(({ judged }) => judged.get("outcome")?.score ?? []);
  expect(new Set(scores)).toEqual(new Set([0.2]));
  expect(scores.length).toBe(6);
});

test("what is not wanted is never proposed before what is, however much likelier it was without steering", async () => {
  const law = (b: number): SimulatedModel => ({
    next: (text) =>
      text.length > 0
        ? []
        : [
            { text: "a\n", p: 1 - b },
            { text: "b\n", p: b },
          ],
  });
  for (let seed = 1n; seed <= 20n; seed++) {
    const world = createSimulatedWorld(law(0.5), (text) => (text === "b\n" ? 1 : 0), seed << 20n, law(1e-12));
    const { chosen, result } = await run("steered-proposal", world, { candidates: 16, seed });
    expect(chosen).toBe(result.leaves.some(({ text }) => text === "b\n") ? "b\n" : "a\n");
  }
});

test("best-first search continues no more nodes than it may, and holds none whose turn cannot come", async () => {
  const chain = createChain([0.6, 0.6, 0.6, 0.6, 0.6, 0.6]);
  for (const expansions of [1, 2, 3, 7, 12]) {
    const world = createSimulatedWorld(chain, chain.value, 3n);
    const parents = new Set<number>();
    let most = 0;
    await run("a-star", world, {
      ...{ candidates: 8, parameters: { expansions, branching: 2 } },
      onEvent(event) {
        if (event.case === "candidate") parents.add(event.value.parent ?? 0);
        if (event.case === "prune") most = Math.max(most, world.alive.size);
      },
    });
    expect(parents.size).toBeLessThanOrEqual(expansions);
    // At most those that were left, and the children of one round.
    expect(most).toBeLessThanOrEqual(expansions + 8);
  }
});

test.each(["particle-gibbs", "parallel-tempering"])(
  "%s holds what its particles and references go through, however many sweeps there are",
  async (strategy) => {
    const chain = createChain([0.5, 0.5, 0.5, 0.5]);
    const world = createSimulatedWorld(chain, chain.value, 5n);
    let most = 0;
    await run(strategy, world, {
      ...{ candidates: 4, parameters: { sweeps: 32, horizon: 5 } },
      onEvent: () => void (most = Math.max(most, world.alive.size)),
    });
    // The prompt, particles, references and the last particles of the sweep before.
    expect(most).toBeLessThanOrEqual(1 + 3 * 4 * 5);
  },
);
