/** Characters never come out in halves, whatever the cut; broken bytes come out as U+FFFD, once they are known broken. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { createTokenTextDecoder } from "#kit/token-text.ts";

test("K6 any bytes cut anywhere give the text of decoding them at once", () => {
  const parameters = { seed: 5, numRuns: 500 };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: "binary", maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(40)), (all, cuts) => {
      const decoder = createTokenTextDecoder();
      const at = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length];
      const parts = at.slice(1).map((end, i) => decoder.push(all.subarray(at[i], end)));
      expect(parts.join("") + decoder.end()).toBe(Buffer.from(all).toString("utf8"));
    }),
    parameters,
  );
});

test("K6 an emoji in four tokens appears with the last one", () => {
  const decoder = createTokenTextDecoder();
  const parts = [...Buffer.from("😀")].map((byte) => decoder.push(Uint8Array.of(byte)));
  expect(parts).toEqual(["", "", "", "😀"]);
});

test("K6 an unfinished character at the end of the stream is U+FFFD, a byte-order mark is text", () => {
  const decoder = createTokenTextDecoder();
  expect(decoder.push(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xf0, 0x9f))).toBe("\ufeffa");
  expect(decoder.end()).toBe("\ufffd");
  expect(decoder.push(Uint8Array.of(0x62))).toBe("b");
});
