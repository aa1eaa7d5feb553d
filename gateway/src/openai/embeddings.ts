/**
 * POST /v1/embeddings. Besides OpenAI's fields: `layer`, `pooling` (mean, last, max_norm), `final_norm` and `normalize`
 * (both true unless said otherwise). `dimensions` is refused unless it is the model's width: a cut state is no embedding.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type EmbedRequest,
  EmbedRequestSchema,
  TokenIdsSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { Pooling } from "#proto/trimtab/type/v1/program_pb.ts";
import { admitted } from "../admission/admitted.ts";
import { tokensOfEmbedding } from "../admission/estimate.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { embedTexts } from "../flow/embed.ts";
import { resolveModel } from "../flow/model.ts";
import type { EmbeddingBody } from "./schema.ts";

const POOLINGS = { mean: Pooling.MEAN, last: Pooling.LAST, max_norm: Pooling.MAX_NORM } as const;

/** The whole answer. */
export async function embeddingAnswer(
  gateway: GatewayContext,
  body: EmbeddingBody,
  scope: CallScope,
): Promise<object> {
  const { flow } = gateway;
  const model = await resolveModel(flow.clients, body.model, scope);
  if (body.dimensions !== undefined && body.dimensions !== model.width) {
    const message = `dimensions: this model's embeddings have ${model.width}, and they are not cut`;
    throw new TrimtabError("UNSUPPORTED", message, { field: "dimensions", limit: model.width });
  }
  const request = requestOf(body);
  const { embeddings, usage } = await admitted(gateway, scope, tokensOfEmbedding(request), () =>
    embedTexts(flow, request, scope),
  );
  const tokens = usage?.promptTokens ?? 0;
  return {
    object: "list",
    data: embeddings.map(({ values }, index) => ({
      object: "embedding",
      index,
      embedding: spell(values?.data ?? new Uint8Array(), body.encoding_format),
    })),
    model: model.name,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    trimtab: { model_digest: model.digest, layer: embeddings[0]?.layer, pooling: body.pooling ?? "mean" },
  };
}

function requestOf({ model, input, layer, pooling = "mean", ...more }: EmbeddingBody): EmbedRequest {
  const list = typeof input === "string" ? [input] : input;
  const ids = typeof list[0] === "number" ? [list as number[]] : (list as number[][]);
  const given =
    typeof list[0] === "string"
      ? { texts: list as string[] }
      : { tokenIds: ids.map((one) => create(TokenIdsSchema, { ids: one })) };
  return create(EmbedRequestSchema, {
    model,
    ...given,
    ...(layer === undefined ? {} : { layer }),
    pooling: POOLINGS[pooling],
    skipFinalNorm: more.final_norm === false,
    normalize: more.normalize !== false,
  });
}

/** f32 little-endian, as numbers or as base64. */
function spell(data: Uint8Array, format: EmbeddingBody["encoding_format"]): number[] | string {
  if (format === "base64") return Buffer.from(data).toString("base64");
  return [...new Float32Array(data.slice().buffer)];
}
