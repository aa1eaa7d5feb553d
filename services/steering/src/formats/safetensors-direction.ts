/**
 * Directions as safetensors: `direction.<block>` f32 [width] is the residual after block <block>, 0-based, and
 * `median_residual_norms` f32 [layers]. This is also the form in which directions are stored. Writing is canonical:
 * the same direction gives the same bytes.
 */
import { TrimtabError } from "#kit/errors.ts";
import { printable } from "#kit/printable.ts";
import { parseSafetensors, safetensorsToF32, writeSafetensors } from "#kit/safetensors.ts";
import { type Direction, directionLayers, rawVector } from "../direction.ts";
import { blockOfTensor, checkVectorShape, type FileVectors } from "./vectors.ts";

const NORMS = "median_residual_norms";
const MODEL = "trimtab.model_digest";
const METHOD = "trimtab.method";
const FACT = "trimtab.fact.";

/** Encodes a direction. */
export function writeDirectionSafetensors(direction: Direction): Uint8Array {
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {
    [NORMS]: { shape: [direction.layers], data: direction.medianResidualNorms },
  };
  for (const layer of directionLayers(direction)) {
    tensors[`direction.${layer}`] = { shape: [direction.width], data: rawVector(direction, layer) };
  }
  const facts = Object.entries(direction.facts ?? {}).map(([key, value]) => [FACT + key, value]);
  return writeSafetensors(tensors, {
    [METHOD]: direction.method,
    [MODEL]: direction.modelDigest,
    ...Object.fromEntries(facts),
  });
}

/** Reads a direction; foreign files need `direction.<block>` only. @throws TrimtabError ARTIFACT_INVALID, SHAPE_MISMATCH, TOO_LARGE. */
export function readDirectionSafetensors(file: Uint8Array): FileVectors {
  const { tensors, metadata } = parseSafetensors(file);
  const raw = new Map<number, Float32Array>();
  for (const [name, tensor] of tensors) {
    if (name === NORMS) continue;
    const block = blockOfTensor(name);
    if (block === undefined) {
      const shown = printable(name);
      throw new TrimtabError("ARTIFACT_INVALID", `tensor ${shown} is not direction.<block>`, {
        field: shown,
      });
    }
    checkVectorShape(name, tensor.shape);
    raw.set(block, safetensorsToF32(name, tensor));
  }
  const norms = tensors.get(NORMS);
  return {
    raw,
    ...(norms ? { medianResidualNorms: safetensorsToF32(NORMS, norms) } : {}),
    ...(metadata[MODEL] === undefined ? {} : { modelDigest: metadata[MODEL] }),
    ...(metadata[METHOD] === undefined ? {} : { method: metadata[METHOD] }),
    ...factsOf(metadata),
  };
}

function factsOf(metadata: Readonly<Record<string, string>>): Pick<FileVectors, "facts"> {
  const entries = Object.entries(metadata).filter(([key]) => key.startsWith(FACT));
  if (entries.length === 0) return {};
  return { facts: Object.fromEntries(entries.map(([key, value]) => [key.slice(FACT.length), value])) };
}
