/** Searches hold no more sequences than they say, and those that might hold more than forward has are refused before they begin. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { SCALING_LIMITS } from "../../../gateway/src/limits.ts";
import { findStrategy } from "../../../gateway/src/strategies/registry.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";
import { createChain } from "./support/chains.ts";
import { parametersOf, run } from "./support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "./support/simulated-world.ts";

const gibbsRow = { table: [{ up_to: 1, strategy: "particle-gibbs" }] };

test.each([
  ["particle-gibbs", {}, 58],
  ["particle-gibbs", { horizon: 64, sweeps: 1 }, 15],
  ["parallel-tempering", {}, 58],
  ["a-star", { expansions: 1024, branching: 16 }, 31],
  ["auto", gibbsRow, 58],
])(
  "%s with %j is refused for more candidates than can be held, and served for as many",
  async (strategy, parameters, most) => {
    const stack = answering(["a"]);
    const ask = (candidates: number) => {
      const scaling = { strategy, parameters, budget: { candidates }, verifier: { name: "steps" } };
      return stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
    };
    const refused = await ask(most + 1);
    expect(refused).toMatchObject({
      ...{ reason: "FIELD_OUT_OF_RANGE", field: "scaling.budget.candidates", limit: `at most ${most}` },
    });
    expect(stack.forward.commands).toEqual([]);
    expect(await ask(most)).toMatchObject({ choices: [{ text: "a" }] });
  },
);

test("a verifier that compares no more than two is shown no more: a larger budget is refused before it begins", async () => {
  const stack = answering(["a", "b c"]);
  const ask = (candidates: number) => {
    const scaling = { strategy: "best-of-n", budget: { candidates }, verifier: { name: "pairs" } };
    return stack.client.complete(chat("hello", { scaling })).catch(fromConnectError);
  };
  expect(await ask(3)).toMatchObject({
    ...{ reason: "FIELD_OUT_OF_RANGE", field: "scaling.budget.candidates", limit: "at most 2" },
  });
  expect(stack.forward.commands).toEqual([]);
  expect(await ask(2)).toMatchObject({ choices: [{ text: "b c" }] });
});

/** Half of all steps end the answer, badly. */
const ending: SimulatedModel = {
  next: (text) =>
    text.endsWith(".")
      ? []
      : [
          { text: "on\n", p: 0.5 },
          { text: "no.", p: 0.5 },
        ],
};
const chain = createChain([0.5, 0.5, 0.5, 0.5]);

test.each([
  ["particle-gibbs", { sweeps: 16, horizon: 5 }, chain, chain.value],
  ["parallel-tempering", { sweeps: 16, horizon: 5, chains: 2 }, chain, chain.value],
  ["a-star", { expansions: 40, branching: 4 }, ending, (text: string) => (text.endsWith(".") ? 0 : 1)],
] as const)("%s with %j holds no more than it says", async (name, parameters, model, judge) => {
  const strategy = findStrategy(name);
  const holds = strategy?.holds?.(6, parametersOf(strategy, parameters)) ?? 0;
  for (let seed = 1n; seed <= 10n; seed++) {
    const world = createSimulatedWorld(model, judge, seed << 20n);
    let most = 0;
    await run(name, world, {
      ...{ candidates: 6, parameters: { ...parameters }, seed },
      onEvent: () => void (most = Math.max(most, world.alive.size)),
    });
    // And the prompt.
    expect(most).toBeLessThanOrEqual(1 + holds);
  }
  expect(holds).toBeLessThan(SCALING_LIMITS.held);
});
