/** A refusal names the field as its caller wrote it, whichever service refuses: alone, as a part, of a candidate, over both protocols. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { putTestDirection, TEST_DIRECTION } from "../support/direction.ts";
import { type RealStack, startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(120_000);
const QUESTION = "What is the capital of France?";
const THERE = { direction: TEST_DIRECTION, scale: 0.01 };
const GONE = { direction: "gone", scale: 1 };
const CONVERSATION = { messages: [{ role: "user", content: QUESTION }] };
let stack: RealStack;
beforeAll(async () => {
  stack = await startRealStack();
  await putTestDirection(stack.client);
});
afterAll(() => stack.close());

async function fieldOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => fromConnectError(error).field,
  );
}

test("steering that does not exist or fit, in an OpenAI body", async () => {
  const paramOf = async (steering: object) => (await stack.chat(QUESTION, steering)).error?.param;
  expect(await paramOf(GONE)).toBe("steering.direction");
  expect(await paramOf({ parts: [THERE, GONE] })).toBe("steering.parts[1].direction");
  expect(await paramOf({ parts: [THERE, { ...THERE, force_gate: 1 }] })).toBe("steering.parts[1].force_gate");
  expect(await paramOf({ recipe: "gone" })).toBe("steering.recipe");
});

test("the same over gRPC, for a call with a use, one without, and a candidate of a search", async () => {
  const prompt = { case: "text" as const, value: QUESTION };
  const completed = (spec: object) => fieldOf(stack.client.complete({ spec: { prompt, ...spec } }));
  expect(await completed({ steering: { use: GONE } })).toBe("steering.use.direction");
  expect(await completed({ steering: { use: { parts: [THERE, { recipe: "a", direction: "b" }] } } })).toBe(
    "steering.use.parts[1].direction",
  );
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: { name: "mean_logprob" } };
  expect(await completed({ scaling: { ...scaling, diversify: [THERE, GONE] } })).toBe(
    "scaling.diversify[1].direction",
  );
  const scored = { conversation: CONVERSATION, answers: ["Paris"] };
  expect(await fieldOf(stack.client.score({ ...scored, steering: GONE }))).toBe("steering.direction");
  expect(await fieldOf(stack.client.score({ ...scored, steering: { recipe: "gone" } }))).toBe(
    "steering.recipe",
  );
});

test("texts, ids and names that are none", async () => {
  const { client, model } = stack;
  const long = "word ".repeat(60_000);
  expect(await fieldOf(client.score({ answers: ["Paris is large", long] }))).toBe("answers[1]");
  expect(await fieldOf(client.tokenize({ input: { case: "text", value: long } }))).toBe("input");
  const ids = { ids: [1, model.vocabularySize] };
  const prompt = { case: "ids" as const, value: ids };
  expect(await fieldOf(client.complete({ spec: { prompt } }))).toBe("ids.ids[1]");
  expect(await fieldOf(client.score({ answerIds: [ids] }))).toBe("answer_ids[0].ids[1]");
  expect(await fieldOf(client.deleteArtifact({ name: "gone" }))).toBe("name");
});

test("a matrix that is no projection", async () => {
  const { client, model } = stack;
  const put = (matrix: { shape: number[]; dataType?: DataType; value?: number }) => {
    const { shape, dataType = DataType.F32, value = 1 } = matrix;
    const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(value);
    return fieldOf(
      client.putProjection({ matrix: { shape, dataType, data: new Uint8Array(values.buffer) } }),
    );
  };
  expect(await fieldOf(client.putProjection({}))).toBe("matrix");
  expect(await put({ shape: [1, model.width], dataType: DataType.F16 })).toBe("matrix.data_type");
  expect(await put({ shape: [model.width] })).toBe("matrix.shape");
  expect(await put({ shape: [1, model.width - 1] })).toBe("matrix");
  expect(await put({ shape: [1, model.width], value: Number.NaN })).toBe("matrix");
  expect(await put({ shape: [1, model.width] })).toBeUndefined();
});
