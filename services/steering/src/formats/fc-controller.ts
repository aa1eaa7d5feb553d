/**
 * Controllers of Guiding Giants' repository: safetensors with `fc1.weight` [hidden, inputs], `fc1.bias`, `fc2.weight`
 * [1 + blocks, hidden], `fc2.bias`. Inputs are the residuals of the last inputs / width blocks; output 0 is the logit of
 * the gate (the released loss is logistic), the others are the logits of the weights of the blocks.
 */
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { parseSafetensors, type SafetensorsTensor, safetensorsToF32 } from "#kit/safetensors.ts";
import type { ModelShape } from "../clients.ts";
import { IMPORTED_HEAD, writeController } from "../controller/artifact.ts";

/** Largest hidden layer. */
const MOST_HIDDEN = 4096;

/** Reads a controller for a model as ONNX bytes. @throws TrimtabError ARTIFACT_INVALID, SHAPE_MISMATCH, NON_FINITE. */
export function readFcController(file: Uint8Array, model: ModelShape): Uint8Array {
  const { tensors } = parseSafetensors(file);
  const [hidden = 0, inputs = 0] = shapeOf(tensors, "fc1.weight");
  const blocks = inputs / model.width;
  if (
    !(hidden >= 1 && hidden <= MOST_HIDDEN) ||
    !Number.isInteger(blocks) ||
    blocks < 1 ||
    blocks > model.layers
  ) {
    throw new TrimtabError(
      "SHAPE_MISMATCH",
      `fc1.weight [${hidden}, ${inputs}] does not read whole blocks of width ${model.width}`,
      { field: "fc1.weight", limit: `${model.layers} x ${model.width}` },
    );
  }
  const outputs = 1 + model.layers;
  const read = (name: string, shape: readonly number[]) => values(tensors, name, shape);
  const network = {
    ...{ inputs, hidden, outputs },
    ...{ mean: new Float32Array(inputs), std: new Float32Array(inputs).fill(1) },
    ...{ w1: read("fc1.weight", [hidden, inputs]), b1: read("fc1.bias", [hidden]) },
    ...{ w2: read("fc2.weight", [outputs, hidden]), b2: read("fc2.bias", [outputs]) },
  };
  const facts = {
    ...{ modelDigest: model.digest, layers: model.layers, width: model.width },
    featureLayers: Array.from({ length: blocks }, (_, i) => model.layers - blocks + i),
    head: { method: IMPORTED_HEAD },
  };
  return writeController(network, facts, {});
}

function shapeOf(tensors: ReadonlyMap<string, SafetensorsTensor>, name: string): readonly number[] {
  const tensor = tensors.get(name);
  if (tensor) return tensor.shape;
  throw new TrimtabError("ARTIFACT_INVALID", `the controller has no ${name}`, { field: name });
}

function values(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  name: string,
  shape: readonly number[],
): Float32Array {
  const own = shapeOf(tensors, name);
  if (own.length !== shape.length || own.some((size, i) => size !== shape[i])) {
    throw new TrimtabError("SHAPE_MISMATCH", `${name} is [${own.join(", ")}], not [${shape.join(", ")}]`, {
      field: name,
    });
  }
  const data = safetensorsToF32(name, tensors.get(name) as SafetensorsTensor);
  if (allFinite(data)) return data;
  throw new TrimtabError("NON_FINITE", `${name} has values that are not finite`, { field: name });
}
