/** Activations of a text or a conversation, steered or not. */
import { create } from "@bufbuild/protobuf";
import { cancelSafe } from "#kit/streams.ts";
import {
  type CaptureRequest,
  type CaptureResponse,
  CaptureResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRequired } from "./checks.ts";
import { resolveModel } from "./model.ts";
import type { FlowContext } from "./prepare.ts";
import { encodePrompt } from "./prompt.ts";
import { serviceFailure } from "./reasons.ts";
import { steeredBinding } from "./steered-binding.ts";
import { validateConversation } from "./validate.ts";

/** Streams the activations as forward computes them. */
export async function* captureActivations(
  flow: FlowContext,
  request: CaptureRequest,
  scope: CallScope,
): AsyncGenerator<CaptureResponse, void> {
  const { input, taps } = request;
  checkRequired("input", input.case !== undefined, "a text or a conversation is needed");
  checkRequired("taps", taps.length > 0, "say what to read: there are no taps");
  checkCount("taps", taps.length, LIMITS.taps);
  if (input.case === "conversation") validateConversation(input.value);
  const model = await resolveModel(flow.clients, request.model, scope);
  const { ids } = await encodePrompt(flow.clients, model, input, scope);
  const program = await steeredBinding(flow, model, request.steering, ids, scope);
  const call = {
    modelDigest: model.digest,
    items: [{ ids: [...ids] }],
    taps,
    ...(program ? { program } : {}),
  };
  try {
    const start = (signal: AbortSignal) => flow.clients.forward.capture(call, { ...scope, signal });
    for await (const { activations } of cancelSafe(start, scope.signal)) {
      yield create(CaptureResponseSchema, { activations });
    }
  } catch (error) {
    throw serviceFailure(error, "forward", scope.signal);
  }
}
