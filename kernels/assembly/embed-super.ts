/** Rows of a table in superblocks (super-block.ts) back to f32. Scale and minimum are exact; their sum is rounded once. */
import { HEADER_BYTES, HEADER_SCALES_BYTES, KIND_Q2_K, KIND_Q3_K, KIND_Q5_K, KIND_Q6_K } from "./layout";
import { SUPER_BLOCKS } from "./layout";
import { groupBlockBytes } from "./kinds";
import { weight4, weight5, weight6 } from "./weights";

/** Undoes the 2^-56 of the header. */
const TWO_TO_56: f32 = 72057594037927936;

/** Writes 32 · `blocks` floats of the row `lane` of the group at `w`. */
export function rowSuper(kind: i32, w: usize, lane: usize, blocks: usize, scale: f32, out: usize): void {
  const isK16 = kind == KIND_Q2_K || kind == KIND_Q3_K || kind == KIND_Q6_K;
  const hasMinimum = kind != KIND_Q3_K && kind != KIND_Q6_K;
  const headerBytes: usize = hasMinimum ? HEADER_BYTES : HEADER_SCALES_BYTES;
  const blockBytes = groupBlockBytes(kind) - headerBytes / SUPER_BLOCKS;
  const bytes4: usize = kind == KIND_Q6_K ? 96 : kind == KIND_Q5_K ? 80 : 64;
  const centre = kind == KIND_Q6_K ? 32 : kind == KIND_Q3_K ? 8 : 0;
  const minimumUnit: f32 = kind == KIND_Q2_K ? -8 : 1;
  const base = (lane >> 2) * bytes4 + (lane & 3) * 4;
  for (let block: usize = 0; block < blocks; block += SUPER_BLOCKS) {
    const d = load<f32>(w + lane * 4) * TWO_TO_56;
    const m = hasMinimum ? load<f32>(w + 32 + lane * 4) * TWO_TO_56 * minimumUnit : 0;
    w += headerBytes;
    for (let part = 0; part < SUPER_BLOCKS; part++, w += blockBytes, out += 128) {
      for (let k: usize = 0; k < 32; k++) {
        const half = isK16 ? k >> 4 : 0;
        const integers = w + 2 * bytes4 + lane + half * 8;
        const q = kind == KIND_Q6_K ? weight6(w + base, k) : kind == KIND_Q5_K ? weight5(w + base, k) : weight4(w + base, k);
        const factor = d * <f32>load<i8>(integers);
        let value = factor * <f32>(q - centre);
        if (hasMinimum) value += m * <f32>load<u8>(integers + (isK16 ? 16 : 8));
        store<f32>(out + k * 4, value * scale);
      }
    }
  }
}
