/**
 * Admission under random histories: keys with rates and shares, bands, deadlines, clients that say how long they wait, that leave before,
 * in the line and while they run, and that use more or less than was estimated. Nobody who fits waits, nobody waits too long, no key
 * gets more than its rate and share, every ask ends once, and in the end nothing is kept of it.
 */
import { expect, test } from "bun:test";
import type { TrimtabError } from "#kit/errors.ts";
import { type Ask, createAdmission, type Ticket } from "../../gateway/src/admission/admission.ts";
import { BANDS } from "../../gateway/src/admission/waiting-line.ts";
import { ADMISSION_LIMITS } from "../../gateway/src/limits.ts";
import { createRandom } from "../model/strings.ts";
import { createManualClock } from "./support/manual-clock.ts";

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const HISTORIES = isFull ? 400 : 20;
const EVENTS = 150;
const SEED = 71;
const LIMITS = {
  ...ADMISSION_LIMITS,
  ...{ running: 6, runningWhileOthersWait: 3, runningTokens: 400, waiting: 10, waitingPerKey: 6 },
};
const KEYS = [
  { key: "free", share: {} },
  { key: "slow", share: { tokensPerSecond: 50 } },
  { key: "few", share: { concurrent: 3 } },
  { key: "other", share: {} },
] as const;
const GRACE_MS = 1;

interface Asked extends Ask {
  readonly leaving: AbortController;
  readonly atMs: number;
  ticket?: Ticket;
  ends: number;
}

test.each(Array.from({ length: HISTORIES }, (_, i) => SEED + i))("admission in history %i", async (seed) => {
  const { below } = createRandom(seed);
  const clock = createManualClock();
  const admission = createAdmission(LIMITS, clock);
  const asked: Asked[] = [];
  const given = { slow: 0 };
  const waiting = () => asked.filter(({ ends, ticket }) => ends === 0 && ticket === undefined);
  const running = () => asked.filter(({ ends, ticket }) => ends === 0 && ticket !== undefined);
  const end = (one: Asked): void => expect(++one.ends).toBe(1);

  const arrive = (): void => {
    const { key, share } = KEYS[below(KEYS.length)] ?? KEYS[0];
    const leaving = new AbortController();
    const one: Asked = {
      ...{
        key,
        share,
        band: BANDS[below(BANDS.length)] ?? "normal",
        tokens: 1 + below(below(8) === 0 ? 600 : 90),
      },
      ...{ signal: leaving.signal, leaving, atMs: clock.now(), ends: 0 },
      ...(below(3) === 0 ? { timeoutMs: 50 + below(8_000) } : {}),
      ...(below(3) === 0 ? { waitsMs: 50 + below(20_000) } : {}),
    };
    if (below(20) === 0) leaving.abort();
    asked.push(one);
    admission.enter(one).then(
      (ticket) => {
        one.ticket = ticket;
        expect(one.ends).toBe(0);
        if (key === "slow") given.slow += one.tokens;
      },
      (error: TrimtabError) => {
        end(one);
        const reasons = ["SERVICE_UNAVAILABLE", "QUEUE_FULL", "RATE_LIMITED"];
        expect(leaving.signal.aborted ? ["CANCELLED"] : reasons).toContain(error.reason);
        if (error.reason !== "CANCELLED") expect(error.retryAfterMs ?? 0).toBeGreaterThan(0);
      },
    );
  };
  const finish = (): void => {
    const one = running()[below(Math.max(1, running().length))];
    if (!one) return;
    const used = below(3) === 0 ? below(2 * one.tokens) : one.tokens;
    if (one.key === "slow") given.slow += used - one.tokens;
    end(one);
    one.ticket?.leave(used);
    one.ticket?.leave(used);
  };
  const leave = (): void => void waiting()[below(Math.max(1, waiting().length))]?.leaving.abort();
  const check = (): void => {
    const { state } = admission;
    const [runs, waits] = [running(), waiting()];
    const tokens = runs.reduce((sum, one) => sum + one.tokens, 0);
    expect([state.running, state.runningTokens]).toEqual([runs.length, tokens]);
    expect(Object.values(state.waiting).reduce((sum, count) => sum + count, 0)).toBe(waits.length);
    expect(runs.length).toBeLessThanOrEqual(LIMITS.running);
    if (runs.length > 1) expect(tokens).toBeLessThanOrEqual(LIMITS.runningTokens);
    expect(waits.length).toBeLessThanOrEqual(LIMITS.waiting);
    expect([...runs, ...waits].filter(({ key }) => key === "few").length).toBeLessThanOrEqual(3);
    // The first of those who wait does not fit: it is one of the highest band.
    const first = BANDS.find((band) => waits.some((one) => one.band === band));
    const firsts = waits.filter(({ band }) => band === first);
    const isRoom = (one: Asked): boolean =>
      runs.length === 0 ||
      (runs.length < LIMITS.runningWhileOthersWait && tokens + one.tokens <= LIMITS.runningTokens);
    expect(firsts.every(isRoom) ? firsts.map(({ tokens: size }) => size) : []).toEqual([]);
    for (const { atMs, timeoutMs, waitsMs, band } of waits) {
      const most =
        band === "low" || waitsMs || timeoutMs ? LIMITS.longestPatientWaitMs * 2 : LIMITS.patienceMs;
      const until = atMs + Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, most);
      expect(clock.now()).toBeLessThanOrEqual(until + GRACE_MS);
    }
    const most = 50 * (LIMITS.burstSeconds + clock.now() / 1_000);
    expect(given.slow).toBeLessThanOrEqual(most + 2 * 600);
  };
  const happenings = [arrive, arrive, arrive, finish, finish, leave, () => clock.advance(below(700))];
  for (let event = 0; event < EVENTS; event++) {
    await happenings[below(happenings.length)]?.();
    await clock.settle();
    check();
  }
  admission.drain();
  await clock.settle();
  expect(waiting()).toEqual([]);
  while (running().length > 0) finish();
  expect(admission.state).toEqual({ running: 0, runningTokens: 0, waiting: { high: 0, normal: 0, low: 0 } });
});
