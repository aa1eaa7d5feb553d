/** Steps that a probe is trained on are those that a search judges, none of them blank; what they are worth if the checker fails. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { sampleSolutions } from "../../cli/src/verifier/solutions.ts";
import type { GatewayClient } from "../../cli/src/demo/answer.ts";

/** The steps of one sampled solution. */
async function stepsOf(
  tokenTexts: readonly string[],
  separators: readonly string[],
  verdict: object = { score: 1 },
) {
  const choice = { tokens: tokenTexts.map((_, id) => ({ id })), tokenTexts, verdicts: [verdict] };
  const client = { complete: () => Promise.resolve({ choices: [choice] }) } as unknown as GatewayClient;
  const outcome = { name: "regex", parameters: {} };
  const problem = { id: "p", messages: [], outcome, separators: [...separators], maxTokens: 8 };
  const [solution] = await sampleSolutions(client, problem, { samples: 1, temperature: 1, seed: 1 });
  return solution?.steps ?? [];
}

test.each([
  ["a leading blank separator", ["\n\n", "a", "\n\n", "b"], ["\n\n"], [2, 3]],
  ["separators one after the other", ["a", "\n\n", "\n\n", "b", "\n\n", "c"], ["\n\n"], [1, 4, 5]],
  ["one that is a word", ["Step", " 1", "Step", " 2"], ["Step"], [0, 2, 3]],
  ["one within a token", ["a\nb", "\n", "c"], ["\n"], [0, 2]],
])("a step ends where a search ends it: %s", async (_, texts, separators, expected) => {
  const steps = await stepsOf(texts, separators);
  expect(steps.map(({ lastToken }) => lastToken)).toEqual(expected);
});

test("code that had to be killed is not right and ends no training; any other failure of the checker does", async () => {
  const [step] = await stepsOf(["a"], ["\n"], { failure: "DEADLINE_EXCEEDED" });
  expect(step?.worth).toBe(0);
  const failed = await stepsOf(["a"], ["\n"], { failure: "SERVICE_UNAVAILABLE" }).catch(fromConnectError);
  expect(failed).toMatchObject({ reason: "SERVICE_UNAVAILABLE" });
});
