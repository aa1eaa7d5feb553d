/** Files written in pieces: whole under their name or not there at all, and exactly what was written. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileWriter } from "#kit/file-writer.ts";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import { createSafetensorsWriter } from "#kit/safetensors-writer.ts";

const root = mkdtempSync(join(tmpdir(), "trimtab-writers-"));
afterAll(() => rmSync(root, { recursive: true }));
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

test("an older file stays until commit, and after discard; no temporary file is left", () => {
  const path = join(root, "data");
  writeFileSync(path, "old");
  const given = createFileWriter(path);
  given.writeAt(0, Buffer.from("new"));
  expect(readFileSync(path, "utf8")).toBe("old");
  given.discard();
  expect(readFileSync(path, "utf8")).toBe("old");
  const kept = createFileWriter(path);
  kept.writeAt(3, Buffer.from("def"));
  kept.writeAt(0, Buffer.from("abc"));
  kept.commit();
  kept.discard();
  expect(readFileSync(path, "utf8")).toBe("abcdef");
  expect(readdirSync(root)).toEqual(["data"]);
});

test("a folder that is not there is a typed error", () => {
  expect(() => createFileWriter(join(root, "none", "data"))).toThrow(
    expect.objectContaining({ reason: "ARTIFACT_INVALID", field: "path" }),
  );
});

test("a file that cannot be put in place leaves nothing behind", () => {
  const folder = join(root, "taken");
  mkdirSync(join(folder, "data", "inside"), { recursive: true });
  const writer = createFileWriter(join(folder, "data"));
  writer.writeAt(0, Buffer.from("new"));
  expect(() => writer.commit()).toThrow(expect.objectContaining({ reason: "ARTIFACT_INVALID" }));
  writer.discard();
  expect(readdirSync(folder)).toEqual(["data"]);
  rmSync(folder, { recursive: true });
});

test("tensors filled in any order read back, names and metadata in any language", () => {
  const path = join(root, "out.safetensors");
  const metadata = { note: "ähm 日本", empty: "" };
  const writer = createSafetensorsWriter(path, { metadata, names: ["ä.0", "b"] });
  writer.begin("b", [2, 2]);
  writer.write("b", 2, floats(3, 4));
  writer.begin("ä.0", [1]);
  writer.write("ä.0", 0, floats(-1.5));
  writer.write("b", 0, floats(1, 2));
  writer.commit();
  const { tensors, metadata: read } = parseSafetensors(readFileSync(path));
  expect(read).toEqual(metadata);
  const rows = [...tensors].map(([name, tensor]) => [
    name,
    tensor.shape,
    [...safetensorsToF32(name, tensor)],
  ]);
  expect(rows).toEqual([
    ["ä.0", [1], [-1.5]],
    ["b", [2, 2], [1, 2, 3, 4]],
  ]);
});

test("what does not fit its plan is refused, naming the tensor, and nothing is left", () => {
  const folder = join(root, "plan");
  mkdirSync(folder);
  const writer = createSafetensorsWriter(join(folder, "x"), { metadata: {}, names: ["a", "b"] });
  const refusal = (reason: string, field: string) => expect.objectContaining({ reason, field });
  expect(() => writer.begin("c", [1])).toThrow(refusal("INVALID_ARGUMENT", "c"));
  expect(() => writer.begin("a", [2, 0])).toThrow(refusal("SHAPE_MISMATCH", "a"));
  writer.begin("a", [2]);
  expect(() => writer.begin("a", [2])).toThrow(refusal("INVALID_ARGUMENT", "a"));
  expect(() => writer.write("a", 1, floats(1, 2))).toThrow(refusal("SHAPE_MISMATCH", "a"));
  writer.write("a", 0, floats(1, 2));
  expect(() => writer.commit()).toThrow(refusal("ARTIFACT_INVALID", "b"));
  writer.discard();
  expect(readdirSync(folder)).toEqual([]);
  const names = Array.from({ length: 700_000 }, (_, i) => `t${i}`);
  expect(() => createSafetensorsWriter(join(folder, "x"), { metadata: {}, names })).toThrow(
    refusal("TOO_LARGE", "header"),
  );
  expect(readdirSync(folder)).toEqual([]);
});
