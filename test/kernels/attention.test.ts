// Rotary positions, KV pages and attention: values against f64, bits against every way of cutting the same work up.

import { expect, test } from "bun:test";
import type { KvShape } from "#kernels";
import { attend, dress, KV_LIMITS, quantizeBlocks, rotate } from "./attention-reference.ts";
import { createSetting, NORM_EPSILON, ROPE_BASE, type Setting, type Style } from "./attention-setting.ts";
import { underAll } from "./support.ts";

const SEED = 77;

/** Checks some rows of the output against the definition. */
function expectDefinition(setting: Setting, rows: readonly number[]): void {
  const { shape, heads, style, qkv, out } = setting;
  const { headDim, kvHeads, kind } = shape;
  const limits = KV_LIMITS[kind];
  const width = (heads + 2 * kvHeads) * headDim;
  const head = (row: number, index: number, norm: Float32Array | null) => {
    const start = row * width + index * headDim;
    const plain = qkv.view.subarray(start, start + headDim);
    if (!style.dressed) return plain;
    return dress(plain, setting.bias.subarray(index * headDim), norm, NORM_EPSILON);
  };
  const last = Math.max(...rows);
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const keys = Array.from({ length: last + 1 }, (_, t) =>
      quantizeBlocks(rotate(head(t, heads + kvHead, setting.keyNorm), t, ROPE_BASE, style), limits.kv),
    );
    const values = Array.from({ length: last + 1 }, (_, t) =>
      quantizeBlocks(head(t, heads + kvHeads + kvHead, null), limits.kv),
    );
    for (const row of rows) {
      for (let h = kvHead * (heads / kvHeads); h < (kvHead + 1) * (heads / kvHeads); h++) {
        const rotated = rotate(head(row, h, setting.queryNorm), row, ROPE_BASE, style);
        const query = quantizeBlocks(rotated, limits.query);
        const first = style.window === 0 ? 0 : Math.max(0, row + 1 - style.window);
        const seen = <T>(list: readonly T[]) => list.slice(first, row + 1);
        const exact = attend(query, seen(keys), seen(values), style.scoreScale);
        for (let d = 0; d < headDim; d++) {
          const got = out.view[(row * heads + h) * headDim + d] ?? Number.NaN;
          // Keys whose exact value lies between two steps may round either way: a few steps of one key's last bit.
          expect(Math.abs(got - (exact[d] ?? 0))).toBeLessThan(kind === "int8" ? 0.02 : 0.002);
        }
      }
    }
  }
}

const CASES: readonly (readonly [KvShape, number, Partial<Style>])[] = [
  [{ layers: 2, kvHeads: 3, headDim: 64, kind: "int8" }, 9, { interleaved: true }],
  [{ layers: 1, kvHeads: 2, headDim: 64, kind: "int8" }, 14, { dressed: true, scoreScale: 0.1 }],
  [{ layers: 2, kvHeads: 1, headDim: 256, kind: "int8" }, 4, { window: 40, dressed: true, scoreScale: 0.2 }],
  [{ layers: 1, kvHeads: 2, headDim: 96, kind: "int16" }, 2, { interleaved: true, rotary: 48 }],
  [{ layers: 1, kvHeads: 1, headDim: 32, kind: "int16" }, 3, { rotary: 0, window: 257 }],
  [{ layers: 1, kvHeads: 2, headDim: 32, kind: "int8" }, 4, { window: 1 }],
];

for (const [shape, heads, { rotary = shape.headDim, ...options }] of CASES) {
  const plain = { interleaved: false, window: 0, dressed: false, scoreScale: shape.headDim ** -0.5 };
  const style = { ...plain, rotary, ...options };
  const about = JSON.stringify({ rotary, ...options });
  const name = `${heads} heads on ${shape.kvHeads} of ${shape.headDim}, ${shape.kind}, ${about}`;
  test(`${name}: attention equals f64 over the quantized cache (seed ${SEED})`, async () => {
    const setting = createSetting(shape, heads, 290, style, SEED);
    await underAll(setting.bench, (operators) => {
      setting.spoil();
      setting.run(operators, 0, 290, 64);
      if (operators.threads === 1) expectDefinition(setting, [0, 1, 31, 32, 200, 255, 256, 289]);
    });
    expect(setting.bench.intact()).toBe(true);
  });

  test(`${name}: bits depend neither on chunks, units, threads nor SIMD variant`, async () => {
    const setting = createSetting(shape, heads, 290, style, SEED + 1);
    let expected: Float32Array | null = null;
    await underAll(setting.bench, (operators) => {
      for (const chunk of [290, 256, 33, 7, 1]) {
        if (chunk === 1 && operators.threads === 2) continue;
        setting.spoil();
        setting.out.view.fill(Number.NaN);
        for (let from = 0; from < 290; from += chunk)
          setting.run(operators, from, Math.min(290, from + chunk), 5 + (chunk % 60));
        expected ??= setting.out.view.slice();
        expect(setting.out.view).toEqual(expected);
      }
    });
    expect(setting.bench.intact()).toBe(true);
  });
}
