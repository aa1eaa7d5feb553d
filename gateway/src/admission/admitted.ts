/** Work behind admission: it begins when it may, and its ticket goes back whatever becomes of it. */
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { isCallersBusiness } from "../flow/reasons.ts";
import { ADMISSION_LIMITS } from "../limits.ts";
import type { Ask, Ticket } from "./admission.ts";
import { createWhole } from "./whole.ts";

/** Asks to let work of so many tokens in, alone or with what it is a part of. Throws what {@link Ask} is refused with. */
export function enter({ admission }: GatewayContext, scope: CallScope, tokens: number): Promise<Ticket> {
  if (scope.whole) return scope.whole.begin(tokens);
  const { signal, timeoutMs, waitsMs, terms } = scope;
  const { key = "", band = "normal", share = {} } = terms ?? {};
  // A request that may be very long, and seldom is, would keep everybody waiting until nothing else runs.
  const counted = Math.min(tokens, ADMISSION_LIMITS.largestEstimate);
  const ask: Ask = { key, band, share, tokens: counted, timeoutMs, waitsMs, signal };
  return admission.enter(ask);
}

/** Runs `work` when it may. */
export async function admitted<T>(
  gateway: GatewayContext,
  scope: CallScope,
  tokens: number,
  work: () => Promise<T>,
): Promise<T> {
  const ticket = await enter(gateway, scope, tokens);
  let used = tokens;
  try {
    return await work();
  } catch (error) {
    used = usedBefore(error, tokens);
    throw error;
  } finally {
    ticket.leave(used);
  }
}

/** What is wrong with a request is found before anything is computed for it. */
const usedBefore = (error: unknown, tokens: number): number => (isCallersBusiness(error) ? 0 : tokens);

/** Streams `work`, whose parts go through {@link enter} with the scope it is given, when all of it may run. */
export async function* admittedWhole<T>(
  gateway: GatewayContext,
  scope: CallScope,
  tokens: () => number,
  work: (scope: CallScope) => AsyncIterable<T>,
): AsyncGenerator<T, void> {
  const whole = createWhole(async () => await enter(gateway, scope, tokens()));
  try {
    yield* work({ ...scope, whole });
  } finally {
    whole.end();
  }
}

/** Streams `work` when it may. */
export async function* admittedStream<T>(
  gateway: GatewayContext,
  scope: CallScope,
  tokens: number,
  work: () => AsyncIterable<T>,
): AsyncGenerator<T, void> {
  const ticket = await enter(gateway, scope, tokens);
  let used = tokens;
  try {
    yield* work();
  } catch (error) {
    used = usedBefore(error, tokens);
    throw error;
  } finally {
    ticket.leave(used);
  }
}
