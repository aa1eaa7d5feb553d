/** Activations of a text, a conversation or token ids, steered or not. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError, underField } from "#kit/errors.ts";
import {
  type CaptureRequest,
  type CaptureResponse,
  CaptureResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRequired, checkText } from "./checks.ts";
import { captureItems } from "./forward-calls.ts";
import { resolveModel } from "./model.ts";
import type { FlowContext } from "./prepare.ts";
import { checkVocabulary, type Continuation, encodePrompt } from "./prompt.ts";
import { steeredBinding } from "./steered-binding.ts";
import { validateConversation } from "./validate.ts";

/** Streams the activations as forward computes them. */
export async function* captureActivations(
  flow: FlowContext,
  request: CaptureRequest,
  scope: CallScope,
): AsyncGenerator<CaptureResponse, void> {
  const { input, taps } = request;
  checkRequired("input", input.case !== undefined, "a text, a conversation or token ids are needed");
  checkRequired("taps", taps.length > 0, "say what to read: there are no taps");
  checkCount("taps", taps.length, LIMITS.taps);
  if (input.case === "conversation") validateConversation(input.value);
  const answer = answerOf(request);
  const model = await resolveModel(flow.clients, request.model, scope);
  if (request.answerIds) checkVocabulary(request.answerIds.ids, model, "answer_ids.ids");
  const { ids, continuationTokens } = await underField(/^prompt$/, "input", () =>
    encodePrompt(flow.clients, model, input, scope, answer),
  );
  const promptTokens = ids.length - continuationTokens;
  const program = await steeredBinding(flow, model, request.steering, ids.slice(0, promptTokens), scope);
  const what = {
    modelDigest: model.digest,
    items: [{ ids: [...ids], first: continuationTokens > 0 ? promptTokens : 0 }],
    taps,
    ...(program ? { program } : {}),
  };
  for await (const { activations } of captureItems(flow.clients, what, scope)) {
    yield create(CaptureResponseSchema, { activations });
  }
}

/** The answer after a conversation, in the form it was given. @throws TrimtabError INVALID_ARGUMENT for both, or after a text */
function answerOf({ input, answer, answerIds }: CaptureRequest): Continuation {
  const field = answerIds ? "answer_ids" : "answer";
  if (answerIds && answer !== "") {
    throw new TrimtabError("INVALID_ARGUMENT", "give the answer as text or as ids, not both", { field });
  }
  if (input.case !== "conversation" && (answerIds || answer !== "")) {
    throw new TrimtabError("INVALID_ARGUMENT", "an answer follows a conversation", { field });
  }
  checkText("answer", answer);
  return answerIds?.ids ?? answer;
}
