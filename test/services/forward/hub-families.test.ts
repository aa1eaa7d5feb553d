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

setDefaultTimeout(120_000);
const IDS = Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 256);

/** Divisors of the frequencies of Llama 3, as its authors' code has them: by wavelengths. */
const llama3Divisors = Float32Array.from({ length: 16 }, (_, i) => {
  const [factor, low, high, original] = [8, 1, 4, 64];
  const wavelength = 2 * Math.PI * 50_000.5 ** ((2 * i) / 32);
  if (wavelength < original / high) return 1;
  if (wavelength > original / low) return factor;
  const smooth = (original / wavelength - low) / (high - low);
  return 1 / ((1 - smooth) / factor + smooth);
});
const layerTypes = Array.from({ length: 7 }, (_, i) => (i === 5 ? "full_attention" : "sliding_attention"));

/** GGUF files, with numbers that a configuration implies; and keys of the configuration that say so. */
const twins: readonly [string, FamilyModel, Record<string, unknown>?][] = [
  ["llama", { ...familyModels.llama3, otherTensors: {} }],
  [
    "llama 3 with its scaling",
    { ...familyModels.llama3, otherTensors: { "rope_freqs.weight": llama3Divisors } },
    {
      rope_scaling: {
        ...{ rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
        original_max_position_embeddings: 64,
      },
    },
  ],
  [
    "qwen3 with linear scaling",
    { ...familyModels.qwen3, metadata: { "rope.scaling.type": "linear", "rope.scaling.factor": 4 } },
    { rope_scaling: { type: "linear", factor: 4 } },
  ],
  [
    "gemma3 in the words of newer libraries",
    familyModels.gemma3,
    {
      rope_theta: undefined,
      rope_local_base_freq: undefined,
      layer_types: layerTypes,
      rope_parameters: {
        full_attention: { rope_type: "default", rope_theta: 1_000_000.5 },
        sliding_attention: { rope_type: "default", rope_theta: 10_000 },
      },
    },
  ],
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

test.each(twins)(
  "%s: logits and residuals are those of the GGUF twin, bit by bit",
  async (name, model, keys = {}) => {
    const twin = await computeInside(await writeFamilyModel(model), IDS);
    const files = hubFilesOf(model, familyModelBytes(model));
    Object.assign(files.config, keys);
    const path = writeHubDirectory(name, files, name === "qwen3" ? 3 : 1);
    try {
      const own = await computeInside(path, IDS);
      expect(own.logits).toEqual(twin.logits);
      expect(own.residuals).toEqual(twin.residuals);
    } finally {
      rmSync(path, { recursive: true });
    }
  },
);

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
