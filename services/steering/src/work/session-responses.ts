/**
 * What forward says in a session. A token of a large batch takes seconds, never minutes: a forward that falls silent is stuck, and who
 * waits for it gives up instead of holding one of the few places for builds and fits for ever.
 */
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import type { SessionRequest, SessionResponse } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { SteeringClients } from "../clients.ts";
import type { CallOptions } from "./call.ts";

/**
 * The responses, in order; leaving the loop in any way cancels the call.
 * @param options.timeoutMs longest silence
 * @throws TrimtabError SERVICE_UNAVAILABLE after that, and whatever the call throws
 */
export async function* sessionResponses(
  { forward }: Pick<SteeringClients, "forward">,
  requests: AsyncIterable<SessionRequest>,
  { signal, timeoutMs }: CallOptions,
): AsyncGenerator<SessionResponse> {
  const silence = new AbortController();
  const fell = new TrimtabError("SERVICE_UNAVAILABLE", "the forward service fell silent", {
    limit: `${timeoutMs} ms`,
  });
  const timer = setTimeout(() => silence.abort(fell), timeoutMs);
  const until = AbortSignal.any([signal, silence.signal]);
  try {
    for await (const response of cancelSafe((own) => forward.session(requests, { signal: own }), until)) {
      timer.refresh();
      yield response;
    }
  } catch (error) {
    throw silence.signal.aborted ? fell : error;
  } finally {
    clearTimeout(timer);
  }
}
