/**
 * Files that random damage does not make: limits that take large files, and cases that once deserved a second look. Each
 * is made here; the answer is the message it is refused with.
 */
import { mkdtempSync, openSync, closeSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import { openGguf, parseGguf } from "#kit/gguf.ts";
import { ggufBoolean, ggufNumber, ggufNumbers, ggufText, ggufTexts, required } from "#kit/gguf-values.ts";
import { GGUF_LIMITS, MODEL_DIRECTORY_LIMITS } from "#kit/limits.ts";
import { openModelDirectory } from "#kit/model-directory.ts";
import { scanJson } from "#kit/json-scan.ts";
import { parseSafetensorsHeader } from "#kit/safetensors-header.ts";
import { refusalOf } from "../../../support/refusal.ts";

/** Messages of the refused files of a kind. */
export function corpusOf(kind: keyof typeof CORPUS): string[] {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-corpus-"));
  try {
    return CORPUS[kind].map((read) => refusalOf(() => read(folder)).message);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);
const text = (value: string) => Buffer.concat([u64(BigInt(Buffer.byteLength(value))), Buffer.from(value)]);
const MIB = 2 ** 20;
const metadata = new Map<string, string | number>([
  ["text", "x"],
  ["number", 7.5],
]);
const header = (json: string) => Buffer.concat([u64(BigInt(Buffer.byteLength(json))), Buffer.from(json)]);
const readHeader = (json: string) => () => parseSafetensorsHeader(header(json), MODEL_DIRECTORY_LIMITS);
const withIndex = (map: Record<string, string>) => (folder: string) => {
  writeFileSync(join(folder, "config.json"), "{}");
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  openModelDirectory(folder);
};

const CORPUS = {
  gguf: [
    /** A header that goes on beyond 128 MiB, in a file that is mostly a hole. */
    (folder: string) => {
      const path = join(folder, "large.gguf");
      const file = openSync(path, "w");
      writeSync(file, Buffer.concat([Buffer.from("GGUF"), u32(3), u64(0n), u64(100n)]));
      let at = 24;
      for (let i = 0; at < GGUF_LIMITS.headerBytes - 64; i++) {
        const room = GGUF_LIMITS.headerBytes - 64 - at;
        const count = Math.min(GGUF_LIMITS.arrayElements, Math.ceil(room / 8));
        const head = Buffer.concat([text(`k${i}`), u32(9), u32(10), u64(BigInt(count))]);
        writeSync(file, head, 0, head.length, at);
        at += head.length + count * 8;
      }
      truncateSync(path, at + 10_000);
      writeSync(file, Buffer.concat([text("last"), u32(8), u64(200n)]), 0, 24, at);
      closeSync(file);
      openGguf(path);
    },
    () => ggufText(metadata, "number"),
    () => ggufNumber(metadata, "text", { min: 0, max: 1 }),
    () => ggufNumber(metadata, "number", { min: 0, max: 1 }),
    () => ggufNumber(metadata, "number", { min: 0, max: 9, integer: true }),
    () => ggufBoolean(metadata, "text"),
    () => ggufTexts(metadata, "text"),
    () => ggufNumbers(metadata, "text"),
    () => required(undefined, "key"),
    () => parseGguf(Buffer.concat([Buffer.from("GGUF"), u32(3), u64(65_537n), u64(0n)])),
  ],
  safetensors: [
    readHeader(`{${Array.from({ length: 65_537 }, (_, i) => `"${i}":1`).join(",")}}`),
    readHeader(`{"a":${"[".repeat(100_000)}`),
    readHeader('{"\\u005f_proto__":1}'),
    readHeader('{"a\\q":1}'),
    readHeader('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}'),
    /** A limit of the gateway's bodies: the scanner is one. */
    () => {
      throw new TrimtabError("INVALID_ARGUMENT", scanJson('{"a":{"b":1}}', 8, 1) ?? "");
    },
    () => parseSafetensorsHeader(Buffer.alloc(7), MODEL_DIRECTORY_LIMITS),
    () => parseSafetensorsHeader(u64(BigInt(17 * MIB)), MODEL_DIRECTORY_LIMITS),
  ],
  directory: [
    withIndex(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`t${i}`, `s${i}.safetensors`]))),
    withIndex({}),
    withIndex({ a: "a.safetensors" }),
    withIndex({ a: "/a.safetensors" }),
    (folder: string) => {
      writeFileSync(join(folder, "config.json"), Buffer.from([0x7b, 0xff, 0x7d]));
      openModelDirectory(folder);
    },
  ],
} satisfies Record<string, readonly ((folder: string) => unknown)[]>;
