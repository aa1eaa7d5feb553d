/** Answers of the legacy completions API: several prompts, echo, log-probabilities. */
import { expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { outcome } from "./support/asks.ts";
import { keyed } from "./support/keyed-stack.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const COMPLETIONS = "/v1/completions";

async function json(response: Response) {
  const body = (await response.json()) as any;
  expect(body.error).toBeUndefined();
  return body;
}

test("completions take texts and ids, several at once; choices are numbered prompt by prompt", async () => {
  const { post, forward } = createSimulatedStack();
  forward.script = ({ prompt }) => encode(prompt.toUpperCase());
  const ask = async (prompt: unknown) =>
    (await json(await post(COMPLETIONS, { model: "simulated", prompt, n: 2 }))).choices.map(
      (choice: any) => `${choice.index}${choice.text}`,
    );
  expect(await ask("ab")).toEqual(["0AB", "1AB"]);
  expect(await ask(["ab", "cd"])).toEqual(["0AB", "1AB", "2CD", "3CD"]);
  expect(await ask([97, 98])).toEqual(["0AB", "1AB"]);
  expect(await ask([[97], [98]])).toEqual(["0A", "1A", "2B", "3B"]);
});

test("echo with logprobs scores the prompt's own tokens, with or without generating", async () => {
  const { post } = createSimulatedStack();
  const ask = async (max_tokens: number) =>
    (
      await json(
        await post(COMPLETIONS, { model: "simulated", prompt: "ab", echo: true, logprobs: 1, max_tokens }),
      )
    ).choices[0];
  const scored = await ask(0);
  expect(scored).toMatchObject({ text: "ab", finish_reason: "length" });
  expect(scored.logprobs).toEqual({
    tokens: ["a", "b"],
    token_logprobs: [null, -0.5],
    top_logprobs: [null, { b: -0.5 }],
    text_offset: [0, 1],
  });
  const continued = await ask(2);
  expect(continued.text).toBe("abSu");
  expect(continued.logprobs.text_offset).toEqual([0, 1, 2, 3]);
});

test("completions generate 16 tokens unless told otherwise", async () => {
  const { post, forward } = createSimulatedStack();
  forward.script = () => new Array<number>(40).fill(65);
  const body = await json(await post(COMPLETIONS, { model: "simulated", prompt: "a" }));
  expect(body.choices[0].text).toHaveLength(16);
});

test("a prompt that is only scored takes of its key's rate, too", async () => {
  // Ten seconds of the rate at once: 100 tokens.
  const gate = createKeyGate({ apiKey: "", keys: [keyed("slow", { tokensPerSecond: 10 })] });
  const { post } = createSimulatedStack({ gate });
  const headers = { "content-type": "application/json", authorization: "Bearer key-of-slow" };
  const body = {
    ...{ model: "simulated", prompt: "x".repeat(270), echo: true, logprobs: 1, max_tokens: 0 },
  };
  expect((await post(COMPLETIONS, body, { headers })).status).toBe(200);
  const second = await post(COMPLETIONS, body, { headers });
  expect(await outcome(second)).toEqual([429, "rate_limit_exceeded", null]);
});

test("verdicts on nothing are refused", async () => {
  const { post } = createSimulatedStack();
  const body = { model: "simulated", prompt: "ab", echo: true, max_tokens: 0, verifiers: ["words"] };
  expect(await outcome(await post(COMPLETIONS, body))).toEqual([400, "invalid_argument", "verifiers"]);
});

test("G19 what prompts have repeated in an answer is bounded: of several, of several choices, of alternatives", async () => {
  const { post, forward } = createSimulatedStack();
  const prompt = new Array<string>(4).fill("x".repeat(480));
  const ask = (more: object) => post(COMPLETIONS, { model: "simulated", echo: true, max_tokens: 0, ...more });
  const many = { prompt, logprobs: 20, n: 64 };
  expect(await outcome(await ask(many))).toEqual([400, "field_out_of_range", "logprobs"]);
  expect((await ask({ ...many, n: 1 })).status).toBe(200);
  const long = { prompt: "x".repeat(300_000), n: 64 };
  expect(await outcome(await ask(long))).toEqual([400, "field_out_of_range", "echo"]);
  expect(forward.sessions).toBe(0);
});
