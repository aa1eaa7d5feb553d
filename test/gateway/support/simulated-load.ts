/**
 * Requests that arrive at random at an admission, and an engine that batches those it lets in: one row a step for each answer, as
 * many prompt rows as fit, and a step takes so long as it has rows. On a clock of its own; the same seed gives the same history.
 */
import { type AdmissionLimits, createAdmission } from "../../../gateway/src/admission/admission.ts";
import { createRandom } from "../../model/strings.ts";
import { createManualClock } from "./manual-clock.ts";

/** What a stretch of load gave; times in milliseconds, from arrival to the end. */
export interface SimulatedLoad {
  readonly tokensPerSecond: number;
  readonly latencies: readonly number[];
  readonly refused: number;
  /** Of those who say that they have time: latencies, and how many were let in. */
  readonly patient: { readonly latencies: readonly number[]; readonly admitted: number };
}

/** What is offered. */
export interface SimulatedOffer {
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
  /** Every so many-th request says that its client waits so long; absent: none does. */
  readonly patient?: { readonly every: number; readonly waitsMs: number };
}

/** An engine, its speed and what is asked of it. */
export interface SimulatedEngine {
  /** Time of a step without rows, and of each row in it. */
  readonly stepMs: number;
  readonly rowMs: number;
  readonly promptTokens: number;
  /** Answers are between a third of this and all of it. */
  readonly answerTokens: number;
}

interface Running {
  prompt: number;
  answer: number;
  readonly tokens: number;
  readonly at: number;
  readonly isPatient: boolean;
  leave(): void;
}

const ROWS = 128;
const staying = new AbortController().signal;

/** Offers `perSecond` requests, arriving at random, for `seconds`; those are counted that end within them. */
export async function simulateLoad(
  limits: AdmissionLimits,
  engine: SimulatedEngine,
  { perSecond, seconds, seed, patient }: SimulatedOffer,
): Promise<SimulatedLoad> {
  const clock = createManualClock();
  const admission = createAdmission(limits, clock);
  const random = createRandom(seed);
  const running = new Set<Running>();
  const latencies: number[] = [];
  const patientLatencies: number[] = [];
  let tokens = 0;
  let refused = 0;
  let arrived = 0;
  let admitted = 0;
  const arrive = (at: number): void => {
    const answer = Math.ceil(engine.answerTokens * (1 / 3 + (random.below(1_000) / 1_000) * (2 / 3)));
    const size = engine.promptTokens + answer;
    const isPatient = patient !== undefined && arrived++ % patient.every === 0;
    const ask = { key: "", band: "normal" as const, tokens: size, share: {}, signal: staying };
    admission.enter({ ...ask, waitsMs: isPatient ? patient.waitsMs : undefined }).then(
      (ticket) => {
        if (isPatient) admitted++;
        running.add({
          isPatient,
          prompt: engine.promptTokens,
          answer,
          tokens: answer,
          at,
          leave: () => ticket.leave(size),
        });
      },
      () => refused++,
    );
  };
  let nextAt = 0;
  while (clock.now() < seconds * 1_000) {
    const rows = step(running, (one) => {
      (one.isPatient ? patientLatencies : latencies).push(clock.now() - one.at);
      tokens += one.tokens;
    });
    const until = clock.now() + (rows === 0 ? 1 : engine.stepMs + rows * engine.rowMs);
    while (nextAt <= until) {
      await clock.advance(Math.max(0, nextAt - clock.now()));
      arrive(nextAt);
      nextAt += (-Math.log(1 - random.below(1_000_000) / 1_000_000) / perSecond) * 1_000;
    }
    await clock.advance(Math.max(0, until - clock.now()));
  }
  const ofPatient = { latencies: patientLatencies, admitted };
  return { tokensPerSecond: tokens / seconds, latencies, refused, patient: ofPatient };
}

/** One step: answers first, prompts in what is left. Answers with its rows. */
function step(running: Set<Running>, ended: (one: Running) => void): number {
  let rows = 0;
  for (const one of running) {
    if (one.prompt > 0) continue;
    rows++;
    if (--one.answer > 0) continue;
    running.delete(one);
    ended(one);
    one.leave();
  }
  for (const one of running) {
    const taken = Math.min(one.prompt, ROWS - rows);
    one.prompt -= taken;
    rows += Math.max(0, taken);
  }
  return rows;
}
