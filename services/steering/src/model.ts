/** Facts about the loaded model, from forward; digests of requests checked. */
import { TrimtabError } from "#kit/errors.ts";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import type { ModelShape, SteeringClients } from "./clients.ts";
import type { CallOptions } from "./work/call.ts";

const DIGEST = /^[0-9a-f]{64}$/;

/** Checks the model digest of a request. @throws TrimtabError FIELD_REQUIRED, INVALID_ARGUMENT. */
export function checkModelDigest(digest: string): string {
  if (digest === "")
    throw new TrimtabError("FIELD_REQUIRED", "the model digest is missing", { field: "model_digest" });
  if (DIGEST.test(digest)) return digest;
  throw new TrimtabError("INVALID_ARGUMENT", "a model digest is 64 lower-case hex digits", {
    field: "model_digest",
  });
}

/** The model of a digest. @throws TrimtabError MODEL_NOT_FOUND, MODEL_NOT_LOADED, SERVICE_UNAVAILABLE. */
export async function fetchModel(
  { forward }: SteeringClients,
  digest: string,
  options: Partial<CallOptions>,
): Promise<ModelShape> {
  const { model } = await forward.getModel({ model: checkModelDigest(digest) }, options);
  if (model?.digest !== digest || !model.loaded) {
    throw new TrimtabError("MODEL_NOT_LOADED", "the model is not loaded", { field: "model_digest" });
  }
  const { name, layers, width, heads, headDim, feedForwardWidth, contextTokens, stopIds } = model;
  return {
    digest,
    name,
    layers,
    width,
    heads,
    headDim,
    feedForward: feedForwardWidth,
    contextTokens,
    stopIds,
  };
}

/** Floats of a row at a site. */
export function siteDim(
  site: Site,
  model: Pick<ModelShape, "width" | "heads" | "headDim" | "feedForward">,
): number {
  if (site === Site.HEADS) return model.heads * model.headDim;
  return site === Site.NEURONS ? model.feedForward : model.width;
}
