// The choice of the SIMD variant, and the build that skips what is fresh.

import { afterEach, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { createCompute } from "#kernels";
import { createBench, kernelModule } from "./support.ts";

const ROOT = join(import.meta.dir, "..", "..");
const before = process.env.TRIMTAB_SIMD;

afterEach(() => {
  if (before === undefined) delete process.env.TRIMTAB_SIMD;
  else process.env.TRIMTAB_SIMD = before;
});

async function variantUnder(
  forced: string,
  simd: "auto" | "plain" | "relaxed",
  module = kernelModule,
): Promise<string> {
  process.env.TRIMTAB_SIMD = forced;
  const { operators, close } = await createCompute({
    module,
    memory: createBench(2 ** 16).memory,
    threads: 1,
    simd,
  });
  await close();
  return operators.variant;
}

test("the environment forces a variant over the caller's wish, and another value is refused", async () => {
  expect(await variantUnder("plain", "relaxed")).toBe("plain");
  expect(await variantUnder("relaxed", "plain")).toBe("relaxed");
  expect(await variantUnder("", "plain")).toBe("plain");
  expect(await variantUnder("", "auto")).toBe("relaxed");
  await expect(variantUnder("fast", "auto")).rejects.toThrow("TRIMTAB_SIMD is fast");
});

test("without relaxed SIMD the plain variant runs, unless relaxed is demanded", async () => {
  const module = { ...kernelModule, relaxed: null };
  expect(await variantUnder("", "auto", module)).toBe("plain");
  await expect(variantUnder("relaxed", "auto", module)).rejects.toThrow("no SIMD variant");
});

test("a variant that fails the self-test is passed over", async () => {
  // A module whose self-test says no: (func (export "selfTest") (param i32) (result i32) i32.const 0), memory imported.
  const failing = new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f],
      ...[2, 18, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 3, 1, 0x80, 0x80, 4],
      ...[
        3, 2, 1, 0, 7, 12, 1, 8, 0x73, 0x65, 0x6c, 0x66, 0x54, 0x65, 0x73, 0x74, 0, 0, 10, 6, 1, 4, 0, 0x41,
        0, 0x0b,
      ],
    ]),
  );
  expect(await variantUnder("", "auto", { ...kernelModule, relaxed: failing })).toBe("plain");
});

test("building again leaves fresh kernels alone", () => {
  const stamp = () => statSync(join(ROOT, "build", "kernels", "relaxed.wasm")).mtimeMs;
  const first = stamp();
  const { exitCode } = Bun.spawnSync(["node", join(ROOT, "kernels", "build.mjs")]);
  expect(exitCode).toBe(0);
  expect(stamp()).toBe(first);
});
