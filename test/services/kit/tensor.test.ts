/** Tensors of messages. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { decodeTensor, encodeTensor } from "#kit/tensor.ts";
import { DataType, TensorSchema } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { refusalOf } from "../../support/refusal.ts";

test("values survive the message, also from shared memory and from unaligned bytes", () => {
  const shared = new Float32Array(new SharedArrayBuffer(24), 8, 3);
  shared.set([1.5, -2, 0.1]);
  const tensor = create(TensorSchema, encodeTensor(shared, [1, 3]));
  const unaligned = new Uint8Array(13);
  unaligned.set(tensor.data, 1);
  for (const data of [tensor.data, unaligned.subarray(1)]) {
    expect(decodeTensor("x", { ...tensor, data }, [-1, 3])).toEqual(Float32Array.of(1.5, -2, 0.1));
  }
});

test("half-precision types decode to the numbers their bits mean", () => {
  const cases: [DataType, number[]][] = [
    [DataType.F16, [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00]],
    [DataType.BF16, [0x80, 0x3f, 0x00, 0xc0, 0x80, 0x33]],
  ];
  const expected = [
    [1, -2, 2 ** -24],
    [1, -2, 2 ** -24],
  ];
  for (const [i, [dataType, bytes]] of cases.entries()) {
    const tensor = create(TensorSchema, { dataType, shape: [3], data: Uint8Array.from(bytes) });
    expect([...decodeTensor("x", tensor)]).toEqual(expected[i] as number[]);
  }
});

const base = { dataType: DataType.F32, shape: [2], data: new Uint8Array(8) };
test.each([
  [
    "an unknown type",
    { ...base, dataType: DataType.UNSPECIFIED },
    "DTYPE_MISMATCH",
    "x.data_type",
    undefined,
  ],
  ["an integer type", { ...base, dataType: DataType.I32 }, "DTYPE_MISMATCH", "x.data_type", undefined],
  ["no shape", { ...base, shape: [] }, "SHAPE_MISMATCH", "x.shape", undefined],
  ["a size of 0", { ...base, shape: [0] }, "SHAPE_MISMATCH", "x.shape", undefined],
  ["another shape", { ...base, shape: [1, 2] }, "SHAPE_MISMATCH", "x.shape", "[2]"],
  ["a byte too few", { ...base, data: new Uint8Array(7) }, "SHAPE_MISMATCH", "x.data", "8"],
  ["NaN", { ...base, data: new Uint8Array(8).fill(255) }, "NON_FINITE", "x.data", undefined],
])("a tensor with %s is refused by field", (_name, init, reason, field, limit) => {
  const tensor = create(TensorSchema, init);
  expect(refusalOf(() => decodeTensor("x", tensor, [2]))).toMatchObject({ reason, field, limit });
});

test("a shape that multiplies past the limit is refused before its bytes are looked at", () => {
  const tensor = create(TensorSchema, { ...base, shape: [2 ** 31, 2 ** 31] });
  expect(refusalOf(() => decodeTensor("x", tensor)).reason).toBe("TOO_LARGE");
  expect(refusalOf(() => decodeTensor("x", undefined)).reason).toBe("FIELD_REQUIRED");
});
