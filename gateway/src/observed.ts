/** Every generation of every API passes here: it may steer as its key says, is let in, and is counted once whatever becomes of it. */
import { fromConnectError } from "#kit/errors.ts";
import { passing, type PassingGenerator, passOn } from "#kit/passing.ts";
import type { GenerateResponse, GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { enter } from "./admission/admitted.ts";
import { tokensOfGeneration } from "./admission/estimate.ts";
import { createMeter } from "./admission/meter.ts";
import type { CallScope } from "./clients.ts";
import type { GatewayContext } from "./context.ts";
import { generate } from "./flow/generation.ts";
import type { SessionOpener } from "./flow/shared-session.ts";
import { validateSpec } from "./flow/validate.ts";
import { traceGeneration } from "./generation-spans.ts";
import { checkSteering, usesOf } from "./permissions.ts";

/** An answer whose beginning is given, on a session that others may share. */
export interface Begun {
  readonly text: string;
  readonly open: SessionOpener;
}

/** Generates; what `scope.send` sends is not among the events. Throws typed errors, before or between events. */
export function observed(
  gateway: GatewayContext,
  spec: GenerationSpec | undefined,
  scope: CallScope,
  begun?: Begun,
): AsyncIterableIterator<GenerateResponse, void> {
  return passing(generation(gateway, spec, scope, begun));
}

async function* generation(
  gateway: GatewayContext,
  spec: GenerationSpec | undefined,
  scope: CallScope,
  begun: Begun | undefined,
): PassingGenerator<GenerateResponse> {
  const { flow, metrics } = gateway;
  const { send } = scope;
  let outcome = "left";
  let failure: unknown;
  const spans = traceGeneration(spec, scope);
  const clock = metrics.begin();
  try {
    // What is wrong with a request is told at once, whoever waits.
    validateSpec(spec);
    checkSteering(usesOf(spec), scope.terms);
    const estimate = tokensOfGeneration(spec);
    const ticket = await enter(gateway, scope, estimate);
    const meter = createMeter(estimate, spec);
    try {
      clock.admitted(ticket.waitedMs);
      const hear = (response: GenerateResponse): void => {
        metrics.event(response);
        clock.event(response);
        spans.event(response);
        meter.event(response);
      };
      const sendOn = (response: GenerateResponse): boolean => {
        if (!send?.(response)) return false;
        hear(response);
        return true;
      };
      const within = { ...lessTime(spans.scope, ticket.waitedMs), send: sendOn };
      yield passOn(generate(flow, spec, within, begun?.text, begun?.open), hear);
    } finally {
      ticket.leave(meter.usedTokens);
    }
    outcome = "ok";
  } catch (error) {
    outcome = fromConnectError(error).reason;
    failure = error;
    throw error;
  } finally {
    spans.end(failure);
    metrics.ended(outcome);
  }
}

/** The scope of what begins so much later. */
function lessTime(scope: CallScope, waitedMs: number): CallScope {
  const { timeoutMs } = scope;
  return timeoutMs === undefined
    ? scope
    : { ...scope, timeoutMs: Math.max(1, Math.ceil(timeoutMs - waitedMs)) };
}
