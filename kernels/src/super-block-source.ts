/**
 * Superblocks of 256 weights as GGUF files store them, taken apart: unsigned weights and integer scales. Source: the
 * block layouts of the GGUF specification (ggml's K-quants and IQ4_XS); checked against an independent reader in the
 * tests. `at` is the block's first byte.
 */

/** One superblock: value = scale · scales[column/16 or /32] · (weights[column] - centre) - minimum · minima[…]. */
export interface SuperBlock {
  /** u8 [256] */
  readonly weights: Uint8Array;
  /** i8 [16] or [8]; factors of 16 or 32 columns. */
  readonly scales: Int8Array;
  /** u8 [16] or [8] */
  readonly minima: Uint8Array;
}

/** Room for a superblock. */
export function createSuperBlock(): SuperBlock {
  return { weights: new Uint8Array(256), scales: new Int8Array(16), minima: new Uint8Array(16) };
}

/** Q2_K: scales of 4 bits for 16 columns, weights 0 … 3. */
export function readQ2K(from: Uint8Array, at: number, { weights, scales, minima }: SuperBlock): void {
  for (let i = 0; i < 16; i++) {
    scales[i] = from[at + i]! & 15;
    minima[i] = from[at + i]! >> 4;
  }
  for (let k = 0; k < 256; k++) {
    const byte = from[at + 16 + (k >> 7) * 32 + (k & 31)]!;
    weights[k] = (byte >> ((k >> 4) & 6)) & 3;
  }
}

/** Q3_K: scales of 6 bits less 32 for 16 columns, weights 0 … 7 (centre 4) given as 4 … 11 (centre 8). */
export function readQ3K(from: Uint8Array, at: number, { weights, scales }: SuperBlock): void {
  for (let k = 0; k < 256; k++) {
    const low = (from[at + 32 + (k >> 7) * 32 + (k & 31)]! >> ((k >> 4) & 6)) & 3;
    const high = (from[at + (k & 31)]! >> (k >> 5)) & 1;
    weights[k] = low + 4 * high + 4;
  }
  for (let i = 0; i < 16; i++) {
    const low = i < 8 ? from[at + 96 + i]! & 15 : from[at + 88 + i]! >> 4;
    const high = (from[at + 104 + (i & 3)]! >> (2 * (i >> 2))) & 3;
    scales[i] = (low | (high << 4)) - 32;
  }
}

/** The scales and minima of 6 bits, for 32 columns, of Q4_K and Q5_K. */
function readScales(from: Uint8Array, at: number, { scales, minima }: SuperBlock): void {
  for (let i = 0; i < 4; i++) {
    scales[i] = from[at + i]! & 63;
    minima[i] = from[at + 4 + i]! & 63;
    scales[4 + i] = (from[at + 8 + i]! & 15) | ((from[at + i]! >> 6) << 4);
    minima[4 + i] = (from[at + 8 + i]! >> 4) | ((from[at + 4 + i]! >> 6) << 4);
  }
}

/** Q4_K: weights 0 … 15. */
export function readQ4K(from: Uint8Array, at: number, block: SuperBlock): void {
  readScales(from, at + 4, block);
  const { weights } = block;
  for (let part = 0; part < 4; part++) {
    for (let k = 0; k < 32; k++) {
      const byte = from[at + 16 + part * 32 + k]!;
      weights[part * 64 + k] = byte & 15;
      weights[part * 64 + 32 + k] = byte >> 4;
    }
  }
}

/** Q5_K: weights 0 … 31. */
export function readQ5K(from: Uint8Array, at: number, block: SuperBlock): void {
  readScales(from, at + 4, block);
  const { weights } = block;
  for (let part = 0; part < 4; part++) {
    for (let k = 0; k < 32; k++) {
      const byte = from[at + 48 + part * 32 + k]!;
      const high = from[at + 16 + k]! >> (2 * part);
      weights[part * 64 + k] = (byte & 15) | ((high & 1) << 4);
      weights[part * 64 + 32 + k] = (byte >> 4) | ((high & 2) << 3);
    }
  }
}

/** Q6_K: scales of 8 bits for 16 columns, weights 0 … 63 (centre 32). */
export function readQ6K(from: Uint8Array, at: number, { weights, scales }: SuperBlock): void {
  for (let half = 0; half < 2; half++) {
    const low = at + half * 64;
    const high = at + 128 + half * 32;
    const to = half * 128;
    for (let k = 0; k < 32; k++) {
      const bits = from[high + k]!;
      weights[to + k] = (from[low + k]! & 15) | ((bits & 3) << 4);
      weights[to + 32 + k] = (from[low + 32 + k]! & 15) | ((bits & 12) << 2);
      weights[to + 64 + k] = (from[low + k]! >> 4) | (bits & 48);
      weights[to + 96 + k] = (from[low + 32 + k]! >> 4) | ((bits & 192) >> 2);
    }
  }
  for (let i = 0; i < 16; i++) scales[i] = from[at + 192 + i]!;
}
