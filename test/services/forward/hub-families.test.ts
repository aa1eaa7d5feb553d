/** A directory of the hub computes the bits of its GGUF twin, in every family: names, row order, norms, rotation, experts. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGguf } from "#kit/gguf.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { createFormats, type Formats } from "../../oracle/formats.ts";
import { computeInside } from "../../support/family-forward.ts";
import {
  type FamilyModel,
  familyModelBytes,
  familyModels,
  writeFamilyModel,
} from "../../support/family-models.ts";
import { hubFilesOf, writeHubDirectory } from "../../support/hub-directory.ts";
import { assemble, type AssembledTensor, type Value } from "../../support/synthetic-model.ts";

setDefaultTimeout(60_000);
const IDS = Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 256);

/** Where a twin needs numbers that its configuration implies. */
const twins: readonly [string, FamilyModel][] = [
  ["llama", { ...familyModels.llama3, otherTensors: {} }],
  ["qwen2", familyModels.qwen2],
  ["qwen3", familyModels.qwen3],
  ["qwen3moe", familyModels.qwen3moe],
  ["gemma3", familyModels.gemma3],
  ["smollm3", familyModels.smollm3],
  [
    "phi3",
    {
      ...familyModels.phi3,
      metadata: {
        ...familyModels.phi3.metadata,
        // 512 tokens over 128: the hub's rule for long contexts.
        "rope.scaling.attn_factor": Math.sqrt(1 + Math.log(4) / Math.log(128)),
      },
    },
  ],
  ["granitemoe", familyModels.granitemoe],
];

test.each(twins)("%s: logits and residuals are those of the GGUF twin, bit by bit", async (name, model) => {
  const twin = await computeInside(await writeFamilyModel(model), IDS);
  const path = writeHubDirectory(name, hubFilesOf(model, familyModelBytes(model)), name === "qwen3" ? 3 : 1);
  try {
    const own = await computeInside(path, IDS);
    expect(own.logits).toEqual(twin.logits);
    expect(own.residuals).toEqual(twin.residuals);
  } finally {
    rmSync(path, { recursive: true });
  }
});

/** A file of the same family in which every matrix but the router is stored in `type`, by the reference's quantizer. */
async function quantizedTwin(model: FamilyModel, kind: QuantizedType, formats: Formats): Promise<string> {
  const source = familyModelBytes(model);
  const { metadata, tensors } = parseGguf(source);
  const infos: AssembledTensor[] = [];
  const data: Uint8Array[] = [];
  for (const { name, dims, offset, sizeBytes } of tensors.values()) {
    const isMatrix = dims.length > 1 && !name.endsWith("ffn_gate_inp.weight");
    const type = isMatrix ? kind.toUpperCase() : "F32";
    const floats = source.slice(offset, offset + sizeBytes);
    infos.push({ name, dims, type });
    data.push(isMatrix ? await formats.quantize(type, new Float32Array(floats.buffer)) : floats);
  }
  const entries = [...metadata].map(([key, value]): [string, Value] => [
    key,
    typeof value === "number" && !Number.isInteger(value) ? { f32: value } : (value as Value),
  ]);
  const path = join(tmpdir(), "trimtab-tests", `${model.architecture}-${kind}-${process.pid}.gguf`);
  await Bun.write(path, assemble(entries, infos, data));
  return path;
}

test.each([
  ["q8_0", "llama3"],
  ["q4_0", "granitemoe"],
  ["q4_1", "qwen2"],
  ["q5_0", "gemma3"],
  ["q5_1", "phi3"],
] as const)(
  "quantized to %s at load, %s is the file that the reference quantized, bit by bit",
  async (kind, name) => {
    const formats = await createFormats();
    try {
      const model: FamilyModel = familyModels[name];
      const twin = await computeInside(await quantizedTwin(model, kind, formats), IDS);
      const own = await computeInside(await writeFamilyModel(model), IDS, { quantize: kind });
      expect(own.logits).toEqual(twin.logits);
      const other = await computeInside(await writeFamilyModel(model), IDS);
      expect(own.logits).not.toEqual(other.logits);
    } finally {
      await formats.close();
    }
  },
);
