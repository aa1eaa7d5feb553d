/** Logits of the f32 reference for some prompts, kept in the cache: large models take a minute for what never changes. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "../../scripts/model.mjs";
import { createReference } from "./reference.ts";

/** Sources whose change makes kept rows worthless. */
const SOURCES = ["reference.py", "gguf.py"].map((name) => readFileSync(join(import.meta.dir, name), "utf8"));

/** What the full suite computes is too much to keep. */
const LARGEST_KEPT_BYTES = 128 * 2 ** 20;

/**
 * Logits after each position from `first` on, of every prompt: f32 [ids.length - first, vocabulary].
 * The key is the model file's name, size and date, the prompts, and the reference's source.
 */
export async function referenceRows(
  modelPath: string,
  prompts: readonly (readonly number[])[],
  first: number,
): Promise<Float32Array[]> {
  const { size, mtimeMs } = statSync(modelPath);
  const key = JSON.stringify([basename(modelPath), size, mtimeMs, prompts, first, SOURCES]);
  const folder = join(cacheFolder(), "reference");
  const path = join(folder, `${new Bun.CryptoHasher("sha256").update(key).digest("hex")}.f32`);
  const lengths = prompts.map((ids) => ids.length - first);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const rows = new Float32Array(readKept(path) ?? (await compute(modelPath, prompts, first, path)));
  const vocabulary = rows.length / total;
  let at = 0;
  return lengths.map((length) => {
    at += length * vocabulary;
    return rows.subarray(at - length * vocabulary, at);
  });
}

function readKept(path: string): ArrayBuffer | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  } catch {
    return undefined;
  }
}

function keep(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, bytes);
  renameSync(`${path}.${process.pid}`, path);
}

async function compute(
  modelPath: string,
  prompts: readonly (readonly number[])[],
  first: number,
  path: string,
): Promise<ArrayBuffer> {
  const reference = await createReference(modelPath);
  try {
    const parts: Uint8Array[] = [];
    for (const ids of prompts) {
      const { data } = await reference.logits(ids, { first });
      parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    const bytes = Buffer.concat(parts);
    if (bytes.length <= LARGEST_KEPT_BYTES) keep(path, bytes);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  } finally {
    await reference.close();
  }
}
