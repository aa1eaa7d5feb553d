/** Numbers that metadata of a model file may have, and no model can: each is refused by its key. */
import { expect, test } from "bun:test";
import { parseGguf } from "#kit/gguf.ts";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import { syntheticModel, type Value } from "../../support/synthetic-model.ts";
import { refusedField } from "../../support/refusal.ts";

function refusal(metadata: Readonly<Record<string, Value>>): object {
  return refusedField(() => readConfig(parseGguf(syntheticModel({ metadata }))));
}

/** Numbers no model has. */
const IMPOSSIBLE: Readonly<Record<string, readonly (number | { f32: number })[]>> = {
  "attention.head_count": [0],
  "attention.head_count_kv": [0, 8],
  "rope.dimension_count": [64],
  "rope.freq_base": [{ f32: Number.POSITIVE_INFINITY }],
  "attention.layer_norm_rms_epsilon": [{ f32: Number.NaN }],
  context_length: [0, 2 ** 30, { f32: -1 }],
  block_count: [0, 2 ** 31],
  embedding_length: [0],
};
for (const [name, values] of Object.entries(IMPOSSIBLE)) {
  test(`A7 impossible numbers for ${name}`, () => {
    const field = `llama.${name}`;
    for (const value of values)
      expect(refusal({ [field]: value })).toEqual({ reason: "ARTIFACT_INVALID", field });
  });
}
