/** Where a step ends, over the session protocol: at its separator, wherever tokens begin and end, and never a token later. */
import { expect, test } from "bun:test";
import { fromConnectError, type TrimtabError } from "#kit/errors.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

/** Why the last step was the last. */
interface Ends {
  readonly maxTokens?: number;
  readonly maxSteps?: number;
  readonly finalMarkers?: string[];
}

/** The steps of one candidate of a beam whose model says `text`. */
async function stepsOf(text: string, separators: readonly string[], ends: Ends = {}): Promise<string[]> {
  const stack = answering([text]);
  const step = { rule: { case: "separators" as const, value: { values: [...separators] } }, ...ends };
  const scaling = {
    ...{ strategy: "beam", budget: { candidates: 1 }, verifier: { name: "steps" } },
    ...{ step, trace: true },
  };
  const steps: string[] = [];
  const reasons: FinishReason[] = [];
  for await (const { event } of stack.client.generate(chat("hello", { scaling }))) {
    if (event.case === "finished") reasons.push(event.value.reason);
    if (event.case !== "search" || event.value.event.case !== "step") continue;
    steps.push(event.value.event.value.text);
  }
  expect(reasons).toEqual([ends.maxSteps ? FinishReason.LENGTH : FinishReason.STOP]);
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
  expect(await stepsOf("abcdefg;hi", [";"], { maxTokens: 3 })).toEqual(["abc", "def", "g;", "hi"]);
});

test.each([
  ["the step that holds it", "a\nThe answer: 3\nand so on\nmore", ["answer"], ["a\n", "The answer: 3\n"]],
  ["any of several", "a\nb #### 4\nc", ["answer", "####"], ["a\n", "b #### 4\n"]],
  ["not before the step ends", "answer; a\nb", ["answer"], ["answer; a\n"]],
  ["none that comes", "a\nb", ["answer"], ["a\n", "b"]],
])("a final marker ends the candidate: %s", async (_, text, finalMarkers, expected) => {
  expect(await stepsOf(text, ["\n"], { finalMarkers })).toEqual(expected);
});

test.each([
  ["of tokens", { rule: { case: "tokens" as const, value: 3 } }],
  ["that met no separator", { maxTokens: 3 }],
])("a final marker ends the candidate with a step %s, and not in it", async (_, step) => {
  const stack = answering(["ab#cdefghi"]);
  const rule = { ...step, finalMarkers: ["#c"] };
  const scaling = {
    strategy: "beam",
    budget: { candidates: 1 },
    verifier: { name: "steps" },
    step: rule,
  };
  const { choices } = await stack.client.complete(chat("hello", { scaling }));
  expect(choices[0]).toMatchObject({ text: "ab#cde", finished: { reason: FinishReason.STOP } });
});

test("where the limit of an answer cuts a step, its marker ends nothing", async () => {
  const stack = answering(["ab#cdefghi"]);
  const step = { rule: { case: "tokens" as const, value: 6 }, finalMarkers: ["#c"] };
  const scaling = { strategy: "beam", budget: { candidates: 1 }, verifier: { name: "steps" }, step };
  const { choices } = await stack.client.complete(chat("hello", { scaling, maxTokens: 5 }));
  expect(choices[0]).toMatchObject({ text: "ab#cd", finished: { reason: FinishReason.LENGTH } });
});

test("what might have become a stop string is part of an answer that ends for length, as without a search", async () => {
  const spec = { stop: ["STOP"], maxTokens: 4 };
  const plain = await answering(["abcSTx"]).client.complete(chat("hello", spec));
  const scaling = { strategy: "greedy" };
  const searched = await answering(["abcSTx"]).client.complete(chat("hello", { ...spec, scaling }));
  expect(plain.choices[0]).toMatchObject({ text: "abcST", finished: { reason: FinishReason.LENGTH } });
  expect(searched.choices[0]).toMatchObject({ text: "abcST", finished: { reason: FinishReason.LENGTH } });
});

test("a candidate ends for length after its most steps", async () => {
  expect(await stepsOf("a\nb\nc\nd", ["\n"], { maxSteps: 2 })).toEqual(["a\n", "b\n"]);
});

test.each([
  [
    "more markers than are taken",
    { finalMarkers: Array.from({ length: 17 }, () => "x") },
    "final_markers",
    "16",
  ],
  ["an empty marker", { finalMarkers: ["x", ""] }, "final_markers[1]", ""],
  ["a long marker", { finalMarkers: ["x".repeat(65)] }, "final_markers[0]", "64 bytes"],
  ["more steps than are counted", { maxSteps: 4_097 }, "max_steps", "4096"],
])("%s is refused", async (_, step, field, limit) => {
  const scaling = { strategy: "beam", verifier: { name: "steps" }, step };
  const failure = await answering(["a"]).client.complete(chat("hello", { scaling })).catch(fromConnectError);
  expect(failure).toMatchObject({ field: `scaling.step.${field}` });
  expect(String((failure as TrimtabError).limit ?? "")).toContain(limit);
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
