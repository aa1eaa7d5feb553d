/** 16-bit floats: values, and the refusal of those that are not finite. */
import { KernelError } from "./errors.ts";

const POWERS = Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25));

/** The value of an f16. */
export function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * (POWERS[exponent] ?? 0);
}

/** `bits` again. @throws KernelError ARTIFACT_INVALID if every bit of the exponent `mask` is set: infinite or NaN */
export function finite(bits: number, mask = 0x7c00): number {
  if ((bits & mask) === mask)
    throw new KernelError("ARTIFACT_INVALID", "a weight or its scale is not finite");
  return bits;
}
