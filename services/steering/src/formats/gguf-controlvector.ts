/**
 * Directions as GGUF control vectors, the files of llama.cpp and repeng.
 *
 * The tensor `direction.<n>`, n ≥ 1, is added to the residual after block n counted from 0: llama.cpp stores it at row
 * n − 1 of a buffer whose first row belongs to block 1 (`common_control_vector_load_one`, `llama_adapter_cvec::apply`),
 * so the two shifts cancel. Block 0 cannot be expressed. llama.cpp reads no metadata; the keys below are repeng's.
 */
import { TrimtabError } from "#kit/errors.ts";
import { type GgufHeader, parseGguf } from "#kit/gguf.ts";
import { type GgufInput, writeGguf } from "#kit/gguf-writer.ts";
import { printable } from "#kit/printable.ts";
import { type Direction, directionLayers, rawVector } from "../direction.ts";
import { blockOfTensor, checkVectorShape, type FileVectors } from "./vectors.ts";

const ARCHITECTURE = "controlvector";

/**
 * Encodes a direction as a control vector file.
 * @param modelHint architecture of the model, such as "llama"
 * @param options.skipFirstBlock leave out block 0 instead of refusing it
 * @throws TrimtabError UNSUPPORTED if the direction acts on block 0, which the format cannot say
 */
export function writeControlVector(
  direction: Direction,
  modelHint: string,
  options: { readonly skipFirstBlock: boolean },
): Uint8Array {
  const layers = directionLayers(direction).filter((layer) => layer > 0 || !options.skipFirstBlock);
  if (layers.includes(0) || layers.length === 0) {
    throw new TrimtabError(
      "UNSUPPORTED",
      "GGUF control vectors cannot act on block 0; export as safetensors",
      {
        field: "format",
      },
    );
  }
  const metadata: Record<string, GgufInput> = {
    "general.architecture": ARCHITECTURE,
    "controlvector.model_hint": modelHint,
    "controlvector.layer_count": layers.length,
    "trimtab.model_digest": direction.modelDigest,
    "trimtab.method": direction.method,
  };
  const tensors = layers.map((layer) => ({
    name: `direction.${layer}`,
    dims: [direction.width],
    data: rawVector(direction, layer),
  }));
  return writeGguf(metadata, tensors);
}

/** Reads a control vector file. @throws TrimtabError ARTIFACT_INVALID, DTYPE_MISMATCH, SHAPE_MISMATCH, naming the tensor. */
export function readControlVector(file: Uint8Array): FileVectors {
  const header = parseGguf(file);
  const architecture = header.metadata.get("general.architecture");
  if (architecture !== ARCHITECTURE) {
    throw new TrimtabError("ARTIFACT_INVALID", `general.architecture is not "${ARCHITECTURE}"`, {
      field: "general.architecture",
    });
  }
  const raw = new Map<number, Float32Array>();
  for (const [name, tensor] of header.tensors) {
    const block = blockOfTensor(name);
    const shown = printable(name);
    if (block === undefined || block === 0) {
      throw new TrimtabError(
        "ARTIFACT_INVALID",
        `tensor ${shown} is not direction.<block> with a block ≥ 1`,
        {
          field: shown,
        },
      );
    }
    if (tensor.type.name !== "F32") {
      throw new TrimtabError("DTYPE_MISMATCH", `tensor ${shown} is ${tensor.type.name}, not F32`, {
        field: shown,
        limit: "F32",
      });
    }
    checkVectorShape(name, tensor.dims);
    const bytes = file.slice(tensor.offset, tensor.offset + tensor.sizeBytes);
    raw.set(block, new Float32Array(bytes.buffer));
  }
  return {
    raw,
    ...text(header, "trimtab.model_digest", "modelDigest"),
    ...text(header, "trimtab.method", "method"),
  };
}

function text<K extends string>(header: GgufHeader, key: string, name: K): { readonly [P in K]?: string } {
  const value = header.metadata.get(key);
  return (typeof value === "string" ? { [name]: value } : {}) as { readonly [P in K]?: string };
}
