/** Answers of the chat completions API, not streamed. */
import { expect, test } from "bun:test";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const CHAT = "/v1/chat/completions";

async function json(response: Response) {
  const body = (await response.json()) as any;
  expect(body.error).toBeUndefined();
  return body;
}

test("a chat completion has the shape clients expect", async () => {
  const { post } = createSimulatedStack();
  const body = await json(await post(CHAT, chatBody("hello", { seed: 3 })));
  expect(body).toMatchObject({
    object: "chat.completion",
    model: "simulated",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Sure, I help." },
        finish_reason: "stop",
        logprobs: null,
      },
    ],
    trimtab: { seed: 3 },
  });
  expect(body.id).toMatch(/^chatcmpl-/);
  expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens);
});

test("fields that cannot change the answer are accepted, and null counts as absent", async () => {
  const { post } = createSimulatedStack();
  const harmless = {
    ...{ user: "u", metadata: { a: "b" }, store: false, service_tier: "auto", safety_identifier: "s" },
    ...{ tools: [], tool_choice: "none", response_format: { type: "text" }, modalities: ["text"] },
    ...{ temperature: null, stop: null, max_tokens: null, logit_bias: null, top_logprobs: null },
  };
  const body = await json(await post(CHAT, chatBody("hello", harmless)));
  expect(body.choices[0].message.content).toBe("Sure, I help.");
});

test("an answer that has begun is gone on with, as vLLM's clients ask for it", async () => {
  const { post, forward } = createSimulatedStack();
  let seen = "";
  forward.script = ({ prompt }) => encode((seen = prompt));
  const messages = [
    { role: "user", content: "add" },
    { role: "assistant", content: "3 + 4 = 7\n" },
  ];
  const flags = { add_generation_prompt: false, continue_final_message: true };
  // its_hub sends the fields a second time.
  const begun = { ...flags, include_stop_str_in_output: false, extra_body: flags };
  await json(await post(CHAT, chatBody("", { messages, ...begun })));
  expect(seen).toEndWith("assistant\n3 + 4 = 7\n");
  await json(await post(CHAT, chatBody("", { messages })));
  expect(seen).toEndWith("assistant\n");
  const question = await post(CHAT, chatBody("hello", { continue_final_message: true }));
  expect(await outcome(question)).toEqual([400, "invalid_argument", "messages"]);
  const nowhere = await post(CHAT, chatBody("hello", { add_generation_prompt: false }));
  expect(await outcome(nowhere)).toEqual([400, "unsupported", "add_generation_prompt"]);
});

test("messages of an earlier answer, text parts and developer messages are understood", async () => {
  const { post, forward } = createSimulatedStack();
  let seen = "";
  forward.script = ({ prompt }) => encode((seen = prompt));
  const messages = [
    {
      role: "developer",
      content: [
        { type: "text", text: "be " },
        { type: "text", text: "kind" },
      ],
    },
    { role: "user", content: "hello" },
    { role: "assistant", content: "hi", refusal: null, tool_calls: null },
    { role: "user", content: "again" },
  ];
  await json(await post(CHAT, { model: "simulated", messages }));
  expect(seen).toBe("system\nbe \nkind\nuser\nhello\nassistant\nhi\nuser\nagain\nassistant\n");
});

test("steering in the body compares base and steered, with gate, weights and proof", async () => {
  const { post } = createSimulatedStack();
  const body = await json(
    await post(CHAT, chatBody("hello!", { steering: { recipe: "refusal", compare: true } })),
  );
  expect(body.choices.map((choice: any) => choice.message.content)).toEqual([
    "Sure, I help.",
    "I cannot help with that.",
  ]);
  expect(body.choices[0].trimtab).toEqual({ steered: false });
  expect(body.choices[1].trimtab).toMatchObject({
    steered: true,
    gate: 0.9,
    layer_weights: [0, 0, 1, 0],
    layer_weights_source: "dose_search",
    proof: [{ site: "residual", layer: 2, mean_relative_change: 0.25, max_relative_change: 0.5 }],
  });
  expect(body.choices[1].trimtab.resolved).toMatch(/^refusal@sha256:/);
});

test.each(["strength", "coeff", "multiplier", "alpha", "scale"])(
  "the strength may be called %s",
  async (name) => {
    const { post } = createSimulatedStack();
    const body = await json(
      await post(CHAT, chatBody("hello!", { steering: { recipe: "refusal", [name]: 0 } })),
    );
    expect(body.choices[0].trimtab.steered).toBe(false);
  },
);

test("max_completion_tokens ends an answer with finish_reason length", async () => {
  const { post } = createSimulatedStack();
  const body = await json(await post(CHAT, chatBody("hello", { max_completion_tokens: 4 })));
  expect(body.choices[0]).toMatchObject({ message: { content: "Sure" }, finish_reason: "length" });
  expect(body.usage.completion_tokens).toBe(4);
});

test("chat logprobs name each token, its bytes and its alternatives", async () => {
  const { post } = createSimulatedStack();
  const body = await json(
    await post(CHAT, chatBody("hello", { logprobs: true, top_logprobs: 2, max_tokens: 1 })),
  );
  expect(body.choices[0].logprobs.content).toEqual([
    {
      ...{ token: "S", logprob: -0.5, bytes: [83] },
      top_logprobs: [
        { token: "S", logprob: -0.5, bytes: [83] },
        { token: "T", logprob: -1.5, bytes: [84] },
      ],
    },
  ]);
});

test("verdicts of verifiers named in the body come with each choice", async () => {
  const { post } = createSimulatedStack();
  const body = await json(await post(CHAT, chatBody("hello", { verifiers: ["words", { name: "words" }] })));
  expect(body.choices[0].trimtab.verdicts).toMatchObject([
    { verifier: "words", score: 0.3, label: "Sure" },
    {},
  ]);
});
