/** Vectors of a file that are no numbers a model can be pushed with, of types or blocks there are none of (row A10). */
import { expect, test } from "bun:test";
import { writeGguf } from "#kit/gguf-writer.ts";
import { writeSafetensors } from "#kit/safetensors.ts";
import { readControlVector } from "../../../services/steering/src/formats/gguf-controlvector.ts";
import { readDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { readSvec } from "../../../services/steering/src/formats/svec.ts";
import { directionFromFile, type FileVectors } from "../../../services/steering/src/formats/vectors.ts";
import { refusedField, refusedFor } from "../../support/refusal.ts";

const model = { digest: "cd".repeat(32), layers: 5, width: 3 };

const gguf = (...tensors: [name: string, values: number[]][]): string =>
  refusedFor(() =>
    directionFromFile(
      readControlVector(
        writeGguf(
          { "general.architecture": "controlvector" },
          tensors.map(([name, values]) => ({ name, dims: [values.length], data: Float32Array.from(values) })),
        ),
      ),
      model,
    ),
  );

/** A safetensors file of one vector for block 1, as its header says it is. */
function safetensors(dtype: string, bytes: number, name = "direction.1"): string {
  const header = JSON.stringify({ [name]: { dtype, shape: [3], data_offsets: [0, bytes] } });
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(header.length));
  const file = Buffer.concat([head, Buffer.from(header), Buffer.alloc(bytes, 1)]);
  return refusedFor(() => directionFromFile(readDirectionSafetensors(new Uint8Array(file)), model));
}

const svec = (directions: string): string =>
  refusedFor(() => readSvec(Buffer.from(`{"model_type": "llama", "directions": ${directions}}`)));

test.each<[string, string]>([
  ["infinity", gguf(["direction.1", [1, Number.POSITIVE_INFINITY, 0]])],
  ["a norm of 1e30", gguf(["direction.1", [1e30, 1e30, 1e30]])],
  ["a norm of 1e-30", gguf(["direction.1", [1e-30, 0, 0]])],
  ["block -1", gguf(["direction.-1", [1, 2, 3]])],
  ["a block behind the last", gguf(["direction.99", [1, 2, 3]])],
  ["one block twice", gguf(["direction.1", [1, 2, 3]], ["direction.01", [3, 2, 1]])],
  ["one block twice, as JSON", svec('{"1": [1, 2, 3], "1": [3, 2, 1]}')],
  ["numbers of 64 bits", safetensors("F64", 24)],
  ["whole numbers", safetensors("I8", 3)],
  ["a name of no block", safetensors("F32", 12, "direction.one")],
])("A10 a vector file with %s is refused: %s", (_name, reason) => {
  expect(["ARTIFACT_INVALID", "ARTIFACT_INCOMPATIBLE", "NON_FINITE"]).toContain(reason);
});

test("a matrix is no vector, however many values it has; a row or a column of a matrix is one", () => {
  const wide = { ...model, width: 4 };
  const data = Float32Array.of(1, 2, 3, 4);
  const metadata = { "general.architecture": "controlvector" };
  const written = (shape: number[]): [string, () => unknown][] => [
    ["gguf", () => readControlVector(writeGguf(metadata, [{ name: "direction.1", dims: shape, data }]))],
    ["safetensors", () => readDirectionSafetensors(writeSafetensors({ "direction.1": { shape, data } }))],
  ];
  for (const [format, read] of written([2, 2])) {
    expect([format, refusedField(read)]).toEqual([
      format,
      { reason: "SHAPE_MISMATCH", field: "direction.1" },
    ]);
  }
  for (const shape of [[4], [1, 4], [4, 1]])
    for (const [, read] of written(shape))
      expect(directionFromFile(read() as FileVectors, wide).width).toBe(4);
});
