// Blocks taken apart: codes, scales and minima of every format stand for the values an independent reader finds.

import { expect, test } from "bun:test";
import { codeFormat, readCodes, readValues } from "#kernels";
import { BLOCKS, createBench, createMatrix, createRandom, SOURCES } from "./support.ts";

const SEED = 907;

for (const source of SOURCES) {
  test(`${source}: values, and codes within their promise, are those of an independent reader (seed ${SEED})`, async () => {
    const cols = BLOCKS[source][0] * 2;
    const { bytes, values: exact } = await createMatrix(createBench(), source, 16, cols, createRandom(SEED));
    const values = readValues(source, bytes);
    expect(values.length).toBe(exact.length);
    const wrong = [...values].filter((value, i) => {
      const expected = exact[i] as number;
      return !(Math.abs(value - expected) <= 2e-6 + Math.abs(expected) * 1e-6);
    });
    expect(wrong).toEqual([]);
    const format = codeFormat(source);
    const coded = readCodes(source, bytes);
    expect(coded === null).toBe(format === null);
    if (!coded || !format) return;
    const { centre, columns } = format;
    expect(coded).toMatchObject({ centre, columns });
    expect(coded.minima !== null).toBe(format.hasMinima);
    expect(Math.max(...coded.codes)).toBeLessThan(2 ** format.bits);
  });
}
