/**
 * A small llama-shaped GGUF file with seeded random weights, for tests of the engine: 4 layers, 64 wide, 4 heads over
 * 2 key/value heads of 32, a tied Q8_0 embedding of 256 tokens, Q4_1 and F32 matrices. Well-scaled, so that logits
 * are neither flat nor saturated.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GGML_TYPES } from "#kit/ggml-types.ts";

/** Shape of the file and its defects. */
export interface SyntheticOptions {
  readonly seed?: number;
  readonly layers?: number;
  readonly contextTokens?: number;
  /** Replaces or (undefined) removes metadata entries. */
  readonly metadata?: Readonly<Record<string, Value | undefined>>;
}

/** A metadata value; plain numbers are written as u32. */
export type Value = string | number | { readonly f32: number } | readonly string[] | Int32Array;
type TensorType = "F32" | "Q4_1" | "Q8_0";

/** A tensor of a file to assemble; `type` as in {@link GGML_TYPES}. */
export interface AssembledTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: string;
}

const TYPES = new Map([...GGML_TYPES.values()].map((type) => [type.name, type]));
const WIDTH = 64;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD_DIM = 32;
const FEED_FORWARD = 128;
/** Tokens of the synthetic vocabulary. */
export const VOCABULARY = 256;

/** A page of keys and values of the model of four layers: two heads, 32 tokens each of 32 int8 values and their scale. */
export const PAGE_BYTES = 4 * 2 * KV_HEADS * 32 * (HEAD_DIM + 4);

/** Writes the file into the temporary directory and answers its path. */
export async function writeSyntheticModel(options: SyntheticOptions = {}): Promise<string> {
  const name = Bun.hash(JSON.stringify(options)).toString(16);
  const path = join(tmpdir(), "trimtab-tests", `synthetic-${name}-${process.pid}.gguf`);
  mkdirSync(dirname(path), { recursive: true });
  await Bun.write(path, syntheticModel(options));
  return path;
}

/** The bytes of the file. */
export function syntheticModel(options: SyntheticOptions = {}): Uint8Array {
  const layers = options.layers ?? 4;
  const random = createRandom(options.seed ?? 1);
  const tokens = Array.from({ length: VOCABULARY }, (_, id) => `t${id}`);
  const entries: Record<string, Value | undefined> = {
    "general.architecture": "llama",
    "general.name": "synthetic",
    "llama.block_count": layers,
    "llama.context_length": options.contextTokens ?? 8192,
    "llama.embedding_length": WIDTH,
    "llama.feed_forward_length": FEED_FORWARD,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KV_HEADS,
    "llama.attention.key_length": HEAD_DIM,
    "llama.attention.value_length": HEAD_DIM,
    "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
    "llama.rope.freq_base": { f32: 10_000 },
    "llama.rope.dimension_count": HEAD_DIM,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": new Int32Array(VOCABULARY).fill(1),
    "tokenizer.ggml.eos_token_id": 2,
    ...options.metadata,
  };
  const tensors: (AssembledTensor & { readonly type: TensorType })[] = [
    { name: "token_embd.weight", dims: [WIDTH, VOCABULARY], type: "Q8_0" },
    { name: "output_norm.weight", dims: [WIDTH], type: "F32" },
  ];
  for (let layer = 0; layer < layers; layer++) {
    const matrix: TensorType = layer === 1 ? "F32" : layer === 2 ? "Q8_0" : "Q4_1";
    const add = (role: string, dims: number[], type = matrix) =>
      tensors.push({ name: `blk.${layer}.${role}.weight`, dims, type });
    add("attn_norm", [WIDTH], "F32");
    add("attn_q", [WIDTH, HEADS * HEAD_DIM]);
    add("attn_k", [WIDTH, KV_HEADS * HEAD_DIM]);
    add("attn_v", [WIDTH, KV_HEADS * HEAD_DIM], layer === 3 ? "Q8_0" : matrix);
    add("attn_output", [HEADS * HEAD_DIM, WIDTH]);
    add("ffn_norm", [WIDTH], "F32");
    add("ffn_gate", [WIDTH, FEED_FORWARD]);
    add("ffn_up", [WIDTH, FEED_FORWARD]);
    add("ffn_down", [FEED_FORWARD, WIDTH]);
  }
  const data = tensors.map(({ dims, type }) => encode(type, dims, random));
  return assemble(Object.entries(entries), tensors, data);
}

/** A GGUF file of these parts; entries without a value are left out. */
export function assemble(
  entries: readonly (readonly [string, Value | undefined])[],
  tensors: readonly AssembledTensor[],
  data: readonly Uint8Array[],
): Uint8Array {
  const kept = entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  const parts: Uint8Array[] = [text("GGUF").subarray(8), u32(3), u64(tensors.length), u64(kept.length)];
  for (const [key, value] of kept) parts.push(text(key), ...encodeValue(value));
  let offset = 0;
  for (const [index, { name, dims, type }] of tensors.entries()) {
    parts.push(text(name), u32(dims.length), ...dims.map(u64), u32(TYPES.get(type)?.id ?? -1), u64(offset));
    offset += padded(data[index]?.length ?? 0);
  }
  const header = Buffer.concat(parts);
  const file = new Uint8Array(padded(header.length) + offset);
  file.set(header);
  let at = padded(header.length);
  for (const bytes of data) {
    file.set(bytes, at);
    at += padded(bytes.length);
  }
  return file;
}

/** Random numbers in (−1, 1), the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed * 2654435761 + 12345;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Blocks with random codes and scales that give rows of about unit gain. */
function encode(type: TensorType, dims: readonly number[], random: () => number): Uint8Array {
  const count = dims.reduce((a, b) => a * b, 1);
  const gain = 1.7 / Math.sqrt(dims[0] ?? 1);
  if (type === "F32") {
    const values = Float32Array.from({ length: count }, () =>
      dims.length === 1 ? 1 + 0.2 * random() : gain * random(),
    );
    return new Uint8Array(values.buffer);
  }
  const { blockElements = 1, blockBytes: bytes = 4 } = TYPES.get(type) ?? {};
  const out = new Uint8Array((count / blockElements) * bytes);
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += bytes) {
    const scale = gain * (0.8 + 0.2 * random());
    if (type === "Q8_0") view.setUint16(at, half(scale / 127), true);
    else {
      view.setUint16(at, half(scale / 7.5), true);
      view.setUint16(at + 2, half(-scale), true);
    }
    for (let i = type === "Q8_0" ? 2 : 4; i < bytes; i++) out[at + i] = Math.floor((random() + 1) * 128);
  }
  return out;
}

function encodeValue(value: Value): Uint8Array[] {
  if (typeof value === "string") return [u32(8), text(value)];
  if (typeof value === "number") return [u32(4), u32(value)];
  if (value instanceof Int32Array) return [u32(9), u32(5), u64(value.length), new Uint8Array(value.buffer)];
  if ("f32" in value) return [u32(6), new Uint8Array(Float32Array.of(value.f32).buffer)];
  return [u32(9), u32(8), u64(value.length), ...value.map(text)];
}

/** Bits of a half-precision number; truncating, for magnitudes between 2^-14 and 2^15. */
function half(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  return ((bits >>> 16) & 0x8000) | ((((bits >>> 23) & 255) - 112) << 10) | ((bits >>> 13) & 1023);
}

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / 32) * 32;
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Uint8Array => {
  const bytes = new TextEncoder().encode(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};
