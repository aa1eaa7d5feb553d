/** Tokenize, Detokenize, Capture, PutProjection, Score, Embed. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { underField } from "#kit/errors.ts";
import {
  type GatewayService,
  DetokenizeResponseSchema,
  PutProjectionResponseSchema,
  TokenizeResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { admitted, admittedStream } from "../admission/admitted.ts";
import { tokensOfEmbedding, tokensOfInput, tokensOfScore } from "../admission/estimate.ts";
import { checkSteering } from "../permissions.ts";
import { scopeOfCall } from "../caller.ts";
import type { GatewayContext } from "../context.ts";
import { captureActivations } from "../flow/capture.ts";
import { checkCount, checkRequired } from "../flow/checks.ts";
import { embedTexts } from "../flow/embed.ts";
import { LIMITS } from "../limits.ts";
import { resolveModel } from "../flow/model.ts";
import { checkVocabulary, encodePrompt } from "../flow/prompt.ts";
import { scoreAnswers } from "../flow/score.ts";
import { validateConversation } from "../flow/validate.ts";

/** Handlers that read what is given and generate nothing. */
export function readingHandlers(
  gateway: GatewayContext,
): Pick<
  ServiceImpl<typeof GatewayService>,
  "tokenize" | "detokenize" | "capture" | "putProjection" | "score" | "embed"
> {
  const { flow } = gateway;
  return {
    async tokenize({ model: reference, input }, context) {
      checkRequired("input", input.case !== undefined, "a text or a conversation is needed");
      if (input.case === "conversation") validateConversation(input.value);
      const scope = scopeOfCall(gateway, context);
      const model = await resolveModel(flow.clients, reference, scope);
      const [vocabulary, prompt] = await Promise.all([
        flow.vocabularies.get(model, scope),
        underField(/^prompt$/, "input", () => encodePrompt(flow.clients, model, input, scope)),
      ]);
      const ids = [...prompt.ids];
      return create(TokenizeResponseSchema, { ids, tokens: ids.map((id) => vocabulary.spelling(id)) });
    },
    async detokenize({ model: reference, ids }, context) {
      checkCount("ids", ids.length, LIMITS.detokenizedIds);
      const scope = scopeOfCall(gateway, context);
      const model = await resolveModel(flow.clients, reference, scope);
      const vocabulary = await flow.vocabularies.get(model, scope);
      checkVocabulary(ids, model);
      const decoder = vocabulary.decoder();
      const text = ids.map((id) => decoder.push(id)).join("") + decoder.end();
      return create(DetokenizeResponseSchema, { text, tokens: ids.map((id) => vocabulary.spelling(id)) });
    },
    capture(request, context) {
      const scope = scopeOfCall(gateway, context);
      checkSteering(request.steering ? [request.steering] : [], scope.terms);
      const given = request.answerIds?.ids.length ?? 0;
      const tokens = tokensOfInput(request.input, [request.answer]) + given;
      return admittedStream(gateway, scope, tokens, () => captureActivations(flow, request, scope));
    },
    async score(request, context) {
      const scope = scopeOfCall(gateway, context);
      checkSteering(request.steering ? [request.steering] : [], scope.terms);
      return await admitted(gateway, scope, tokensOfScore(request), () => scoreAnswers(flow, request, scope));
    },
    async putProjection({ model: reference, matrix }, context) {
      checkRequired("matrix", matrix !== undefined, "a matrix is needed");
      const scope = scopeOfCall(gateway, context);
      const { digest: modelDigest } = await resolveModel(flow.clients, reference, scope);
      const projection = { modelDigest, ...(matrix ? { matrix } : {}) };
      const { projectionDigest } = await underField(/^projection\./, "", () =>
        flow.clients.forward.putProjection({ projection }, scope),
      );
      return create(PutProjectionResponseSchema, { projectionDigest });
    },
    async embed(request, context) {
      const scope = scopeOfCall(gateway, context);
      return await admitted(gateway, scope, tokensOfEmbedding(request), () =>
        embedTexts(flow, request, scope),
      );
    },
  };
}
