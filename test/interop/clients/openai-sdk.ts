/** The official OpenAI SDK for JavaScript as the judge of answers, streams, errors and retries. */
import { beforeAll, expect, test } from "bun:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { served } from "../support/shared.ts";

const client = new OpenAI({ baseURL: `http://127.0.0.1:${served.httpPort}/v1`, apiKey: "none" });
let model: string;

beforeAll(async () => {
  model = (await client.models.list()).data[0]?.id ?? "";
});

const messages = [{ role: "user" as const, content: "Say hello!" }];
const greedy = { temperature: 0, max_tokens: 16 };

/** Our field beside the SDK's own. */
function steered(more: object = {}): object {
  return { steering: { ...JSON.parse(served.steering), ...more } };
}

test("models are listed and retrieved", async () => {
  expect((await client.models.retrieve(model)).id).toBe(model);
  expect(await client.models.retrieve("nope").catch((thrown) => thrown)).toBeInstanceOf(NotFoundError);
});

test("a chat completion and its stream have the same text", async () => {
  const whole = await client.chat.completions.create({ model, messages, ...greedy });
  let text = "";
  let finish: string | null = null;
  let usage: OpenAI.CompletionUsage | null | undefined;
  const options = { stream: true, stream_options: { include_usage: true } } as const;
  for await (const chunk of await client.chat.completions.create({
    model,
    messages,
    ...greedy,
    ...options,
  })) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe(whole.choices[0]?.message.content ?? "");
  expect(finish).toBe(whole.choices[0]?.finish_reason ?? "");
  expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens ?? -1);
});

test("the SDK's stream helper assembles the answer", async () => {
  const runner = client.chat.completions.stream({ model, messages, ...greedy });
  const final = await runner.finalChatCompletion();
  expect(final.choices[0]?.message.content?.length).toBeGreaterThan(5);
});

test("steering compares base and steered, base as without steering", async () => {
  const base = await client.chat.completions.create({ model, messages, ...greedy });
  const both = await client.chat.completions.create({
    model,
    messages,
    ...greedy,
    ...steered({ compare: true }),
  });
  const [first, second] = both.choices as (OpenAI.ChatCompletion.Choice & { trimtab: any })[];
  expect(first?.message.content).toBe(base.choices[0]?.message.content ?? "");
  expect(first?.trimtab.steered).toBe(false);
  expect(second?.trimtab.steered).toBe(true);
  expect(second?.trimtab.proof[0].mean_relative_change).toBeGreaterThan(0);
  expect(second?.message.content).not.toBe(first?.message.content ?? "");
});

test("the same seed gives the same choices, and choices differ", async () => {
  const ask = async () => {
    const sampled = { temperature: 1.5, max_tokens: 12, n: 3, seed: 11 };
    const { choices } = await client.chat.completions.create({ model, messages, ...sampled });
    return choices.map((choice) => choice.message.content);
  };
  const first = await ask();
  expect(first).toEqual(await ask());
  expect(first).toHaveLength(3);
});

test("logprobs add up: the chosen greedy token is its own likeliest alternative", async () => {
  const wanted = { logprobs: true, top_logprobs: 3 };
  const { choices } = await client.chat.completions.create({ model, messages, ...greedy, ...wanted });
  const content = choices[0]?.logprobs?.content ?? [];
  expect(content.length).toBeGreaterThan(3);
  for (const { token, logprob, top_logprobs } of content) {
    expect(top_logprobs).toHaveLength(3);
    expect(top_logprobs[0]).toMatchObject({ token, logprob });
  }
});

test("completions continue plain text and can echo it", async () => {
  const prompt = "Once upon a time";
  const answer = await client.completions.create({ model, prompt, echo: true, logprobs: 1, ...greedy });
  expect(answer.choices[0]?.text.startsWith(prompt)).toBe(true);
  expect(answer.choices[0]?.logprobs?.token_logprobs?.[0]).toBeNull();
});

test("embeddings have length 1, the same as numbers and base64, and like texts are nearer", async () => {
  const input = [
    "The cat sat on the mat.",
    "A cat is sitting on a mat.",
    "Interest rates rose by two percent.",
  ];
  // The SDK asks for base64 unless told otherwise.
  const { data, usage } = await client.embeddings.create({ model, input });
  const [cat = [], sitting = [], rates = []] = data.map(({ embedding }) => embedding);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  expect(dot(cat, cat)).toBeCloseTo(1, 5);
  expect(dot(cat, sitting)).toBeGreaterThan(dot(cat, rates));
  expect(usage.prompt_tokens).toBeGreaterThan(15);
  const float = await client.embeddings.create({ model, input: input[0] ?? "", encoding_format: "float" });
  expect(float.data[0]?.embedding).toEqual(cat);
  const options = { layer: 10, pooling: "last" } as object;
  const other = await client.embeddings.create({ model, input: input[0] ?? "", ...options });
  expect(other.data[0]?.embedding).not.toEqual(cat);
});

test("refusals are the SDK's typed errors and are not retried", async () => {
  let requests = 0;
  const counting = client.withOptions({
    fetch: (...call) => {
      requests++;
      return fetch(...(call as Parameters<typeof fetch>));
    },
  });
  const tools = [{ type: "function" as const, function: { name: "f" } }];
  const error = await counting.chat.completions.create({ model, messages, tools }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ param: "tools", code: "unsupported" });
  const embedding = await counting.embeddings
    .create({ model, input: "a", dimensions: 8 })
    .catch((thrown) => thrown);
  expect(embedding).toBeInstanceOf(BadRequestError);
  expect(embedding).toMatchObject({ param: "dimensions", code: "unsupported" });
  expect(requests).toBe(2);
});

test("a stream that is left in the middle leaves the server well", async () => {
  const stream = await client.chat.completions.create({ model, messages, stream: true, n: 4 });
  for await (const _ of stream) break;
  expect((await client.models.list()).data).not.toHaveLength(0);
});
