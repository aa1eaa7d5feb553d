/** Admission on a clock of its own, for its tests. */
import {
  type AdmissionLimits,
  type Ask,
  createAdmission,
  type Ticket,
} from "../../../gateway/src/admission/admission.ts";
import { TrimtabError } from "#kit/errors.ts";
import { createManualClock } from "./manual-clock.ts";

const LIMITS: AdmissionLimits = {
  ...{
    running: 2,
    runningWhileOthersWait: 2,
    runningTokens: 100,
    waiting: 4,
    waitingPerKey: 3,
    waitPerRun: 100,
    shortestWaitMs: 1_000,
    longestWaitMs: 1_000,
    waitPerTimeLeft: 0.5,
    longestPatientWaitMs: 1_000,
    patienceMs: 1_000,
    burstSeconds: 2,
    keys: 8,
  },
};
const staying = new AbortController().signal;

/** An admission, who asks and leaves, and what became of each. */
export function start(limits: Partial<AdmissionLimits> = {}) {
  const clock = createManualClock();
  const admission = createAdmission({ ...LIMITS, ...limits }, clock);
  const order: string[] = [];
  const tickets = new Map<string, Ticket>();
  /** Asks as `name`; the outcome is in `order`: the name, or the name and the reason of its refusal. */
  const ask = (name: string, more: Partial<Ask> = {}): void => {
    const one: Ask = { key: "k", band: "normal", tokens: 10, share: {}, signal: staying, ...more };
    admission.enter(one).then(
      (ticket) => void (order.push(name), tickets.set(name, ticket)),
      (error: TrimtabError) => void order.push(`${name} ${error.reason} ${error.retryAfterMs}`),
    );
  };
  const leave = async (name: string, used = 10): Promise<void> => {
    tickets.get(name)?.leave(used);
    await clock.settle();
  };
  return { clock, admission, order, ask, leave };
}
