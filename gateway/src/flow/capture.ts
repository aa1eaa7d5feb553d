/** Activations of a text, a conversation or token ids, steered or not. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import {
  type CaptureRequest,
  type CaptureResponse,
  CaptureResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRequired, checkText } from "./checks.ts";
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
  const { input, taps, answer } = request;
  checkRequired("input", input.case !== undefined, "a text, a conversation or token ids are needed");
  checkRequired("taps", taps.length > 0, "say what to read: there are no taps");
  checkCount("taps", taps.length, LIMITS.taps);
  if (input.case === "conversation") validateConversation(input.value);
  else checkNoAnswer(answer);
  checkText("answer", answer);
  const model = await resolveModel(flow.clients, request.model, scope);
  const { ids, continuationTokens } = await encodePrompt(flow.clients, model, input, scope, answer);
  const promptTokens = ids.length - continuationTokens;
  const program = await steeredBinding(flow, model, request.steering, ids.slice(0, promptTokens), scope);
  const call = {
    modelDigest: model.digest,
    items: [{ ids: [...ids], first: continuationTokens > 0 ? promptTokens : 0 }],
    taps,
    ...(scope.caller && { caller: scope.caller }),
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

function checkNoAnswer(answer: string): void {
  if (answer === "") return;
  throw new TrimtabError("INVALID_ARGUMENT", "an answer follows a conversation", { field: "answer" });
}
