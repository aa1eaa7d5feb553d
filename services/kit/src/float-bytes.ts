/** Bytes of floats ↔ `Float32Array`. Cost: one pass; F32 bytes that are aligned are not copied. */

/** Float types of weights. */
export type FloatType = "F32" | "F16" | "BF16";

/** Bytes of one element. */
export const FLOAT_BYTES: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The values of little-endian `bytes`, which may be a view of them. */
export function toF32(type: FloatType, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const count = length / FLOAT_BYTES[type];
  if (type === "F32") return new Float32Array(buffer, byteOffset, count);
  if (type === "F16") return new Float32Array(new Float16Array(buffer, byteOffset, count));
  const halves = new Uint16Array(buffer, byteOffset, count);
  const bits = new Uint32Array(count);
  for (let i = 0; i < count; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

/** True for the types of {@link toF32}. */
export function isFloatType(name: string): name is FloatType {
  return Object.hasOwn(FLOAT_BYTES, name);
}
