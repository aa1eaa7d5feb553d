/**
 * Stands in for order.ts in the `free` build, which only ../bench-order.ts measures: the engine may round once or twice,
 * so bits may differ from one machine to the next.
 */

/** f + a·b */
// @ts-ignore: decorator
@inline
export function addProduct(f: v128, a: v128, b: v128): v128 {
  return f32x4.relaxed_madd(a, b, f);
}
