/** Lists of blocks as options take them. */

/** "9,12-14" as 9, 12, 13, 14; what is no number is left for the service to refuse. */
export function blocks(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split("-").map(Number);
    return Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => first + i);
  });
}
