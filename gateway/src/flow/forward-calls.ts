/**
 * What forward reads in one call, without a session: under the caller of the request, so that no key finds what was read for
 * another, for as long as a request may live, its failures typed.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { cancelSafe } from "#kit/streams.ts";
import type {
  CaptureRequest,
  CaptureRequestSchema,
  CaptureResponse,
  ScoreRequest,
  ScoreRequestSchema,
  ScoreResponse,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { failureOf, serviceFailure } from "./reasons.ts";

/** What to score; the caller is the request's. */
export type ScoreWhat = Omit<Exclude<MessageInitShape<typeof ScoreRequestSchema>, ScoreRequest>, "caller">;
/** What to capture; the caller is the request's. */
export type CaptureWhat = Omit<
  Exclude<MessageInitShape<typeof CaptureRequestSchema>, CaptureRequest>,
  "caller"
>;

/** Log-probabilities of given tokens. @throws TrimtabError those of forward's Score */
export async function scoreItems(
  { forward }: Pick<GatewayClients, "forward">,
  what: ScoreWhat,
  scope: CallScope,
): Promise<ScoreResponse> {
  const request = { ...what, ...(scope.caller && { caller: scope.caller }) };
  return await forward
    .score(request, { timeoutMs: LIMITS.requestMs, ...scope })
    .catch(failureOf("forward", scope.signal));
}

/** Activations of given tokens, as forward computes them; leaving the loop ends the call. @throws TrimtabError those of forward's Capture */
export async function* captureItems(
  { forward }: Pick<GatewayClients, "forward">,
  what: CaptureWhat,
  scope: CallScope,
): AsyncGenerator<CaptureResponse, void> {
  const request = { ...what, ...(scope.caller && { caller: scope.caller }) };
  const start = (signal: AbortSignal) => forward.capture(request, { ...scope, signal });
  try {
    yield* cancelSafe(start, scope.signal);
  } catch (error) {
    throw serviceFailure(error, "forward", scope.signal);
  }
}
