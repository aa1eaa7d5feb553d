/** The one way products are added, so that bits depend on nothing but operands: two roundings, in the order written. */

/** f + a·b */
// @ts-ignore: decorator
@inline
export function addProduct(f: v128, a: v128, b: v128): v128 {
  return f32x4.add(f, f32x4.mul(a, b));
}
