/** Windows of the answer, through the schema: they act on their tokens and on no other, and are proven row by row. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import type { LayerProof, ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import { OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { failure, prompt } from "../../support/forward-engine.ts";
import { startForwardForFile } from "../../support/forward-service.ts";
import { createRandom } from "../../support/synthetic-model.ts";

const forward = await startForwardForFile();
const IDS = prompt(37, 6);
const TOKENS = 8;
const LAST_LAYER = 3;

type Window = { first?: number; end?: number };

/** An addition after the last block, which no later token sees through keys and values. */
function addition(answerWindow: Window | undefined, scope = Scope.DECODE, layer = LAST_LAYER) {
  const random = createRandom(3);
  const values = Float32Array.from({ length: 64 }, random);
  const vectors = { dataType: 1, shape: [1, 64], data: new Uint8Array(values.buffer) };
  const fields = { site: Site.RESIDUAL, layer, kind: OperationKind.ADD, vectors, scope };
  return answerWindow ? { ...fields, answerWindow } : fields;
}

async function bind(operations: ReturnType<typeof addition>[], coefficients = operations.map(() => 3)) {
  const { client, modelDigest } = forward;
  const { programDigest } = await client.putProgram({ program: { modelDigest, operations } });
  return { programDigest, coefficients } as ProgramBinding;
}

async function generate(ids: readonly number[], maxTokens: number, program?: ProgramBinding) {
  const { client, modelDigest } = forward;
  const { sequence } = await client.open({ modelDigest, open: { ids: [...ids] } });
  const tokens: { id: number; logprob: number }[] = [];
  let proof: LayerProof[] = [];
  const value = { maxTokens, sampling: { temperature: 0 }, ignoreModelStop: true, replayLast: true };
  const stream = client.generate({
    modelDigest,
    sequence,
    generate: program ? { ...value, program } : value,
  });
  for await (const { event } of stream) {
    if (event.case === "tokens")
      tokens.push(...event.value.tokens.map(({ id, logprob }) => ({ id, logprob })));
    if (event.case === "finished") proof = event.value.proof;
  }
  await client.release({ modelDigest, sequences: [sequence] });
  return { tokens, proof };
}

test("tokens outside the window are bit-identical to unsteered ones after the same prefix, those inside are not", async () => {
  const steered = await generate(IDS, TOKENS, await bind([addition({ first: 2, end: 5 })]));
  for (const [k, token] of steered.tokens.entries()) {
    const prefix = [...IDS, ...steered.tokens.slice(0, k).map(({ id }) => id)];
    const plain = await generate(prefix, 1);
    // Token k is sampled from the row of generated token k − 1.
    const isInside = k - 1 >= 2 && k - 1 < 5;
    expect([k, plain.tokens[0]?.logprob === token.logprob]).toEqual([k, !isInside]);
  }
});

test("the proof counts exactly the rows of the window; an end of 0 is the end of the answer", async () => {
  const rows = async (...windows: (Window | undefined)[]) => {
    const { proof } = await generate(IDS, TOKENS, await bind(windows.map((window) => addition(window))));
    return proof.map((each) => each.rows);
  };
  // Seven generated tokens are computed: the eighth is never fed back.
  expect(await rows(undefined)).toEqual([7]);
  expect(await rows({})).toEqual([7]);
  expect(await rows({ first: 2, end: 5 })).toEqual([3]);
  expect(await rows({ first: 4 })).toEqual([3]);
  expect(await rows({ first: 90, end: 95 })).toEqual([]);
  expect(await rows({ end: 3 }, { first: 3 })).toEqual([7]);
  expect(await rows({ end: 4 }, { first: 2 })).toEqual([7]);
});

test("windows one after the other act each with its own strength, the last prompt token with its own too", async () => {
  const operations = [addition(undefined, Scope.LAST), addition({ end: 2 }), addition({ first: 2 })];
  const { proof } = await generate(IDS, TOKENS, await bind(operations, [4, 2, 1]));
  expect(proof[0]).toMatchObject({ layer: LAST_LAYER, rows: 8 });
  const alone = async (index: number) => {
    const coefficients = [4, 2, 1].map((c, i) => (i === index ? c : 0));
    const binding = await bind(operations, coefficients);
    return (await generate(IDS, TOKENS, binding)).proof[0];
  };
  expect([(await alone(0))?.rows, (await alone(1))?.rows, (await alone(2))?.rows]).toEqual([1, 2, 5]);
});

test("a window that is none, one of another scope and too many of them are refused by field", async () => {
  const { client, modelDigest } = forward;
  const refusal = async (...operations: ReturnType<typeof addition>[]) => {
    const { reason, field, limit } = fromConnectError(
      await failure(client.putProgram({ program: { modelDigest, operations } })),
    );
    return [reason, field, limit];
  };
  const range = "FIELD_OUT_OF_RANGE";
  expect((await refusal(addition({ first: 5, end: 5 }))).slice(0, 2)).toEqual([
    range,
    "program.operations[0].answer_window.end",
  ]);
  expect((await refusal(addition({ end: 5 }), addition({ end: 5 }, Scope.LAST))).slice(0, 2)).toEqual([
    range,
    "program.operations[1].answer_window",
  ]);
  const many = Array.from({ length: 17 }, (_, i) => addition({ first: i }));
  expect(await refusal(...many)).toEqual(["TOO_LARGE", "program.operations[16].scope", "16"]);
});
