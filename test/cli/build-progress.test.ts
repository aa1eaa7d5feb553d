/** The progress of a build is told on standard error: what a program reads from standard output is the result alone. */
import { expect, spyOn, test } from "bun:test";
import { buildRecipe } from "../../cli/src/recipe/build.ts";

test("the phases of a build are no part of its result", async () => {
  const phase = { failure: "", phase: "direction", phaseIndex: 1, phaseCount: 1, detail: "prompts" };
  const client = {
    async *buildRecipe() {
      yield { build: { ...phase, detail: "", tokensDone: 0n, tokensBudget: 9n } };
      yield { build: { ...phase, tokensDone: 0n, tokensBudget: 9n } };
      yield { build: { ...phase, tokensDone: 9n, tokensBudget: 9n, recipe: { name: "pirate" } } };
    },
  } as unknown as Parameters<typeof buildRecipe>[0];
  const out = spyOn(process.stdout, "write").mockImplementation(() => true);
  const told = spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await buildRecipe(client, "pirate");
    expect(out.mock.calls).toEqual([]);
    expect(told.mock.calls.join("")).toBe("  1/1 direction   prompts, budget 9 tokens\n");
  } finally {
    out.mockRestore();
    told.mockRestore();
  }
});
