/** What decides between the SIMD variants: the two special instructions on edge values against scalar arithmetic. */
import { dot, shiftRight } from "./simd";

/** True when `dot` and `shiftRight` (by 4) give the exact results for the 16 bytes of x and w at `at` (w at 16), factor at 32. */
export function selfTest(at: usize): bool {
  const x = v128.load(at);
  const w = v128.load(at, 16);
  v128.store(at, dot(x, w), 48);
  v128.store(at, shiftRight(x, v128.load(at, 32)), 64);
  for (let i: usize = 0; i < 8; i++) {
    const p = at + i * 2;
    const sum = <i32>load<i8>(p) * <i32>load<u8>(p, 16) + <i32>load<i8>(p, 1) * <i32>load<u8>(p, 17);
    if (<i32>load<i16>(p, 48) != sum) return false;
    if (<i32>load<i16>(p, 64) != (<i32>load<i16>(p) + 8) >> 4) return false;
  }
  return true;
}
