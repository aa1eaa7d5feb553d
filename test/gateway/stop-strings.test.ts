/** Stop strings: literal, across token boundaries, nothing after them. The reference looks at the text a character at a time. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { create } from "@bufbuild/protobuf";
import { TokenSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { createChoiceText } from "../../gateway/src/flow/choice-text.ts";
import { chat } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const SEED = 20_261;

/** Text before the stop string that is complete first; of several complete at once, the longest. */
function reference(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const met = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length);
    if (met[0] !== undefined) return text.slice(0, end - met[0].length);
  }
  return text;
}

/** Runs tokens with these spellings through the unit under test. */
function run(spellings: readonly string[], stops: readonly string[]) {
  const decoder = { push: (id: number) => spellings[id] ?? "", end: () => "" };
  const text = createChoiceText(decoder, stops);
  const shown = spellings.map((spelling, id) => {
    const before = text.stopped;
    const piece = text.push({ token: create(TokenSchema, { id }), spelling });
    return before ? (piece.text === "" ? "" : "text after the stop") : piece.text;
  });
  shown.push(text.end().text);
  return { shown: shown.join(""), text };
}

test(`G20 whatever the tokens, what is shown is the text before the first stop (seed ${SEED})`, () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 4 });
  const stop = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), fc.array(stop, { maxLength: 3 }), (tokens, stops) => {
      const { shown, text } = run(tokens, stops);
      expect(shown).toBe(reference(tokens.join(""), stops));
      expect(text.text).toBe(shown);
    }),
    { seed: SEED, numRuns: 3_000 },
  );
});

test("text that may become a stop is held back until it is decided, and shown at the end", () => {
  const decoder = { push: (id: number) => "xSTO"[id] ?? "", end: () => "" };
  const text = createChoiceText(decoder, ["STOP"]);
  const pieces = [0, 1, 2, 3].map(
    (id) => text.push({ token: create(TokenSchema, { id }), spelling: "" }).text,
  );
  expect(pieces).toEqual(["x", "", "", ""]);
  expect(text.end().text).toBe("STO");
});

test("G20 a stop across tokens ends the answer and stops forward; usage counts to the token that completed it", async () => {
  const stack = createSimulatedStack();
  stack.forward.script = () => encode("one STOP two three four");
  const answer = await stack.client.complete(chat("hello", { stop: ["STOP"] }));
  expect(answer.choices[0]?.text).toBe("one ");
  expect(answer.choices[0]?.finished?.reason).toBe(1);
  expect(answer.usage?.completionTokens).toBe(encode("one STOP").length);
  expect(stack.forward.commands.some(({ command }) => command.case === "stop")).toBe(true);
});

test("G20 a stop that looks like a pattern is taken literally", async () => {
  const stack = createSimulatedStack();
  stack.forward.script = () => encode("aaaa (a+)+$ b");
  const answer = await stack.client.complete(chat("hello", { stop: ["(a+)+$"] }));
  expect(answer.choices[0]?.text).toBe("aaaa ");
});

test("tokens of a character that is not whole yet are held until it is", async () => {
  const stack = createSimulatedStack();
  stack.forward.script = () => encode("é🙂!");
  const deltas: string[] = [];
  for await (const { event } of stack.client.generate(chat("hello"))) {
    if (event.case === "delta") deltas.push(event.value.text);
  }
  expect(deltas).toEqual(["é", "🙂", "!"]);
});

test("a character cut off by the token limit becomes U+FFFD at the end", async () => {
  const stack = createSimulatedStack();
  stack.forward.script = () => encode("a🙂");
  const answer = await stack.client.complete(chat("hello", { maxTokens: 3 }));
  expect(answer.choices[0]?.text).toBe("a\ufffd");
  expect(answer.choices[0]?.finished?.reason).toBe(2);
});
