// Attention by its definition in f64, over keys, values and queries quantized as the page format says.

import type { KvKind } from "#kernels";

/** Nearest multiples of largest/limit in each block of 32. */
export function quantizeBlocks(x: ArrayLike<number>, limit: number): number[] {
  const out: number[] = [];
  for (let block = 0; block < x.length; block += 32) {
    let largest = 0;
    for (let i = block; i < block + 32; i++) largest = Math.max(largest, Math.abs(x[i] ?? 0));
    const factor = largest < 1e-30 ? 0 : Math.fround(limit / largest);
    const scale = largest < 1e-30 ? 0 : Math.fround(largest / limit);
    for (let i = block; i < block + 32; i++) out.push(Math.round(Math.fround((x[i] ?? 0) * factor)) * scale);
  }
  return out;
}

/** Rotates the first `dim` dims of one head. */
export function rotate(
  x: ArrayLike<number>,
  position: number,
  base: number,
  { interleaved, rotary: dim }: { readonly interleaved: boolean; readonly rotary: number },
): number[] {
  const out = Array.from(x);
  for (let i = 0; i < dim / 2; i++) {
    const angle = position * base ** ((-2 * i) / dim);
    const [a, b] = interleaved ? [2 * i, 2 * i + 1] : [i, i + dim / 2];
    out[a] = (x[a] ?? 0) * Math.cos(angle) - (x[b] ?? 0) * Math.sin(angle);
    out[b] = (x[b] ?? 0) * Math.cos(angle) + (x[a] ?? 0) * Math.sin(angle);
  }
  return out;
}

/** A head plus its bias, then normed. */
export function dress(
  x: ArrayLike<number>,
  bias: ArrayLike<number>,
  norm: ArrayLike<number> | null,
  eps: number,
): number[] {
  const sum = Array.from(x, (value, d) => value + (bias[d] ?? 0));
  if (!norm) return sum;
  const rms = Math.sqrt(sum.reduce((total, value) => total + value * value, 0) / sum.length + eps);
  return sum.map((value, d) => (value / rms) * (norm[d] ?? 0));
}

/** One head of one query over the keys and values it sees. */
export function attend(
  query: readonly number[],
  keys: readonly (readonly number[])[],
  values: readonly (readonly number[])[],
  scoreScale: number,
): number[] {
  const scores = keys.map((key) => key.reduce((sum, k, d) => sum + k * (query[d] ?? 0), 0) * scoreScale);
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return query.map((_, d) => weights.reduce((sum, w, t) => sum + w * (values[t]?.[d] ?? 0), 0) / total);
}

/** Limits of quantized numbers by KV kind: keys and values, and queries. */
export const KV_LIMITS: Readonly<Record<KvKind, { kv: number; query: number }>> = {
  int8: { kv: 127, query: 32_767 },
  int16: { kv: 8_191, query: 8_191 },
};
