/** The hub's names of tensors, in every conversion, are those that llama.cpp's converter knows by the same GGUF names. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Source } from "../../services/forward/src/model/conversion/conversion.ts";
import { conversions } from "../../services/forward/src/model/conversion/index.ts";
import { type PythonProgram, startPython } from "../oracle/python.ts";

setDefaultTimeout(120_000);
let tables: PythonProgram<unknown>;
beforeAll(async () => {
  tables = await startPython("tensor_names.py", []);
});
afterAll(() => tables.close());

/** The name in a directory; of experts, as the converter names them once they lie in one tensor. */
function nameOf(source: Source): string | undefined {
  if ("from" in source) return source.from;
  if ("heads" in source) return source.heads;
  if ("norm" in source) return source.norm;
  if ("experts" in source) return source.experts(0).replace(".0.", ".");
  // Split by the converter itself.
  return undefined;
}

test.each([...conversions.values()].map((one) => [one.modelType, one] as const))(
  "%s",
  async (_, conversion) => {
    const { family, layer } = conversion;
    const expected = Object.entries(layer).flatMap(([role, source]): [string, string][] => {
      const name = nameOf(source);
      return name === undefined ? [] : [[`model.layers.3.${name}`, `${family.layerPrefix(3)}${role}`]];
    });
    expected.push(["model.embed_tokens.weight", family.embedding], ["model.norm.weight", family.outputNorm]);
    const names = expected.map(([name]) => name);
    // The package is older than smollm3, whose tensors are llama's.
    const architecture = family.architecture === "smollm3" ? "llama" : family.architecture;
    const theirs = await tables.call<string[]>("names", { architecture, names });
    expect(Object.fromEntries(names.map((name, i) => [name, theirs[i] as string]))).toEqual(
      Object.fromEntries(expected),
    );
  },
);
