// What a controller reads of a prompt: every activation asked for, once, whole and finite.
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ActivationSchema, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { controllerLayers, featureRow } from "../../../services/steering/src/features.ts";
import { f32Tensor } from "../../../services/steering/src/tensors.ts";
import { refusedFor } from "../../support/refusal.ts";

test("a controller reads the last third of the blocks", () => {
  expect(controllerLayers(30)).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  expect(controllerLayers(4)).toEqual([3]);
});

test("activations that are missing, foreign, doubled or malformed are refused", () => {
  const values = f32Tensor([1, 2], Float32Array.of(1, 2));
  const row = (layer: number, more: MessageInitShape<typeof ActivationSchema> = {}) =>
    create(ActivationSchema, { site: Site.RESIDUAL, layer, values, ...more });
  const read = (...activations: ReturnType<typeof row>[]) =>
    refusedFor(() => featureRow(activations, [2, 3], 2));
  expect([
    ...featureRow([row(3), row(2, { values: f32Tensor([2], Float32Array.of(7, 8)) })], [2, 3], 2),
  ]).toEqual([7, 8, 1, 2]);
  expect(read(row(2))).toBe("FIELD_REQUIRED");
  expect(read()).toBe("FIELD_REQUIRED");
  expect(read(row(2), row(2))).toBe("INVALID_ARGUMENT");
  expect(read(row(2), row(1))).toBe("INVALID_ARGUMENT");
  expect(read(row(2), row(3, { site: Site.MLP_OUTPUT }))).toBe("INVALID_ARGUMENT");
  expect(read(row(2), row(3, { values: { ...values, dataType: DataType.F16 } }))).toBe("DTYPE_MISMATCH");
  expect(read(row(2), row(3, { values: f32Tensor([1, 3], new Float32Array(3)) }))).toBe("SHAPE_MISMATCH");
  expect(read(row(2), row(3, { values: { ...values, data: new Uint8Array(7) } }))).toBe("SHAPE_MISMATCH");
  expect(read(row(2), row(3, { values: f32Tensor([1, 2], Float32Array.of(1, Number.NaN)) }))).toBe(
    "NON_FINITE",
  );
});
