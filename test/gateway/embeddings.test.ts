/** Embeddings over RPC and HTTP: one row a text in order, OpenAI's shape, every wrong field refused by its name. */
import { expect, spyOn, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { Pooling } from "#proto/trimtab/type/v1/program_pb.ts";
import { LIMITS } from "../../gateway/src/limits.ts";
import { until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const PATH = "/v1/embeddings";
const floats = (data: Uint8Array | undefined) => [...new Float32Array(data?.slice().buffer ?? [])];

test("Embed answers one row a text, in order, texts before token ids, and says what it cost", async () => {
  const { client } = createSimulatedStack();
  const tokenIds = [{ ids: [33, 33, 33] }];
  const answer = await client.embed({ texts: ["a!", "b!!!"], tokenIds });
  // The simulated service answers [exclamation marks, tokens].
  expect(answer.embeddings.map(({ values }) => floats(values?.data))).toEqual([
    [1, 2],
    [3, 4],
    [3, 3],
  ]);
  expect(answer.usage).toMatchObject({ promptTokens: 9, prefilledTokens: 9 });
});

test("normalized rows have length 1", async () => {
  const { client } = createSimulatedStack();
  const { embeddings } = await client.embed({ texts: ["!!!!"], normalize: true, pooling: Pooling.LAST });
  expect(floats(embeddings[0]?.values?.data)).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2)]);
});

for (const [request, reason, field] of [
  [{}, "FIELD_REQUIRED", "texts"],
  [{ texts: ["a", ""] }, "FIELD_REQUIRED", "texts[1]"],
  [{ texts: ["a"], layer: 4 }, "FIELD_OUT_OF_RANGE", "layer"],
  [{ texts: ["a"], pooling: Pooling.NONE }, "INVALID_ARGUMENT", "pooling"],
  [{ tokenIds: [{ ids: [99_999] }] }, "FIELD_OUT_OF_RANGE", "token_ids[0].ids[0]"],
  [{ texts: ["a".repeat(20_000)] }, "CONTEXT_OVERFLOW", "texts[0]"],
  [{ texts: Array(257).fill("a") }, "FIELD_OUT_OF_RANGE", "texts"],
] as const) {
  test(`Embed refuses ${field} with ${reason}`, async () => {
    const { client } = createSimulatedStack();
    const thrown = await client.embed(request as never).catch(fromConnectError);
    expect(thrown).toMatchObject({ reason, field });
  });
}

test("the HTTP answer has OpenAI's shape, as numbers or base64, with rows of length 1", async () => {
  const { post } = createSimulatedStack();
  const body = { model: "simulated", input: ["a!", "b!!!"] };
  const plain = (await (await post(PATH, body)).json()) as any;
  expect(plain).toMatchObject({
    object: "list",
    model: "simulated",
    data: [
      { object: "embedding", index: 0 },
      { object: "embedding", index: 1, embedding: [Math.fround(0.6), Math.fround(0.8)] },
    ],
    usage: { prompt_tokens: 6, total_tokens: 6 },
  });
  const coded = (await (await post(PATH, { ...body, encoding_format: "base64" })).json()) as any;
  expect(floats(Buffer.from(coded.data[1].embedding, "base64"))).toEqual(plain.data[1].embedding);
  const raw = (await (await post(PATH, { ...body, normalize: false })).json()) as any;
  expect(raw.data[1].embedding).toEqual([3, 4]);
});

test("input may be a text, texts, ids or lists of ids", async () => {
  const { post } = createSimulatedStack();
  for (const [input, rows] of [
    ["!!", 1],
    [["!!", "a"], 2],
    [[33, 33], 1],
    [[[33, 33], [97]], 2],
  ] as const) {
    const answer = (await (await post(PATH, { model: "simulated", input, normalize: false })).json()) as any;
    expect(answer.data).toHaveLength(rows);
    expect(answer.data[0].embedding).toEqual([2, 2]);
  }
});

for (const [fields, param, code] of [
  [{ input: "" }, "input[0]", "field_required"],
  [{ input: [] }, "input", "field_out_of_range"],
  [{ input: "a", dimensions: 1 }, "dimensions", "unsupported"],
  [{ input: "a", encoding_format: "int8" }, "encoding_format", "invalid_argument"],
  [{ input: "a", layer: 9 }, "layer", "field_out_of_range"],
  [{ input: "a", pooling: "none" }, "pooling", "invalid_argument"],
  [{ input: "a", temperature: 1 }, "temperature", "unknown_field"],
  [{ input: [[7, 99_999]] }, "input[0].ids[1]", "field_out_of_range"],
] as const) {
  test(`HTTP refuses ${JSON.stringify(fields)} naming ${param}`, async () => {
    const { post } = createSimulatedStack();
    const response = await post(PATH, { model: "simulated", ...fields });
    expect(response.status).toBe(400);
    expect(((await response.json()) as any).error).toMatchObject({ param, code });
  });
}

test("embeddings over HTTP live no longer than any request", async () => {
  const { post, clients } = createSimulatedStack();
  let isReading = false;
  const capture = async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
    isReading = true;
    yield await new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error)),
    );
  };
  Object.assign(clients.forward, { capture });
  const timers = spyOn(globalThis, "setTimeout");
  try {
    const answer = post(PATH, { model: "simulated", input: "a" });
    await until(() => isReading);
    for (const [call, delay] of timers.mock.calls) if (delay === LIMITS.requestMs) (call as () => void)();
    expect((await answer).status).toBe(504);
  } finally {
    timers.mockRestore();
  }
});
