/** safetensors reading and writing, against files made by hand and hostile ones. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseSafetensors, safetensorsToF32, writeSafetensors } from "#kit/safetensors.ts";
import { refusedFor } from "../../support/refusal.ts";
import { seedOf } from "../../support/seed.ts";

/** A file from a header text and data, as the format says: u64 length, JSON, data. */
function file(header: string | Uint8Array, dataBytes = 8, claimed?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const length = new Uint8Array(BigUint64Array.of(claimed ?? BigInt(json.length)).buffer);
  return new Uint8Array(Buffer.concat([length, json, new Uint8Array(dataBytes)]));
}
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const one = (text: string, dataBytes = 8) => file(`{"t":${text}}`, dataBytes);
const f32 = (offsets: string) => entry("F32", "[1]", offsets);

test("a file made by hand after the format's description is read", () => {
  const json = `{"__metadata__":{"k":"v"},"b":${entry("F16", "[2]", "[8,12]")},"a":${entry("F32", "[1,2]", "[0,8]")}}`;
  const bytes = file(json, 12);
  new DataView(bytes.buffer).setFloat32(8 + json.length + 4, 2.5, true);
  new DataView(bytes.buffer).setUint16(8 + json.length + 8, 0x3c00, true);
  const { tensors, metadata } = parseSafetensors(bytes);
  expect(metadata).toEqual({ k: "v" });
  const [a, b] = [tensors.get("a"), tensors.get("b")];
  if (!a || !b) throw new Error("missing");
  expect(a.shape).toEqual([1, 2]);
  expect(safetensorsToF32("a", a)).toEqual(Float32Array.of(0, 2.5));
  expect(safetensorsToF32("b", b)).toEqual(Float32Array.of(1, 0));
});

test("what is written is read back, with its metadata", () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const bytes = writeSafetensors({ z: { shape: [6], data }, a: { shape: [2, 3], data } }, { made: "ü" });
  const { tensors, metadata } = parseSafetensors(bytes);
  expect([...tensors.keys()]).toEqual(["a", "z"]);
  expect(metadata).toEqual({ made: "ü" });
  for (const [name, tensor] of tensors) expect(safetensorsToF32(name, tensor)).toEqual(data);
});

test.each([
  ["an empty file", new Uint8Array(0)],
  ["a header of length 0", file("", 0)],
  ["a header longer than the file", file("{}", 0, 100n)],
  ["a header of 100,000,001 bytes", file("{}", 0, 100_000_001n)],
  ["a header of 2^64-1 bytes", file("{}", 0, 2n ** 64n - 1n)],
  ["a header that is not UTF-8", file(Uint8Array.of(0x7b, 0xff, 0x7d), 0)],
  ["a header that is no object", file("[]", 0)],
  ["broken JSON", file("{,}", 0)],
  ["duplicate tensors", file(`{"t":${f32("[0,4]")},"t":${f32("[4,8]")}}`)],
  ["duplicate keys behind an escape", file(`{"t":${f32("[0,4]")},"\\u0074":${f32("[4,8]")}}`)],
  ["duplicate keys in a tensor", one(`{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}`)],
  ["a __proto__ tensor", file(`{"__proto__":${entry("F32", "[2]", "[0,8]")}}`)],
  ["metadata that is not text", file(`{"__metadata__":{"a":1}}`, 0)],
  ["an unknown dtype", one(entry("F31", "[2]", "[0,8]"))],
  ["a sub-byte dtype", one(entry("F4", "[16]", "[0,8]"))],
  ["a negative offset", one(entry("F32", "[2]", "[-8,0]"))],
  ["a fractional size", one(entry("F32", "[1.5]", "[0,8]"))],
  ["a size beyond 2^53", one(entry("F32", "[9007199254740993]", "[0,8]"))],
  ["a hole", file(`{"a":${f32("[0,4]")},"b":${f32("[8,12]")}}`, 12)],
  ["an overlap", file(`{"a":${entry("F32", "[2]", "[0,8]")},"b":${f32("[4,8]")}}`)],
  ["reversed offsets", one(entry("F32", "[2]", "[8,0]"))],
  ["trailing bytes", one(entry("F32", "[2]", "[0,8]"), 9)],
  ["missing bytes", one(entry("F32", "[2]", "[0,8]"), 7)],
  ["a size of zero", file(`{"a":${entry("F32", "[0]", "[0,0]")},"b":${entry("F32", "[2]", "[0,8]")}}`)],
  ["a shape whose product wraps", one(entry("F32", "[4294967296,4294967296,2]", "[0,8]"))],
  ["an unknown field", one(`{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}`)],
  ["deep nesting", file(`{"t":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, 0)],
  ["5,000 tensors", file(`{${Array.from({ length: 5_000 }, (_, i) => `"${i}":1`).join(",")}}`, 0)],
])("A9 %s is refused", (_name, bytes) => {
  expect(refusedFor(() => parseSafetensors(bytes))).toBe("ARTIFACT_INVALID");
});

test("A15 mutated files are read or refused, never anything else", () => {
  const bytes = writeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) } }, { k: "v" });
  const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (edits, cut) => {
      const file = bytes.slice(0, bytes.length - (cut % 5 === 0 ? cut : 0));
      for (const [at, value] of edits) if (at < file.length) file[at] = value;
      expect(["none", "ARTIFACT_INVALID"]).toContain(refusedFor(() => parseSafetensors(file)));
    }),
    { seed: seedOf(59), numRuns: 5_000 },
  );
});
