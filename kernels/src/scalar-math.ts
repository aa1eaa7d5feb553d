/** e^x and ln x in f64 from sums, products and quotients only: the same bits in every engine, unlike `Math.exp`. */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const words = new DataView(new ArrayBuffer(8));

/** e^x, relative error below 1e-15 for |x| ≤ 700. */
export function exponential(x: number): number {
  const n = Math.round(x / Math.LN2);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let sum = 1;
  for (let k = 18; k >= 1; k--) sum = 1 + (sum * r) / k;
  return sum * powerOfTwo(n);
}

/** ln x for positive finite x, relative error below 1e-15; -Infinity for 0. */
export function logarithm(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  words.setFloat64(0, x);
  let exponent = ((words.getUint32(0) >> 20) & 0x7ff) - 1022;
  words.setUint32(0, (words.getUint32(0) & 0x800fffff) | 0x3fe00000);
  let m = words.getFloat64(0);
  if (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  }
  const f = (m - 1) / (m + 1);
  const s = f * f;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s + 1 / k;
  return exponent * LN2_HIGH + (2 * f * sum + exponent * LN2_LOW);
}

function powerOfTwo(n: number): number {
  let result = 1;
  for (let left = Math.abs(n); left > 0; left--) result *= n < 0 ? 0.5 : 2;
  return result;
}
