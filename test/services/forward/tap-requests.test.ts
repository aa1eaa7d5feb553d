/** Taps over the schema: what cannot be combined is refused by name, projections are stored by content, frames stay small. */
import { expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { CaptureResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type Activation, Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { failure, prompt } from "../../support/forward-engine.ts";
import { startForwardForFile } from "../../support/forward-service.ts";

const WIDTH = 64;
const RANGE = { site: Site.RESIDUAL, layers: [1, 2], positions: TapPositions.RANGE };
const forward = await startForwardForFile();

async function capture(tap: object, ids = prompt(200, 3)): Promise<Activation[]> {
  const read: Activation[] = [];
  const { client, modelDigest } = forward;
  for await (const message of client.capture({
    modelDigest,
    items: [{ ids }],
    taps: [{ ...RANGE, ...tap }],
  })) {
    expect(toBinary(CaptureResponseSchema, message).length).toBeLessThan(16_384);
    read.push(...message.activations);
  }
  return read;
}

function put(rank: number, dim: number, bytes = rank * dim * 4) {
  const { client, modelDigest } = forward;
  const data = new Uint8Array(new Float32Array(bytes / 4).fill(0.5).buffer);
  const matrix = { dataType: DataType.F32, shape: [rank, dim], data };
  return client.putProjection({ projection: { modelDigest, matrix } });
}

test("a projection has one digest, whoever stores it, and taps move its rank instead of the width", async () => {
  const { projectionDigest } = await put(5, WIDTH);
  expect(projectionDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await put(5, WIDTH)).toMatchObject({ projectionDigest });
  const read = await capture({ projectionDigest, first: 190 });
  expect(read.map(({ layer, values }) => [layer, values?.shape])).toEqual([
    [1, [10, 5]],
    [2, [10, 5]],
  ]);
});

test("logits of every position arrive in small messages, in order", async () => {
  const read = await capture({ layers: [2], logits: { top: 20, ids: [3, 4] } });
  const rows = read.flatMap(({ logits }) => logits);
  expect(read.length).toBeGreaterThan(3);
  expect(rows.map(({ position }) => position)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  for (const { top, logprobs } of rows) expect([top.length, logprobs.length]).toEqual([20, 2]);
});

const REFUSED: readonly (readonly [object, string, string])[] = [
  [{ site: Site.HEADS, finalNorm: true }, "INVALID_ARGUMENT", "taps[0].final_norm"],
  [{ site: Site.BLOCK_INPUT, logits: { top: 1 } }, "INVALID_ARGUMENT", "taps[0].logits"],
  [{ logits: {} }, "FIELD_REQUIRED", "taps[0].logits"],
  [{ logits: { top: 1 }, pooling: Pooling.MEAN }, "INVALID_ARGUMENT", "taps[0].pooling"],
  [{ logits: { top: 1 }, finalNorm: true }, "INVALID_ARGUMENT", "taps[0].final_norm"],
  [{ logits: { top: 1 }, projectionDigest: "sha256:0" }, "INVALID_ARGUMENT", "taps[0].projection_digest"],
  [{ logits: { top: 21 } }, "FIELD_OUT_OF_RANGE", "taps[0].logits.top"],
  [{ logits: { ids: [1, 256] } }, "FIELD_OUT_OF_RANGE", "taps[0].logits.ids[1]"],
  [{ logits: { ids: Array(1025).fill(1) } }, "TOO_LARGE", "taps[0].logits.ids"],
  [{ projectionDigest: "sha256:0" }, "ARTIFACT_NOT_FOUND", "taps[0].projection_digest"],
];
for (const [tap, reason, field] of REFUSED) {
  test(`${field} of ${JSON.stringify(tap).slice(0, 60)} is refused with ${reason}`, async () => {
    expect(fromConnectError(await failure(capture(tap)))).toMatchObject({ reason, field });
  });
}

test("F9 more rows of logits than a request may have are refused before anything runs", async () => {
  const layers = [0, 1, 2, 3];
  const { client, modelDigest } = forward;
  const items = Array.from({ length: 6 }, (_, seed) => ({ ids: prompt(200, seed + 1) }));
  const asked = client.capture({ modelDigest, items, taps: [{ ...RANGE, layers, logits: { top: 1 } }] });
  const thrown = await failure(Array.fromAsync(asked));
  expect(fromConnectError(thrown)).toMatchObject({ reason: "TOO_LARGE", limit: "4096 rows" });
});

test("F9 a first position of an item is counted as it is read, wherever its taps say they begin", async () => {
  const { client, modelDigest } = forward;
  const layers = [0, 1, 2, 3];
  const items = Array.from({ length: 6 }, (_, seed) => ({ ids: prompt(200, seed + 1), first: 1 }));
  const late = { ...RANGE, layers, first: 199, logits: { top: 1 } };
  const thrown = await failure(Array.fromAsync(client.capture({ modelDigest, items, taps: [late] })));
  expect(fromConnectError(thrown)).toMatchObject({ reason: "TOO_LARGE", limit: "4096 rows" });
});

test("F9 activations that are too large for one answer are refused before anything runs", async () => {
  const { client, modelDigest } = forward;
  const rowsSoFar = async () => (await client.getModel({})).model?.load?.rows;
  const before = await rowsSoFar();
  const taps = Array.from({ length: 32 }, () => ({ ...RANGE, layers: [0, 1, 2, 3] }));
  const thrown = await failure(client.open({ modelDigest, open: { ids: prompt(200, 9), taps } }));
  expect(fromConnectError(thrown)).toMatchObject({ reason: "TOO_LARGE", field: "open.taps" });
  expect(await rowsSoFar()).toBe(before);
});

test("a projection that is no matrix of the model is refused by its name", async () => {
  for (const [field, rank, dim, bytes] of [
    ["matrix.shape", 0, WIDTH, 0],
    ["matrix", 2, 48],
    ["matrix", 257, WIDTH],
    ["matrix.shape", 2, WIDTH, 8],
  ] as const) {
    const refused = { reason: "SHAPE_MISMATCH", field: `projection.${field}` };
    expect(fromConnectError(await failure(put(rank, dim, bytes)))).toMatchObject(refused);
  }
});
