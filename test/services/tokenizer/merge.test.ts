/** The merging of long pieces against the plain way to say it. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { mergeSymbols } from "../../../services/tokenizer/src/merge.ts";

test("merging equals joining the best pair, the leftmost of equals, one at a time", () => {
  const ranks = fc.dictionary(
    fc.string({ unit: fc.constantFrom("a", "b", "😀"), minLength: 2, maxLength: 5 }),
    fc.nat(4),
  );
  const text = fc.string({ unit: fc.constantFrom("a", "b", "😀"), maxLength: 30 });
  fc.assert(
    fc.property(ranks, text, (rankOf, piece) => {
      const starts = mergeSymbols(piece, (start, _, end) => rankOf[piece.slice(start, end)]);
      expect(starts.map((start, i) => piece.slice(start, starts[i + 1]))).toEqual(mergeSlowly(piece, rankOf));
    }),
    { seed: 9, numRuns: 1_000 },
  );
});

function mergeSlowly(piece: string, rankOf: Readonly<Record<string, number>>): string[] {
  const symbols = [...piece];
  for (;;) {
    let best = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = rankOf[`${symbols[i]}${symbols[i + 1]}`] ?? Infinity;
      const least = best < 0 ? Infinity : (rankOf[`${symbols[best]}${symbols[best + 1]}`] ?? Infinity);
      if (rank < least) best = i;
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
}
