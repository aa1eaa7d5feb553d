/**
 * Kinds in superblocks of 256 columns to the kernels' layout (assembly/super-block.ts): weights as they are, integer
 * scales as they are, f16 scales as f32 · 2^-56. Cost: about 2 ns a weight.
 */
import {
  HEADER_BYTES, HEADER_SCALES_BYTES, Q2_K_BYTES, Q3_K_BYTES, Q4_K_BYTES, Q5_K_BYTES, Q6_K_BYTES, SUPER_BLOCKS,
} from "../assembly/layout.ts"; // prettier-ignore
import { finite, halfToFloat } from "./half.ts";
import { put4, put5, put6 } from "./pack-bits.ts";
import type { PackJob } from "./pack-plain.ts";
import {
  createSuperBlock,
  readQ2K,
  readQ3K,
  readQ4K,
  readQ5K,
  readQ6K,
  type SuperBlock,
} from "./super-block-source.ts";

/** What differs between the kinds. */
export interface SuperKind {
  readonly sourceBytes: number;
  /** Where the f16 scale and the f16 minimum are in the source (−1: none). */
  readonly scaleAt: number;
  readonly minimumAt: number;
  /** What the minimum of the header is multiplied with. */
  readonly minimumFactor: number;
  readonly read: (from: Uint8Array, at: number, block: SuperBlock) => void;
  readonly put: (out: Uint16Array, at: number, q: Uint8Array, from: number) => void;
  /** Bytes of the weights of 8 rows x 32 columns. */
  readonly weightBytes: number;
  /** Bytes of 8 rows x 32 columns, the header's share included. */
  readonly packedBytes: number;
  /** Scales of a block of 32: 1 or 2. */
  readonly scales: number;
}

/** The kinds, by name. */
export const SUPER_KINDS = {
  // prettier-ignore
  q2_k: {
    sourceBytes: 84, scaleAt: 80, minimumAt: 82, minimumFactor: 1 / 8,
    read: readQ2K, put: put4, weightBytes: 128, packedBytes: Q2_K_BYTES, scales: 2,
  },
  // prettier-ignore
  q3_k: {
    sourceBytes: 110, scaleAt: 108, minimumAt: -1, minimumFactor: 0,
    read: readQ3K, put: put4, weightBytes: 128, packedBytes: Q3_K_BYTES, scales: 2,
  },
  // prettier-ignore
  q4_k: {
    sourceBytes: 144, scaleAt: 0, minimumAt: 2, minimumFactor: -1,
    read: readQ4K, put: put4, weightBytes: 128, packedBytes: Q4_K_BYTES, scales: 1,
  },
  // prettier-ignore
  q5_k: {
    sourceBytes: 176, scaleAt: 0, minimumAt: 2, minimumFactor: -1,
    read: readQ5K, put: put5, weightBytes: 160, packedBytes: Q5_K_BYTES, scales: 1,
  },
  // prettier-ignore
  q6_k: {
    sourceBytes: 210, scaleAt: 208, minimumAt: -1, minimumFactor: 0,
    read: readQ6K, put: put6, weightBytes: 192, packedBytes: Q6_K_BYTES, scales: 2,
  },
} as const satisfies Record<string, SuperKind>;

/** Kinds in superblocks. */
export type SuperKindName = keyof typeof SUPER_KINDS;

/** Packs whole rows of a kind in superblocks. @throws KernelError ARTIFACT_INVALID for a scale that is not finite */
export function packSuper(name: SuperKindName, { from, rows, blocks, to }: PackJob): void {
  const kind: SuperKind = SUPER_KINDS[name];
  const words = new Uint16Array(to.buffer, to.byteOffset, to.byteLength >> 1);
  const floats = new Float32Array(to.buffer, to.byteOffset, to.byteLength >> 2);
  const headerBytes = kind.minimumAt < 0 ? HEADER_SCALES_BYTES : HEADER_BYTES;
  const blockBytes = kind.packedBytes - headerBytes / SUPER_BLOCKS;
  const block = createSuperBlock();
  const half = (at: number) => halfToFloat(finite(from[at]! | (from[at + 1]! << 8))) * 2 ** -56;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const lane = row & 7;
    let base = (row >> 3) * blocks * kind.packedBytes;
    const rowOffset = ((lane >> 2) * kind.weightBytes) / 2 + (lane & 3) * 4;
    for (let b = 0; b < blocks; b += SUPER_BLOCKS, at += kind.sourceBytes) {
      kind.read(from, at, block);
      floats[(base >> 2) + lane] = half(at + kind.scaleAt);
      if (kind.minimumAt >= 0)
        floats[(base >> 2) + 8 + lane] = half(at + kind.minimumAt) * kind.minimumFactor;
      base += headerBytes;
      for (let part = 0; part < SUPER_BLOCKS; part++, base += blockBytes) {
        kind.put(words, (base + rowOffset) >> 1, block.weights, part * 32);
        const integers = base + kind.weightBytes + lane;
        for (let i = 0; i < kind.scales; i++) {
          to[integers + 8 * i] = block.scales[part * kind.scales + i]!;
          if (kind.minimumAt >= 0)
            to[integers + 8 * (kind.scales + i)] = block.minima[part * kind.scales + i]!;
        }
      }
    }
  }
}
