/**
 * Directions in and out: foreign files read and completed for a model, vectors made from a few texts, files written.
 * Foreign files do not say how large the residual stream is, so its median norm is measured on neutral passages.
 */
import type { ArtifactRecord, ArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import {
  DirectionFormat,
  type ExtractVectorRequest,
  type ImportArtifactRequest,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { STEERING_LIMITS } from "../limits.ts";
import { inputsKey } from "./build/context.ts";
import { medianNorms } from "./build/direction-phase.ts";
import type { ModelShape, WorkScope } from "./clients.ts";
import { checkDirection, type Direction } from "./direction.ts";
import type { Exported } from "./export.ts";
import { readControlVector, writeControlVector } from "./formats/gguf-controlvector.ts";
import { readDirectionSafetensors, writeDirectionSafetensors } from "./formats/safetensors-direction.ts";
import { readDecoderRow } from "./formats/saelens.ts";
import { readSvec } from "./formats/svec.ts";
import { directionFromFile, type FileVectors } from "./formats/vectors.ts";
import { METHODS } from "./methods/index.ts";
import type { SteeringParts } from "./service.ts";
import { captureRows } from "./work/capture.ts";
import { SINK_TOKENS, textSpan } from "./work/spans.ts";
import { encodeTexts } from "./work/text.ts";

/** Neutral passages the norms of a foreign direction are measured on. */
const NORM_PASSAGES = 12;

/** Reads a foreign file as a direction of `model`. @throws TrimtabError of the format; FIELD_REQUIRED without one. */
export async function importDirection(
  parts: SteeringParts,
  model: ModelShape,
  file: Pick<ImportArtifactRequest, "format" | "data" | "feature" | "layer">,
  scope: WorkScope,
): Promise<Direction> {
  const vectors = readFormat(file);
  const direction = directionFromFile(vectors, model);
  if (vectors.medianResidualNorms) return direction;
  return { ...direction, medianResidualNorms: await neutralNorms(parts, model, scope) };
}

/** Encodes a direction. @throws TrimtabError FIELD_REQUIRED without a format, UNSUPPORTED for what it cannot say. */
export function exportDirection(
  { direction, atDose }: Exported,
  format: DirectionFormat,
  modelHint: string,
): Uint8Array {
  if (format === DirectionFormat.SAFETENSORS) return writeDirectionSafetensors(direction);
  if (format === DirectionFormat.GGUF)
    return writeControlVector(direction, modelHint, { skipFirstBlock: !atDose });
  throw unknownFormat();
}

/** A direction from texts that show a behaviour and texts that do not. */
export async function extractDirection(
  parts: SteeringParts,
  model: ModelShape,
  texts: Pick<ExtractVectorRequest, "positive" | "negative">,
  scope: WorkScope,
): Promise<Direction> {
  const method = METHODS.text_contrast;
  const rows = async (field: "positive" | "negative") => {
    const ids = await encodeTexts(parts.clients, model, texts[field], scope);
    checkEncoded(ids, field, model);
    return captureRows(parts.clients, model, ids.map(textSpan), method.needs, scope);
  };
  const raw = method.fit(
    { positive: await rows("positive"), negative: await rows("negative") },
    model.layers,
  );
  return checkDirection({
    modelDigest: model.digest,
    method: method.name,
    layers: model.layers,
    width: model.width,
    raw,
    medianResidualNorms: await neutralNorms(parts, model, scope),
  });
}

/** Stores a direction under a new name. @throws TrimtabError ARTIFACT_EXISTS, INVALID_ARGUMENT. */
export function storeDirection(
  store: ArtifactStore,
  name: string,
  direction: Direction,
  madeFrom: Readonly<Record<string, string>> = {},
): ArtifactRecord {
  const bytes = writeDirectionSafetensors(direction);
  return store.put({
    name,
    kind: ArtifactKind.DIRECTION,
    bytes,
    modelDigest: direction.modelDigest,
    madeFrom,
  });
}

/** Digest of what an extracted direction depends on, the passages of the norms aside. */
export function digestOfTexts(
  { positive, negative }: Pick<ExtractVectorRequest, "positive" | "negative">,
  model: ModelShape,
): string {
  const { name, version } = METHODS.text_contrast;
  return `sha256:${inputsKey([name, version, positive, negative, model.digest])}`;
}

function readFormat({
  format,
  data,
  feature,
  layer,
}: Pick<ImportArtifactRequest, "format" | "data" | "feature" | "layer">): FileVectors {
  switch (format) {
    case DirectionFormat.GGUF:
      return readControlVector(data);
    case DirectionFormat.SAFETENSORS:
      return readDirectionSafetensors(data);
    case DirectionFormat.SVEC:
      return readSvec(data);
    case DirectionFormat.SAELENS:
      return readDecoderRow(data, feature, layer);
    default:
      throw unknownFormat();
  }
}

function unknownFormat(): TrimtabError {
  return new TrimtabError("FIELD_REQUIRED", "the format is missing, or cannot be written", {
    field: "format",
  });
}

/** Median ‖h‖ after each block on neutral passages, measured once a model. @throws TrimtabError ARTIFACT_NOT_FOUND without any. */
export async function neutralNorms(
  { clients, recipes, norms }: Pick<SteeringParts, "clients" | "recipes" | "norms">,
  model: ModelShape,
  scope: WorkScope,
): Promise<Float32Array> {
  const known = norms.get(model.digest);
  if (known) return known;
  const passages = [...recipes.values()].flatMap((recipe) => recipe.passages).slice(0, NORM_PASSAGES);
  if (passages.length === 0) {
    throw new TrimtabError("ARTIFACT_NOT_FOUND", "no recipe with passages to measure residual norms on", {
      field: "recipes",
    });
  }
  const ids = await encodeTexts(
    clients,
    model,
    passages.map(({ text }) => text),
    scope,
  );
  const measured = await medianNorms({ clients, model, scope }, ids.map(textSpan));
  norms.set(model.digest, measured);
  return measured;
}

/** Which row of which block is a question of autoencoders alone. @throws TrimtabError INVALID_ARGUMENT for what would be left aside */
export function checkChoice(file: Pick<ImportArtifactRequest, "format" | "feature" | "layer">): void {
  if (file.format === DirectionFormat.SAELENS) return;
  const idle = (["feature", "layer"] as const).find((field) => file[field] !== 0);
  if (idle === undefined) return;
  throw new TrimtabError("INVALID_ARGUMENT", "only a file of a sparse autoencoder leaves that to be chosen", {
    field: idle,
  });
}

/** @throws TrimtabError FIELD_REQUIRED, TOO_LARGE. */
export function checkTexts(request: Pick<ExtractVectorRequest, "positive" | "negative">): void {
  for (const field of ["positive", "negative"] as const) {
    const texts = request[field];
    if (texts.length === 0)
      throw new TrimtabError("FIELD_REQUIRED", `${field} needs at least one text`, { field });
    if (
      texts.length > STEERING_LIMITS.contrastTexts ||
      texts.some((text) => text.length > STEERING_LIMITS.contrastTextChars)
    ) {
      throw new TrimtabError("TOO_LARGE", `${field} has too many or too long texts`, {
        field,
        limit: `${STEERING_LIMITS.contrastTexts} texts of ${STEERING_LIMITS.contrastTextChars} characters`,
      });
    }
  }
}

function checkEncoded(texts: readonly (readonly number[])[], field: string, model: ModelShape): void {
  const empty = texts.findIndex((ids) => ids.length === 0);
  if (empty >= 0)
    throw new TrimtabError("FIELD_REQUIRED", `${field}[${empty}] is empty`, { field: `${field}[${empty}]` });
  const short = texts.findIndex((ids) => ids.length <= SINK_TOKENS);
  if (short >= 0) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field}[${short}] is a single token, which says nothing`, {
      field: `${field}[${short}]`,
      limit: `${SINK_TOKENS + 1} tokens or more`,
    });
  }
  const long = texts.findIndex((ids) => ids.length > model.contextTokens);
  if (long < 0) return;
  throw new TrimtabError("CONTEXT_OVERFLOW", `${field}[${long}] does not fit the context`, {
    field: `${field}[${long}]`,
    limit: model.contextTokens,
  });
}
