/**
 * Embeddings: one pooled state a text, by default the mean over its tokens of what the model's final norm makes of the
 * last block. All texts are tokenized in one call and computed in one message to forward.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  type EmbedRequest,
  type EmbedResponse,
  EmbedResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type Activation, Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { boundedScope, type CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRequired, checkText } from "./checks.ts";
import { captureItems } from "./forward-calls.ts";
import { resolveModel } from "./model.ts";
import type { FlowContext } from "./prepare.ts";
import { checkIds, encodeTexts } from "./prompt.ts";

/** One row a text: `texts` first, then `token_ids`; for as long as a request may live. */
export async function embedTexts(
  flow: FlowContext,
  request: EmbedRequest,
  scope: CallScope,
): Promise<EmbedResponse> {
  const bounded = boundedScope(scope);
  try {
    return await embedWithin(flow, request, bounded.scope);
  } finally {
    bounded.clear();
  }
}

async function embedWithin(
  flow: FlowContext,
  request: EmbedRequest,
  scope: CallScope,
): Promise<EmbedResponse> {
  const { texts, tokenIds } = request;
  checkRequired("texts", texts.length + tokenIds.length > 0, "there is no text to embed");
  checkCount(texts.length === 0 ? "token_ids" : "texts", texts.length + tokenIds.length, LIMITS.embeddings);
  for (const [index, text] of texts.entries()) checkText(`texts[${index}]`, text);
  const pooling = poolingOf(request.pooling);
  const model = await resolveModel(flow.clients, request.model, scope);
  const layer = layerOf(request.layer, model);
  const encoded = await encodeTexts(flow.clients, model, texts, scope);
  const items = [...encoded, ...tokenIds.map(({ ids }) => ids)];
  for (const [index, ids] of items.entries()) {
    const own = index < texts.length;
    checkIds(ids, model, own ? `texts[${index}]` : `token_ids[${index - texts.length}]`);
  }
  const tap = { site: Site.RESIDUAL, layers: [layer], positions: TapPositions.RANGE, pooling };
  const what = {
    modelDigest: model.digest,
    items: items.map((ids) => ({ ids: [...ids] })),
    taps: [{ ...tap, finalNorm: !request.skipFinalNorm }],
  };
  const embeddings: Activation[] = [];
  for await (const { itemIndex, activations } of captureItems(flow.clients, what, scope)) {
    for (const row of activations) embeddings[itemIndex] = row;
  }
  if (request.normalize) for (const row of embeddings) scaleToLengthOne(row);
  const promptTokens = items.reduce((sum, ids) => sum + ids.length, 0);
  return create(EmbedResponseSchema, { embeddings, usage: { promptTokens, prefilledTokens: promptTokens } });
}

function poolingOf(pooling: Pooling): Pooling {
  if (pooling === Pooling.UNSPECIFIED) return Pooling.MEAN;
  if (pooling === Pooling.MEAN || pooling === Pooling.MAX_NORM || pooling === Pooling.LAST) return pooling;
  const message = "pooling must make one row of a text: mean, max_norm or last";
  throw new TrimtabError("INVALID_ARGUMENT", message, { field: "pooling" });
}

function layerOf(layer: number | undefined, model: Model): number {
  if (layer === undefined) return model.layers - 1;
  if (layer < model.layers) return layer;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `layer ${layer} of a model with ${model.layers}`, {
    field: "layer",
    limit: model.layers - 1,
  });
}

/** Divides a row by its length, in place; a row of zeros stays one. */
function scaleToLengthOne({ values }: Activation): void {
  if (!values) return;
  const row = new Float32Array(values.data.slice().buffer);
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  if (length > 0) values.data = new Uint8Array(row.map((value) => value / length).buffer);
}
