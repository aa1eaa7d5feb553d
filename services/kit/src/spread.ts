/** Some of many, without a draw. Pure. */

/** At most `most` of the items, evenly over all of them and in their order: of a list that is sorted some of every part. */
export function spread<T>(items: readonly T[], most: number): T[] {
  const step = Math.max(1, items.length / most);
  return items.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}
