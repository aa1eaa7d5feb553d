/** Directions in and out: foreign files, and vectors from a few texts. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { ArtifactRecord } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import {
  DirectionFormat,
  type ExtractVectorRequest,
  type SteeringService,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { STEERING_LIMITS } from "../../limits.ts";
import { medianNorms } from "../build/direction-phase.ts";
import type { ModelShape, WorkScope } from "../clients.ts";
import { checkDirection, type Direction } from "../direction.ts";
import { exportedDirection } from "../export.ts";
import { readControlVector, writeControlVector } from "../formats/gguf-controlvector.ts";
import { readDirectionSafetensors, writeDirectionSafetensors } from "../formats/safetensors-direction.ts";
import { directionFromFile, type FileVectors } from "../formats/vectors.ts";
import { METHODS } from "../methods/index.ts";
import { fetchModel } from "../model.ts";
import type { SteeringParts } from "../service.ts";
import { captureRows } from "../work/capture.ts";
import { encodeTexts } from "../work/text.ts";
import { artifactMessage, checkSize } from "./artifacts.ts";

/** Neutral passages the norms of a foreign direction are measured on. */
const NORM_PASSAGES = 12;

/** Handlers of directions. */
export function directionHandlers(
  parts: SteeringParts,
): Pick<ServiceImpl<typeof SteeringService>, "importArtifact" | "exportArtifact" | "extractVector"> {
  return {
    async importArtifact({ name, format, data, modelDigest }, { signal }) {
      checkSize(data);
      const vectors = readFormat(format, data);
      const model = await fetchModel(parts.clients, modelDigest, { signal });
      const direction = directionFromFile(vectors, model);
      const complete = vectors.medianResidualNorms
        ? direction
        : { ...direction, medianResidualNorms: await neutralNorms(parts, model, workScope(signal)) };
      return { artifact: artifactMessage(save(parts, name, complete)) };
    },
    exportArtifact({ reference, format }) {
      const direction = exportedDirection(parts.store, reference);
      if (format === DirectionFormat.SAFETENSORS) return { data: writeDirectionSafetensors(direction) };
      if (format === DirectionFormat.GGUF)
        return { data: writeControlVector(direction, "llama", { skipFirstBlock: true }) };
      throw unknownFormat();
    },
    async extractVector(request, { signal }) {
      checkTexts(request);
      const model = await fetchModel(parts.clients, request.modelDigest, { signal });
      const scope = workScope(signal);
      const rows = async (field: "positive" | "negative") => {
        const ids = await encodeTexts(parts.clients, model, request[field], scope);
        checkEncoded(ids, field, model);
        return captureRows(
          parts.clients,
          model,
          ids.map((each) => ({ ids: each, first: 0 })),
          METHODS.text_contrast.needs,
          scope,
        );
      };
      const raw = METHODS.text_contrast.fit(
        { positive: await rows("positive"), negative: await rows("negative") },
        model.layers,
      );
      const direction = checkDirection({
        modelDigest: model.digest,
        method: "text_contrast",
        layers: model.layers,
        width: model.width,
        raw,
        medianResidualNorms: await neutralNorms(parts, model, scope),
      });
      return { artifact: artifactMessage(save(parts, request.name, direction)) };
    },
  };
}

function readFormat(format: DirectionFormat, data: Uint8Array): FileVectors {
  if (format === DirectionFormat.GGUF) return readControlVector(data);
  if (format === DirectionFormat.SAFETENSORS) return readDirectionSafetensors(data);
  throw unknownFormat();
}

function unknownFormat(): TrimtabError {
  return new TrimtabError("FIELD_REQUIRED", "the format must be GGUF or safetensors", { field: "format" });
}

async function neutralNorms(
  { clients, recipes }: SteeringParts,
  model: ModelShape,
  scope: WorkScope,
): Promise<Float32Array> {
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
  // The first token of a text has an outlying norm in most models and says nothing about the others.
  return medianNorms(
    { clients, model, scope },
    ids.map((each) => ({ ids: each, first: 1 })),
  );
}

function save({ store }: SteeringParts, name: string, direction: Direction): ArtifactRecord {
  const bytes = writeDirectionSafetensors(direction);
  return store.put({ name, kind: ArtifactKind.DIRECTION, bytes, modelDigest: direction.modelDigest });
}

function workScope(signal: AbortSignal): WorkScope {
  return { signal, spend: () => {} };
}

function checkTexts(request: ExtractVectorRequest): void {
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
  const long = texts.findIndex((ids) => ids.length > model.contextTokens);
  if (long < 0) return;
  throw new TrimtabError("CONTEXT_OVERFLOW", `${field}[${long}] does not fit the context`, {
    field: `${field}[${long}]`,
    limit: model.contextTokens,
  });
}
