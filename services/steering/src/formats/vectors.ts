/** Vectors as a file holds them, before they are checked against a model. */
import { TrimtabError } from "#kit/errors.ts";
import { printable } from "#kit/printable.ts";
import { checkDirection, type Direction } from "../direction.ts";

/** Content of a direction file. */
export interface FileVectors {
  readonly raw: ReadonlyMap<number, Float32Array>;
  /** [layers]; foreign files have none. */
  readonly medianResidualNorms?: Float32Array;
  /** SHA-256 of the model file the file says it is for. */
  readonly modelDigest?: string;
  readonly method?: string;
  readonly facts?: Readonly<Record<string, string>>;
}

/** The model a file is read for. */
export interface TargetModel {
  readonly digest: string;
  readonly layers: number;
  readonly width: number;
}

const TENSOR_NAME = /^direction\.(0|[1-9][0-9]{0,3})$/;

/** Block index of a tensor name `direction.<block>`, or undefined for other tensors. */
export function blockOfTensor(name: string): number | undefined {
  const match = TENSOR_NAME.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** One vector has one size; sizes of 1 beside it are how some programs write it. @throws TrimtabError SHAPE_MISMATCH, naming the tensor. */
export function checkVectorShape(name: string, shape: readonly number[]): void {
  if (shape.filter((size) => size !== 1).length <= 1) return;
  const field = printable(name);
  throw new TrimtabError("SHAPE_MISMATCH", `tensor ${field} is [${shape.join(", ")}], no vector`, { field });
}

/**
 * Vectors of a file as a direction of `model`.
 * @throws TrimtabError ARTIFACT_INCOMPATIBLE if the file names another model; see `checkDirection` for the rest.
 */
export function directionFromFile(vectors: FileVectors, model: TargetModel): Direction {
  if (vectors.modelDigest !== undefined && vectors.modelDigest !== model.digest) {
    throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the direction was made for another model file", {
      field: "model_digest",
      limit: model.digest,
    });
  }
  return checkDirection({
    modelDigest: model.digest,
    method: vectors.method ?? "imported",
    layers: model.layers,
    width: model.width,
    raw: vectors.raw,
    medianResidualNorms: vectors.medianResidualNorms ?? new Float32Array(model.layers),
    ...(vectors.facts && { facts: vectors.facts }),
  });
}
