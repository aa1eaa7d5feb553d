/** Blocks made at load are those of the reference quantizer, bit by bit; what no half-precision scale can hold is refused. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { GGML_TYPES } from "#kit/ggml-types.ts";
import { QUANTIZED_TYPES, quantizeBlocks, type QuantizedType } from "#kit/gguf-quantize.ts";
import { createRandom } from "../../model/strings.ts";
import { createFormats, type Formats } from "../../oracle/formats.ts";

setDefaultTimeout(120_000);
const SEED = 9;
const BLOCKS = 4_000;
const BLOCK = 32;

let formats: Formats;
beforeAll(async () => {
  formats = await createFormats();
});
afterAll(() => formats.close());

function bytesOf(type: QuantizedType, values: Float32Array): Uint8Array {
  const { blockBytes = 0 } = [...GGML_TYPES.values()].find(({ name }) => name === type.toUpperCase()) ?? {};
  const into = new Uint8Array((values.length / BLOCK) * blockBytes);
  quantizeBlocks(type, values, into, "tensor");
  return into;
}

/** Blocks of many magnitudes; and zeros, equal values, halves between codes, subnormal numbers. */
function hardValues(): Float32Array {
  const random = createRandom(SEED);
  const values = Float32Array.from(
    { length: BLOCKS * BLOCK },
    (_, i) => (random.below(2_000_001) / 1e6 - 1) * 10 ** ((Math.floor(i / BLOCK) % 9) - 6),
  );
  values.fill(0, 0, BLOCK).fill(1.5, BLOCK, 2 * BLOCK);
  for (let i = 0; i < BLOCK; i++) {
    values[2 * BLOCK + i] = i - 15.5;
    values[3 * BLOCK + i] = (i - 16) * 1e-41;
    values[4 * BLOCK + i] = i % 2 === 0 ? 127 : i / 2;
  }
  return values;
}

test.each([...QUANTIZED_TYPES])(`%s: ${BLOCKS} blocks are the reference's (seed ${SEED})`, async (type) => {
  const values = hardValues();
  expect(bytesOf(type, values)).toEqual(await formats.quantize(type.toUpperCase(), values));
});

test.each([Number.NaN, Infinity, -Infinity, 3e38])("A8 %p among the values is refused by tensor", (bad) => {
  for (const type of QUANTIZED_TYPES) {
    const values = new Float32Array(2 * BLOCK).fill(0.5);
    values[40] = bad;
    expect(() => bytesOf(type, values)).toThrow(
      "tensor tensor holds values that are not finite, or too large",
    );
  }
});
