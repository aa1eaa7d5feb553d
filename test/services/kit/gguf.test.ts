/** GGUF reading and writing, against llama.cpp's own reader. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GGML_TYPES } from "#kit/ggml-types.ts";
import { openGguf, parseGguf } from "#kit/gguf.ts";
import { ggufNumber, ggufTexts } from "#kit/gguf-values.ts";
import { writeGguf } from "#kit/gguf-writer.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { ggmlType, withGgml } from "./ggml.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-gguf-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("every element type has llama.cpp's name and block sizes", () => {
  for (const type of GGML_TYPES.values()) {
    const expected = ggmlType(type.id);
    const name = expected.name.toUpperCase();
    expect({ id: type.id, blockElements: type.blockElements, blockBytes: type.blockBytes }).toEqual({
      id: type.id,
      blockElements: expected.blockElements,
      blockBytes: expected.blockBytes,
    });
    expect(name).toBe(type.name.toUpperCase());
  }
});

test("a written file reads back the same, and llama.cpp's reader sees the same keys, values and tensors", () => {
  const direction = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const bytes = writeGguf(
    {
      "general.architecture": "controlvector",
      "controlvector.layer_count": 30,
      "trimtab.norms": Float32Array.of(1.5, -2),
      "trimtab.names": ["ä", "<|im_end|>", ""],
      "trimtab.big": { u64: 2n ** 63n },
      "trimtab.flag": true,
      "trimtab.scale": -0.25,
    },
    [
      { name: "direction.1", dims: [12], data: direction },
      { name: "direction.2", dims: [4, 3], data: direction.map((x) => -x) },
    ],
  );
  const path = join(directory, "vector.gguf");
  writeFileSync(path, bytes);
  const file = openGguf(path);
  const { metadata, tensors } = file.header;
  expect(Object.fromEntries(metadata)).toEqual({
    "general.architecture": "controlvector",
    "controlvector.layer_count": 30,
    "trimtab.norms": Float32Array.of(1.5, -2),
    "trimtab.names": ["ä", "<|im_end|>", ""],
    "trimtab.big": 2n ** 63n,
    "trimtab.flag": true,
    "trimtab.scale": -0.25,
  });
  const tensor = tensors.get("direction.2");
  const read = new Float32Array(12);
  if (tensor) file.read(tensor, new Uint8Array(read.buffer));
  file.close();
  expect(tensor?.dims).toEqual([4, 3]);
  expect(read).toEqual(direction.map((x) => -x));
  withGgml(path, (view) => {
    expect(view?.keys).toEqual([...metadata.keys()]);
    expect(view?.u32("controlvector.layer_count")).toBe(30);
    expect(view?.text("general.architecture")).toBe("controlvector");
    const ours = [...tensors.values()].map((t) => ({
      name: t.name,
      offset: t.offset,
      sizeBytes: t.sizeBytes,
      type: t.type.id,
    }));
    expect(view?.tensors).toEqual(ours);
  });
});

test.skipIf(!existsSync(defaultModelPath()))("the default model's header equals llama.cpp's reading", () => {
  const file = openGguf(defaultModelPath());
  file.close();
  const { metadata, tensors } = file.header;
  expect(ggufNumber(metadata, "llama.block_count", { min: 1, max: 200, integer: true })).toBe(30);
  expect(ggufTexts(metadata, "tokenizer.ggml.tokens")).toHaveLength(49_152);
  withGgml(defaultModelPath(), (view) => {
    expect(view?.keys).toEqual([...metadata.keys()]);
    expect(view?.tensors.map((t) => [t.name, t.offset, t.sizeBytes])).toEqual(
      [...tensors.values()].map((t) => [t.name, t.offset, t.sizeBytes]),
    );
  });
});

test("X18 reading outside a tensor is refused, and a file that shrank is reported as corrupt", () => {
  const path = join(directory, "shrunk.gguf");
  const bytes = writeGguf({}, [{ name: "t", dims: [8], data: new Float32Array(8) }]);
  writeFileSync(path, bytes);
  const file = openGguf(path);
  const tensor = [...file.header.tensors.values()][0];
  if (!tensor) throw new Error("no tensor");
  expect(() => file.read(tensor, new Uint8Array(33))).toThrow("lie outside tensor t");
  writeFileSync(path, bytes.subarray(0, bytes.length - 8));
  expect(() => file.read(tensor, new Uint8Array(32))).toThrow("file ended");
  file.close();
});

test("A13 directories, pipes and missing files are refused without blocking", () => {
  const fifo = join(directory, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  for (const path of [directory, fifo, "/dev/zero"])
    expect(() => openGguf(path)).toThrow("not a regular file");
  expect(() => openGguf(join(directory, "none"))).toThrow("does not exist");
  expect(() => parseGguf(new Uint8Array(0))).toThrow("magic needs 4 bytes");
});
