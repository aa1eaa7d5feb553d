// Direction files: byte-exact round trips, the layer convention of llama.cpp, and files that must be refused.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { writeGguf } from "#kit/gguf-writer.ts";
import { parseGguf } from "#kit/gguf.ts";
import { writeSafetensors } from "#kit/safetensors.ts";
import type { Direction } from "../../../services/steering/src/direction.ts";
import {
  readControlVector,
  writeControlVector,
} from "../../../services/steering/src/formats/gguf-controlvector.ts";
import {
  readDirectionSafetensors,
  writeDirectionSafetensors,
} from "../../../services/steering/src/formats/safetensors-direction.ts";
import { directionFromFile } from "../../../services/steering/src/formats/vectors.ts";
import { refusedFor } from "../../support/refusal.ts";

const model = { digest: "cd".repeat(32), layers: 5, width: 3 };
const vector = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), {
    minLength: 3,
    maxLength: 3,
  })
  .filter((values) => values.some((x) => Math.abs(x) > 1e-3));
const directions = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 }).chain((layers) =>
  fc.array(vector, { minLength: layers.length, maxLength: layers.length }).map((vectors): Direction => {
    const raw = new Map(layers.map((layer, i) => [layer, Float32Array.from(vectors[i] as number[])]));
    return {
      modelDigest: model.digest,
      method: "imported",
      layers: 5,
      width: 3,
      raw,
      medianResidualNorms: Float32Array.of(1, 2, 3, 4, 5),
    };
  }),
);

test("GGUF in, stored, out again: the same bytes", () => {
  fc.assert(
    fc.property(directions, (direction) => {
      const file = writeControlVector(direction, "llama", { skipFirstBlock: false });
      const stored = writeDirectionSafetensors(directionFromFile(readControlVector(file), model));
      const back = directionFromFile(readDirectionSafetensors(stored), model);
      expect(writeControlVector(back, "llama", { skipFirstBlock: false })).toEqual(file);
    }),
    { seed: 11 },
  );
});

test("safetensors in and out: the same bytes, norms and method included", () => {
  fc.assert(
    fc.property(directions, (direction) => {
      const file = writeDirectionSafetensors(direction);
      expect(writeDirectionSafetensors(directionFromFile(readDirectionSafetensors(file), model))).toEqual(
        file,
      );
    }),
    { seed: 12 },
  );
});

const full: Direction = {
  modelDigest: model.digest,
  method: "response_contrast",
  layers: 5,
  width: 3,
  raw: new Map([0, 1, 2, 3, 4].map((layer) => [layer, Float32Array.of(layer + 1, 0, 0)])),
  medianResidualNorms: Float32Array.of(1, 2, 3, 4, 5),
};

test("direction.<n> is block n counted from 0, and block 0 is left out or refused, as llama.cpp has no place for it", () => {
  const { tensors, metadata } = parseGguf(writeControlVector(full, "llama", { skipFirstBlock: true }));
  expect([...tensors.keys()]).toEqual(["direction.1", "direction.2", "direction.3", "direction.4"]);
  expect(metadata.get("general.architecture")).toBe("controlvector");
  expect(metadata.get("controlvector.layer_count")).toBe(4);
  expect(readControlVector(writeControlVector(full, "llama", { skipFirstBlock: true })).raw.get(3)).toEqual(
    Float32Array.of(4, 0, 0),
  );
  expect(refusedFor(() => writeControlVector(full, "llama", { skipFirstBlock: false }))).toBe("UNSUPPORTED");
});

test("A10 bad control vectors are refused", () => {
  const good = { "general.architecture": "controlvector" };
  const tensor = (name: string, data = Float32Array.of(1, 2, 3)) => [{ name, dims: [data.length], data }];
  const read = (metadata: Record<string, string>, tensors: ReturnType<typeof tensor>) =>
    refusedFor(() => directionFromFile(readControlVector(writeGguf(metadata, tensors)), model));
  expect(read({ "general.architecture": "llama" }, tensor("direction.1"))).toBe("ARTIFACT_INVALID");
  expect(read(good, tensor("direction.0"))).toBe("ARTIFACT_INVALID");
  expect(read(good, tensor("blk.1.weight"))).toBe("ARTIFACT_INVALID");
  expect(read(good, [])).toBe("ARTIFACT_INVALID");
  expect(read(good, tensor("direction.5"))).toBe("ARTIFACT_INCOMPATIBLE");
  expect(read(good, tensor("direction.1", Float32Array.of(1, 2)))).toBe("SHAPE_MISMATCH");
  expect(read(good, tensor("direction.1", Float32Array.of(0, 0, 0)))).toBe("ARTIFACT_INVALID");
  expect(read(good, tensor("direction.1", Float32Array.of(1, Number.NaN, 0)))).toBe("NON_FINITE");
  expect(read({ ...good, "trimtab.model_digest": "ef".repeat(32) }, tensor("direction.1"))).toBe(
    "ARTIFACT_INCOMPATIBLE",
  );
  const file = writeControlVector(full, "llama", { skipFirstBlock: true });
  for (let length = 0; length < file.length; length += 41) {
    expect(refusedFor(() => readControlVector(file.subarray(0, length)))).toBe("ARTIFACT_INVALID");
  }
});

test("A9 bad safetensors are refused", () => {
  const read = (tensors: Parameters<typeof writeSafetensors>[0]) =>
    refusedFor(() => directionFromFile(readDirectionSafetensors(writeSafetensors(tensors)), model));
  const three = { shape: [3], data: Float32Array.of(1, 2, 3) };
  expect(read({ "direction.x": three })).toBe("ARTIFACT_INVALID");
  expect(read({ median_residual_norms: { shape: [5], data: new Float32Array(5).fill(1) } })).toBe(
    "ARTIFACT_INVALID",
  );
  expect(read({ "direction.1": three, median_residual_norms: three })).toBe("ARTIFACT_INVALID");
  expect(read({ "direction.9": three })).toBe("ARTIFACT_INCOMPATIBLE");
});
