/** Where a step ends, over the session protocol: at its separator, wherever tokens begin and end, and never a token later. */
import { expect, test } from "bun:test";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

/** The steps of one candidate of a beam whose model says `text`. */
async function stepsOf(text: string, separators: readonly string[], maxTokens = 0): Promise<string[]> {
  const stack = answering([text]);
  const step = { rule: { case: "separators" as const, value: { values: [...separators] } }, maxTokens };
  const scaling = {
    ...{ strategy: "beam", budget: { candidates: 1 }, verifier: { name: "steps" } },
    ...{ step, trace: true },
  };
  const steps: string[] = [];
  for await (const { event } of stack.client.generate(chat("hello", { scaling }))) {
    if (event.case === "search" && event.value.event.case === "step")
      steps.push(event.value.event.value.text);
  }
  expect([...stack.forward.alive]).toEqual([]);
  return steps;
}

test.each([
  ["one token", "a\n\nb\n\nc", ["\n\n"], ["a\n\n", "b\n\n", "c"]],
  ["across tokens", "a;\n;b;;c", [";;"], ["a;\n;b;;", "c"]],
  ["the end of a longer token", "a STOP b", ["TO"], ["a STOP", " b"]],
  ["tokens that could end a step and do not", "a.b.c..d", [".."], ["a.b.c..", "d"]],
  ["any of several", "a\nb;c", ["\n", ";"], ["a\n", "b;", "c"]],
  ["nothing but blanks before it", "\n\n \n\na\n\nb", ["\n\n"], ["\n\n \n\na\n\n", "b"]],
])("a step ends at its separator: %s", async (_, text, separators, expected) => {
  const steps = await stepsOf(text, separators);
  expect(steps).toEqual(expected);
  expect(steps.join("")).toBe(text);
});

test("a step that meets no separator ends after its tokens", async () => {
  expect(await stepsOf("abcdefg;hi", [";"], 3)).toEqual(["abc", "def", "g;", "hi"]);
});

test("more candidates than forward takes commands in one message are searched all the same", async () => {
  const stack = answering(["a;b", "c;d", "e;f"]);
  const step = { rule: { case: "separators" as const, value: { values: [";"] } } };
  const scaling = {
    strategy: "particle-filtering",
    budget: { candidates: 256 },
    verifier: { name: "steps" },
    step,
  };
  const { usage } = await stack.client.complete(chat("hello", { scaling }));
  expect(usage?.scaling?.generatedTokens).toBeGreaterThanOrEqual(3 * 256);
  expect([...stack.forward.alive]).toEqual([]);
});
