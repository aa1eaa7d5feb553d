/** `auto` when its budget is short, and with what the strategies of its table need. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { answering } from "../support/answering.ts";
import { chat, refusal } from "../support/asks.ts";
import { createChain } from "./support/chains.ts";
import { run } from "./support/run.ts";
import { createSimulatedWorld } from "./support/simulated-world.ts";

/** Six tokens an answer. */
const HARD = createChain([0.6, 0.6, 0.6, 0.6, 0.6]);
const SIX = 6;

test.each([
  ["best-of-n", 4 * SIX, "nothing is left"],
  ["best-of-n", 4 * SIX + 12, "a token a candidate is left"],
  ["particle-filtering", 4 * SIX + 3, "less than a token a candidate is left"],
  ["a-star", 4 * SIX + 1, "a token is left"],
])("%s handed over to with %d tokens gives the answer of the probes: %s", async (strategy, tokens) => {
  const table = [{ up_to: 1, strategy }];
  const world = createSimulatedWorld(HARD, HARD.value, 5n);
  const { result, chosen, text } = await run("auto", world, {
    ...{ candidates: 16, tokens, parameters: { table, settled: 0 } },
  });
  expect(chosen).toEndWith(".");
  expect(text).toBe(chosen);
  expect(result.outcome.chosen.id).toBeLessThanOrEqual(4);
  expect(result.isSpent).toBe(true);
  expect(result.ledger.spent.generated).toBeLessThanOrEqual(tokens);
});

test("with enough tokens the strategy's own answer is given, and the probes are let go once it is under way", async () => {
  const table = [{ up_to: 1, strategy: "best-of-n" }];
  const world = createSimulatedWorld(HARD, HARD.value, 5n);
  const options = { candidates: 16, parameters: { table, settled: 0 } };
  const { result } = await run("auto", world, { ...options, tokens: 16 * SIX });
  const free = await run("auto", createSimulatedWorld(HARD, HARD.value, 5n), options);
  expect(result.outcome).toMatchObject({ ran: "best-of-n", chosen: { text: free.chosen } });
  expect([1, 2, 3, 4].filter((id) => world.alive.has(id))).toEqual([]);
});

const auto = (strategy: string) => ({
  strategy: "auto",
  ...{ parameters: { probes: 2, settled: 0, table: [{ up_to: 1, strategy }] } },
  ...{ budget: { candidates: 4 }, verifier: { name: "words" } },
});

test("confidences are read if the table may hand over to who needs them, and not otherwise", async () => {
  for (const [strategy, alternatives] of [
    ["confidence-vote", 20],
    ["best-of-n", 0],
  ] as const) {
    const stack = answering(["one"]);
    await stack.client.complete(chat("hello", { scaling: auto(strategy) }));
    const asked = stack.forward.commands.flatMap(({ command }) =>
      command.case === "generate" ? [command.value.topLogprobs] : [],
    );
    expect(asked).toEqual([alternatives, alternatives, alternatives, alternatives]);
  }
});

test("a table with who needs the model's own probabilities is refused where they are shaped", async () => {
  const { client } = answering(["one"]);
  const ask = (temperature: number) => {
    const more = { ...refusal(), scaling: auto("steered-proposal"), sampling: { temperature } };
    return client.complete(chat("hello!", more)).catch(fromConnectError);
  };
  expect(await ask(0.7)).toMatchObject({ reason: "UNSUPPORTED", field: "sampling.temperature" });
  expect(await ask(1)).toMatchObject({ search: { strategy: "steered-proposal" } });
});
