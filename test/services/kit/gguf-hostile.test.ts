/** Hostile GGUF files: every malformed field is refused by name and offset, whatever the bytes. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { TrimtabError } from "#kit/errors.ts";
import { parseGguf } from "#kit/gguf.ts";
import { writeGguf } from "#kit/gguf-writer.ts";
import { refusalOf } from "../../support/refusal.ts";
import { seedOf } from "../../support/seed.ts";

/** Little-endian bytes of the pieces: numbers are u32, bigints u64, text is raw. */
function bytes(...pieces: (number | bigint | string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      pieces.map((piece) => {
        if (typeof piece === "number") return Buffer.from(Uint32Array.of(piece).buffer);
        if (typeof piece === "bigint") return Buffer.from(BigUint64Array.of(piece).buffer);
        return typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece);
      }),
    ),
  );
}
const text = (value: string) => bytes(BigInt(Buffer.byteLength(value)), value);
const head = (tensors: bigint, entries: bigint) => bytes("GGUF", 3, tensors, entries);
const entry = (key: string, type: number, ...value: (number | bigint | string | Uint8Array)[]) =>
  bytes(text(key), type, ...value);
const pad = (data: Uint8Array, size = 512) => bytes(data, new Uint8Array(Math.max(0, size - data.length)));
const one = (...value: (number | bigint | string | Uint8Array)[]) => pad(bytes(head(0n, 1n), ...value));
const tensor = (dims: bigint[], type = 0, offset = 0n, name = "t") =>
  bytes(text(name), dims.length, ...dims, type, offset);
const tensors = (...infos: Uint8Array[]) => pad(bytes(head(BigInt(infos.length), 0n), ...infos), 1024);

const CASES: [string, Uint8Array, string][] = [
  ["A1 bad magic", bytes("GGUX", 3, 0n, 0n), "magic"],
  ["A1 version 0", bytes("GGUF", 0, 0n, 0n), "version"],
  ["A1 version 1", bytes("GGUF", 1, 0n, 0n), "version"],
  ["A1 version 4", bytes("GGUF", 4, 0n, 0n), "version"],
  ["A1 byte-swapped version", bytes("GGUF", 0x03000000, 0n, 0n), "version"],
  ["A2 tensor count -1", pad(head(2n ** 64n - 1n, 0n)), "tensor_count"],
  ["A2 tensor count 2^32", pad(head(2n ** 32n, 0n)), "tensor_count"],
  ["A2 more tensors than bytes", pad(head(60_000n, 0n)), "tensor_count"],
  ["A2 entry count 2^63", pad(head(0n, 2n ** 63n)), "metadata_kv_count"],
  ["A2 more entries than bytes", pad(head(0n, 16_000n)), "metadata_kv_count"],
  ["A3 key length 2^63", one(2n ** 63n, "k"), "metadata[0].key"],
  ["A3 empty key", one(text(""), 4, 1), "metadata[0].key"],
  ["A3 duplicate key", pad(bytes(head(0n, 2n), entry("k", 4, 1), entry("k", 4, 1))), "metadata.k"],
  ["A3 key not UTF-8", one(2n, Uint8Array.of(0xff, 0xfe), 4, 1), "metadata[0].key"],
  ["A3 value type 13", one(entry("k", 13, 1)), "metadata.k"],
  ["A3 array of arrays", one(entry("k", 9, 9, 1n, 4, 1n, 1)), "metadata.k"],
  ["A3 array of 2^60", one(entry("k", 9, 4, 2n ** 60n)), "metadata.k"],
  ["A3 array beyond the file", one(entry("k", 9, 4, 1_000n)), "metadata.k"],
  ["A3 text longer than the file", one(entry("k", 8, 100_000n, "x")), "metadata.k"],
  ["A3 text of 2^63 bytes", one(entry("k", 8, 2n ** 63n)), "metadata.k"],
  ["A3 boolean 2", one(entry("k", 7, Uint8Array.of(2))), "metadata.k"],
  ["A4 tensor name of 64 bytes", tensors(tensor([1n], 0, 0n, "x".repeat(64))), "tensors[0].name"],
  ["A4 empty tensor name", tensors(tensor([1n], 0, 0n, "")), "tensors[0].name"],
  ["A4 duplicate tensor name", tensors(tensor([1n]), tensor([1n], 0, 32n)), "tensors[1].name"],
  ["A4 no dimension", tensors(tensor([])), "tensors.t.n_dims"],
  ["A4 five dimensions", tensors(tensor([1n, 1n, 1n, 1n, 1n])), "tensors.t.n_dims"],
  ["A4 2^31 dimensions", tensors(bytes(text("t"), 2 ** 31)), "tensors.t.n_dims"],
  ["A4 dimension 0", tensors(tensor([0n])), "tensors.t.dims[0]"],
  ["A4 dimension -1", tensors(tensor([2n ** 64n - 1n])), "tensors.t.dims[0]"],
  ["A4 dimension 2^62", tensors(tensor([1n, 2n ** 62n])), "tensors.t.dims[1]"],
  ["A4 product overflow", tensors(tensor([2n ** 32n, 2n ** 32n])), "tensors.t.dims"],
  ["A4 product that wraps to 32", tensors(tensor([2n ** 35n, 2n ** 29n + 1n])), "tensors.t.dims"],
  ["A4 unknown type", tensors(tensor([32n], 99)), "tensors.t.type"],
  ["A4 removed type", tensors(tensor([32n], 4)), "tensors.t.type"],
  ["A4 row of half a block", tensors(tensor([16n], 2)), "tensors.t.dims[0]"],
  ["A5 unaligned offset", tensors(tensor([1n], 0, 4n)), "tensors.t.offset"],
  ["A5 offset past the end", tensors(tensor([1n], 0, 4096n)), "tensors.t.offset"],
  ["A5 offset near 2^64", tensors(tensor([8n], 0, 2n ** 64n - 32n)), "tensors.t.offset"],
  ["A5 overlap", tensors(tensor([16n]), tensor([1n], 0, 32n, "u")), "tensors.u.offset"],
  ["A5 two tensors at one offset", tensors(tensor([1n]), tensor([1n], 0, 0n, "u")), "tensors.u.offset"],
  ...[0, 1, 4, 13, 2 ** 31].map((alignment): [string, Uint8Array, string] => [
    `A6 alignment ${alignment}`,
    one(entry("general.alignment", 4, alignment)),
    "metadata.general.alignment",
  ]),
  ["A6 alignment of type u64", one(entry("general.alignment", 10, 32n)), "metadata.general.alignment"],
];

test.each(CASES)("%s is refused by field and offset", (_name, file, field) => {
  const error = refusalOf(() => parseGguf(file));
  expect(error.reason).toBe("ARTIFACT_INVALID");
  expect(error.field).toBe(field);
  expect(error.message).toMatch(/ at offset \d+$/);
});

const tiny = writeGguf(
  {
    "general.architecture": "llama",
    "a.numbers": Float32Array.of(1, 2),
    "a.texts": ["x", "yz"],
    "a.flag": false,
  },
  [
    { name: "first", dims: [3], data: Float32Array.of(1, 2, 3) },
    { name: "second", dims: [8], data: new Float32Array(8) },
  ],
);

test("A1 a file cut at any byte is refused", () => {
  expect(parseGguf(tiny).tensors.size).toBe(2);
  for (let length = 0; length < tiny.length; length++) {
    expect(refusalOf(() => parseGguf(tiny.subarray(0, length))).reason).toBe("ARTIFACT_INVALID");
  }
});

test("A15 mutated files give a header or a typed refusal, never anything else", () => {
  const edit = fc.tuple(fc.nat(tiny.length - 1), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x20));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), fc.nat(40), (edits, cut) => {
      const file = tiny.slice(0, tiny.length - (cut > 30 ? cut : 0));
      for (const [at, value] of edits) if (at < file.length) file[at] = value;
      try {
        parseGguf(file);
      } catch (error) {
        expect(error).toBeInstanceOf(TrimtabError);
        expect((error as TrimtabError).reason).toBe("ARTIFACT_INVALID");
      }
    }),
    { seed: seedOf(53), numRuns: 5_000, verbose: fc.VerbosityLevel.Verbose },
  );
});
