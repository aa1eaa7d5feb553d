/** Log-probabilities as completions tell them, of tokens with awkward spellings, and where in the text they say that these are. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TokenSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { createChoiceLogprobs } from "../../gateway/src/openai/logprobs.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode, IM_START } from "./support/simulated-tokenizer.ts";

/** Offsets in the chunks of a stream, one after the other. */
async function streamedOffsets(response: Response): Promise<number[]> {
  const events = (await response.text()).split("\n\n").filter((event) => event.startsWith("data: {"));
  return events.flatMap((event) => {
    const { choices } = JSON.parse(event.slice("data: ".length));
    return choices[0]?.logprobs?.text_offset ?? [];
  });
}

/** The alternatives told of one token. */
function alternativesOf(spellings: readonly string[], drawn: number, reported: number) {
  const top = spellings.slice(0, reported).map((_, id) => ({ id, logprob: -1 - id }));
  const token = create(TokenSchema, { id: drawn, logprob: -1 - drawn, top });
  const vocabulary = {
    spelling: (id: number) => spellings[id] ?? "",
    decoder: () => ({ push: (id: number) => spellings[id] ?? "", end: () => "" }),
  };
  return createChoiceLogprobs(vocabulary, false).next({ text: "", tokens: [token] }).top_logprobs;
}

test("tokens spelled like properties of every object are alternatives like others, and the likelier of two stays", () => {
  const spellings = ["constructor", "__proto__", "toString", "a", "a"];
  const [alternatives] = alternativesOf(spellings, 3, 5);
  expect(Object.entries(alternatives ?? {})).toEqual([
    ["constructor", -1],
    ["__proto__", -2],
    ["toString", -3],
    ["a", -4],
  ]);
});

test("the token that was drawn is among its alternatives, however unlikely, unless none were asked for", () => {
  expect(alternativesOf(["a", "b", "c"], 2, 1)).toEqual([{ a: -1, c: -3 }]);
  expect(alternativesOf(["a", "b", "c"], 0, 1)).toEqual([{ a: -1 }]);
  expect(alternativesOf(["a", "b", "c"], 2, 0)).toEqual([{}]);
});

test.each([
  // What is no text takes no place in it; bytes of one character begin where it does, which is one place wide.
  ["special tokens and characters of several", [IM_START, ...encode("a😀b")], "cé", ["#"], "a😀bcé"],
  ["text held back before a stop string", encode("a"), "bSTOP", ["STOP"], "ab"],
  ["text held back in vain", encode("a"), "STxOP", ["STOP"], "aSTxOP"],
])("offsets are places in the text, whole or streamed: %s", async (_, prompt, answer, stop, text) => {
  const { post, forward } = createSimulatedStack();
  forward.script = () => encode(answer);
  const body = { model: "simulated", prompt, echo: true, logprobs: 1, max_tokens: 9, stop };
  const whole = ((await (await post("/v1/completions", body)).json()) as any).choices[0];
  expect(whole.text).toBe(text);
  const characters = Array.from(whole.text as string);
  const { tokens, text_offset: offsets } = whole.logprobs;
  for (const [at, token] of (tokens as string[]).entries()) {
    const isText = !token.startsWith("<|") && !token.includes("\ufffd");
    if (isText) expect(characters.slice(offsets[at]).join("")).toStartWith(token);
  }
  expect(offsets).toEqual((offsets as number[]).toSorted((a, b) => a - b));
  expect(await streamedOffsets(await post("/v1/completions", { ...body, stream: true }))).toEqual(offsets);
});

test("a special token begins where the text after it does", async () => {
  const { post, forward } = createSimulatedStack();
  forward.script = () => encode("c");
  const prompt = [IM_START, ...encode("a😀b")];
  const body = { model: "simulated", prompt, echo: true, logprobs: 0, max_tokens: 4 };
  const { choices } = (await (await post("/v1/completions", body)).json()) as any;
  expect(choices[0].logprobs.text_offset).toEqual([0, 0, 1, 1, 1, 1, 2, 3]);
});

test("what scoring a prompt computes is billed, with or without generating", async () => {
  const { post } = createSimulatedStack();
  const prefilled = async (more: object) => {
    const body = { model: "simulated", prompt: "abc", echo: true, max_tokens: 2, ...more };
    return ((await (await post("/v1/completions", body)).json()) as any).usage.trimtab.prefilled_tokens;
  };
  const generated = await prefilled({});
  expect(await prefilled({ logprobs: 1 })).toBe(generated + 3);
  expect(await prefilled({ logprobs: 1, max_tokens: 0 })).toBe(3);
});
