/** Lets one history happen on the whole gateway over simulated services, and checks what must hold of every search. */
import { expect } from "bun:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import type { GenerateResponse, SearchEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SearchEnd } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, until } from "../../support/asks.ts";
import { createSimulatedStack, type SimulatedStack } from "../../support/simulated-services.ts";
import { encode } from "../../support/simulated-tokenizer.ts";
import { checkEvents, hasSurvivors } from "./history-events.ts";
import type { History } from "./histories.ts";

/** How a search went. */
export interface Told {
  /** Name of the search's end, or the reason of its failure. */
  readonly end: string;
  readonly text: string;
  readonly events: readonly SearchEvent["event"][];
}

/** Reasons a search may fail with, if somebody gave them. */
const GIVEN = new Set(["OUT_OF_MEMORY", "SERVICE_UNAVAILABLE", "QUEUE_FULL", "NON_FINITE"]);

/** Runs the search to its end and checks it. */
export async function happen(history: History): Promise<Told> {
  const stack = stackOf(history);
  const generated = countTokens(stack);
  const responses: GenerateResponse["event"][] = [];
  const left = new AbortController();
  const failure = await read(stack, history, responses, left).then(() => undefined, fromConnectError);
  await until(() => stack.forward.alive.size === 0 && stack.gateway.running() === 0);
  const events = responses.flatMap((event) => (event.case === "search" ? [event.value.event] : []));
  const text = responses.flatMap((event) => (event.case === "delta" ? [event.value.text] : [])).join("");
  checkEvents(events, text, failure === undefined);
  if (failure !== undefined) {
    checkFailure(history, failure.reason, left.signal.aborted, hasSurvivors(events));
    return { end: failure.reason, text, events };
  }
  const final = events.at(-1);
  if (final?.case !== "final") throw new Error("the last event of a search is not its end");
  checkBill(history, responses, events, generated());
  return { end: SearchEnd[final.value.end], text, events };
}

function checkFailure(history: History, reason: string, hasLeft: boolean, hasSurvivors: boolean): void {
  if (hasLeft) return expect(reason).toBe("CANCELLED");
  if (history.timeoutMs !== undefined && reason === "DEADLINE_EXCEEDED") return;
  const { breaksAt, verifierDiesAt, isStrict, verdicts } = history;
  const isUnread = history.verifiers.includes("probe") && history.failing.length > 0;
  const isJudgedBadly =
    isUnread || verifierDiesAt !== undefined || verdicts.some((one) => !["score", "low"].includes(one));
  const mayFail = !hasSurvivors || breaksAt !== undefined || (isStrict && isJudgedBadly);
  expect({ reason, mayFail, isKnown: GIVEN.has(reason) }).toEqual({ reason, mayFail: true, isKnown: true });
}

/** What is billed is what the engine made and the verifier read, within the budget. */
function checkBill(
  { stop, tokens, candidates, verifiers }: History,
  responses: readonly GenerateResponse["event"][],
  events: readonly SearchEvent["event"][],
  generated: number,
): void {
  const ends = responses.filter(({ case: name }) => name === "completed");
  expect(ends).toHaveLength(1);
  const last = responses.at(-1);
  const usage = last?.case === "completed" ? last.value.usage : undefined;
  const bill = usage?.scaling;
  if (!usage || !bill) throw new Error("a search ended without a bill");
  const finals = events.filter(({ case: name }) => name === "final");
  expect(finals).toHaveLength(1);
  // Behind a stop the engine may have been a token ahead.
  if (stop.length === 0) expect(bill.generatedTokens).toBe(generated);
  else expect(bill.generatedTokens).toBeLessThanOrEqual(generated);
  expect(usage.completionTokens).toBe(bill.generatedTokens);
  expect(bill.candidates).toBe(events.filter(({ case: name }) => name === "candidate").length);
  expect(bill.discardedTokens).toBeGreaterThanOrEqual(0);
  const unread = (event: SearchEvent["event"]) =>
    event.case === "score" && event.value.failure === "TOO_LARGE";
  const told = events.filter((event) => event.case === "score" && !unread(event));
  expect(bill.verifierCalls).toBe(told.length);
  // A probe reads a row of every candidate in one step of the engine.
  const step = verifiers.includes("probe") ? 2 * candidates : 0;
  const spent = bill.generatedTokens + bill.verifierTokens;
  if (tokens !== undefined) expect(spent).toBeLessThanOrEqual(tokens + candidates + step);
}

async function read(
  { client }: SimulatedStack,
  history: History,
  responses: GenerateResponse["event"][],
  left: AbortController,
): Promise<void> {
  const { timeoutMs, leavesAfter, isSlow } = history;
  const options = { signal: left.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  for await (const { event } of client.generate(askOf(history), options)) {
    responses.push(event);
    if (responses.length === leavesAfter) left.abort();
    if (isSlow && responses.length % 8 === 0) await Bun.sleep(1);
  }
}

function askOf(history: History) {
  const {
    strategy,
    parameters,
    candidates,
    tokens,
    milliseconds = 0,
    verifiers,
    stepTokens,
    isStrict,
  } = history;
  const [verifier, process] = verifiers;
  const needsPlain = strategy === "steered-proposal";
  const budget = {
    ...{ candidates, milliseconds },
    ...(tokens === undefined ? {} : { tokens: BigInt(candidates + tokens) }),
  };
  const scaling = {
    ...{
      strategy,
      parameters: parameters as JsonObject,
      budget,
      verifier: { name: verifier },
      trace: true,
      degraded: isStrict ? 1 : 2,
    },
    ...(process === "" ? {} : { processVerifier: { name: process } }),
    ...(stepTokens === 0 ? {} : { step: { rule: { case: "tokens" as const, value: stepTokens } } }),
    ...(history.steering === "diverse" ? { diversify: [{}, { recipe: "refusal" }] } : {}),
  };
  const sampling = { seed: history.seed, temperature: 1 };
  const steering = history.steering === "refusal" ? { steering: { use: { recipe: "refusal" } } } : {};
  const stop = needsPlain ? [] : [...history.stop];
  return chat("hello!", { scaling, sampling, stop, maxTokens: history.maxTokens, ...steering });
}

function stackOf({ texts, failing, breaksAt, verdicts, verifierDiesAt }: History): SimulatedStack {
  const stack = createSimulatedStack();
  const { forward, verifier } = stack;
  let generations = 0;
  let tokens = 0;
  let calls = 0;
  forward.script = ({ command }) => encode(texts[Number(command.streamId) % texts.length] ?? "");
  forward.fails = () => {
    const at = generations++;
    return failing.find((one) => one.at === at)?.reason;
  };
  forward.beforeToken = () => {
    if (tokens++ === breaksAt) throw new Error("broken");
  };
  verifier.before = () => {
    if (calls++ === verifierDiesAt) throw new Error("down");
  };
  verifier.billed = 0;
  verifier.judge = (text) => {
    const hash = Number(Bun.hash.crc32(text));
    const verdict = verdicts[hash % verdicts.length] ?? "score";
    const share = (hash >>> 8) / 2 ** 24;
    return { score: share, low: 0, NaN: Number.NaN, "out of range": 7, DEADLINE_EXCEEDED: verdict }[verdict];
  };
  return stack;
}

/** Counts the tokens that the engine hands out for answers, and not those that come with a row that is read. */
function countTokens({ forward }: SimulatedStack): () => number {
  const reading = new Set<bigint>();
  let count = 0;
  forward.onCommand = ({ command }) => {
    if (command.case !== "generate") return;
    const { sequenceId, taps } = command.value;
    if (taps.length > 0) reading.add(sequenceId);
    else reading.delete(sequenceId);
  };
  forward.lies = (event) => {
    if (event.event.case === "tokens" && !reading.has(event.sequenceId))
      count += event.event.value.tokens.length;
    return [event];
  };
  return () => count;
}
