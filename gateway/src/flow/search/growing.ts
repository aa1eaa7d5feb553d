/** One batch of growth over the session: commands for every branch together, events until all of them have halted. */
import { clone, create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { Event, FinishedEvent } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason, SamplingParametersSchema, type Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import { SCALING_LIMITS as LIMITS } from "../../limits.ts";
import type { Confidence, Ended } from "../../strategies/strategy.ts";
import type { GrowOrder, Growth } from "../../strategies/world.ts";
import { failure, type ForwardSession, type SessionCommand } from "../forward-session.ts";
import type { Prepared } from "../prepare.ts";
import type { Branch } from "./branches.ts";
import { confidenceOf } from "./confidence.ts";
import type { ForkingSession } from "./refused-forks.ts";
import { isFinalStep, isWholeStep, type StepEnd } from "./step-rule.ts";

/** Sends commands in order, in as few messages as forward takes. */
export function sendInParts(session: ForwardSession, commands: readonly SessionCommand[]): void {
  for (let at = 0; at < commands.length; at += LIMITS.commands) {
    session.send(...commands.slice(at, at + LIMITS.commands));
  }
}

/** What batches have in common. */
export interface GrowContext {
  readonly prepared: Prepared;
  readonly session: ForkingSession;
  readonly step: StepEnd;
  /** Tokens at which a step may end. */
  readonly haltIds: ReadonlySet<number>;
  /** Most tokens of a prompt and its answer. */
  readonly contextTokens: number;
  /** Alternatives a token. */
  readonly topLogprobs: number;
  readonly needsConfidence: boolean;
  /** Tokens computed again under a program, and prefixes that were not sent again. */
  readonly onCost: (cost: { replayed: number; prefix: number }) => void;
  readonly onToken: () => void;
}

/** A branch of a batch while it grows. */
interface Growing {
  readonly branch: Branch;
  readonly order: GrowOrder;
  tokens: number;
  logprob: number;
  readonly confidences: Confidence[];
  /** Of the command under way: tokens that came, the last of them, and whether one was an end of the model. */
  received: number;
  last: number;
  sawEnd: boolean;
  isDone: boolean;
  stepEnded: boolean;
  ended: Ended | undefined;
  error: TrimtabError | undefined;
}

/**
 * Grows a batch; when `until` aborts, generation is stopped and what there is comes back.
 * @throws TrimtabError if the session failed, or steering was not carried out
 */
export async function growBatch(
  context: GrowContext,
  batch: readonly { readonly branch: Branch; readonly order: GrowOrder }[],
  before: readonly SessionCommand[],
  until: AbortSignal,
  onText: (id: number, text: string) => void,
): Promise<Growth[]> {
  const { session } = context;
  const growing = batch.map(({ branch, order }): Growing => ({
    branch,
    order,
    ...{ tokens: 0, logprob: 0, confidences: [], received: 0, last: -1, sawEnd: false },
    ...{ isDone: false, stepEnded: false, ended: undefined, error: undefined },
  }));
  const bySequence = new Map(growing.map((one) => [one.branch.sequenceId, one]));
  for (const { branch, order } of growing) if (order.begins) branch.stepFrom = branch.text.whole.length;
  sendInParts(session, [...before, ...growing.flatMap((one) => commandOf(context, one))]);
  for (const { branch, order, isDone } of growing)
    if (order.begins && !isDone)
      context.onCost({ replayed: 0, prefix: branch.arm.promptTokens + branch.held });
  const stop = (): void => {
    const sequenceIds = growing.filter(({ isDone }) => !isDone).map(({ branch }) => branch.sequenceId);
    session.send({ case: "stop", value: { sequenceIds } });
  };
  until.addEventListener("abort", stop);
  if (until.aborted) stop();
  try {
    while (growing.some(({ isDone }) => !isDone)) {
      const event = await session.next();
      const one = bySequence.get(event.sequenceId);
      if (one && !one.isDone) take(context, one, event, until, onText);
      else if (event.event.case === "failed" && event.sequenceId === 0n) throw failure(event.event.value);
    }
  } finally {
    until.removeEventListener("abort", stop);
  }
  return growing.map(({ branch, tokens, logprob, confidences, stepEnded, ended, error }) => {
    const { text } = branch.text;
    return { text, tokens, logprob, confidences, stepEnded, ended, ...(error && { failure: error }) };
  });
}

/** The command that continues a branch; none if its context is full. */
function commandOf(context: GrowContext, one: Growing): SessionCommand[] {
  const { spec, seed } = context.prepared;
  const { branch, order } = one;
  const { arm, held, sequenceId } = branch;
  const length = arm.promptTokens + held;
  const maxTokens = Math.min(order.tokens - one.tokens, context.contextTokens - length);
  if (maxTokens <= 0) {
    end(one, "length");
    return [];
  }
  one.received = 0;
  const sampling = spec.sampling
    ? clone(SamplingParametersSchema, spec.sampling)
    : create(SamplingParametersSchema);
  sampling.seed = seed;
  if (order.temperature !== undefined) sampling.temperature = order.temperature;
  const value = {
    sequenceId,
    maxTokens,
    sampling,
    streamId: BigInt(branch.id - 1),
    topLogprobs: context.topLogprobs,
    ...(order.toStep ? { stopIds: [...context.haltIds] } : {}),
    ...(spec.constraint ? { constraint: spec.constraint } : {}),
    ...(arm.program ? { program: arm.program, replayLast: arm.replayLast && held === 0 } : {}),
  };
  return [{ case: "generate", value }];
}

function take(
  context: GrowContext,
  one: Growing,
  { event }: Event,
  until: AbortSignal,
  onText: (id: number, text: string) => void,
): void {
  if (event.case === "failed") {
    one.error = context.session.refusalOf(one.branch.sequenceId) ?? failure(event.value);
    end(one, "error");
  } else if (event.case === "tokens") {
    takeTokens(context, one, event.value.tokens);
    onText(one.branch.id, one.branch.text.text);
  } else if (event.case === "finished") {
    finish(context, one, event.value, until);
  }
}

function takeTokens(context: GrowContext, one: Growing, tokens: readonly Token[]): void {
  const { branch } = one;
  const { vocabulary } = context.prepared;
  for (const token of tokens) {
    branch.held++;
    one.received++;
    one.last = token.id;
    if (branch.text.stopped) continue;
    context.onToken();
    one.tokens++;
    one.logprob += token.logprob;
    if (context.needsConfidence)
      one.confidences.push(confidenceOf(token, context.prepared.model.vocabularySize));
    one.sawEnd ||= vocabulary.stopIds.has(token.id);
    if (one.sawEnd) {
      branch.endId ??= token.id;
      continue;
    }
    branch.tokens.push(token);
    branch.text.push({ token, spelling: "" });
    if (branch.text.stopped) {
      context.session.send({ case: "stop", value: { sequenceIds: [branch.sequenceId] } });
    }
  }
}

/** A generate command ended: the step or the answer is over, or a token that might have ended the step did not. */
function finish(context: GrowContext, one: Growing, event: FinishedEvent, until: AbortSignal): void {
  const { branch, order } = one;
  const { reason, generatedTokens, proof, replayedTokens } = event;
  context.onCost({ replayed: replayedTokens, prefix: 0 });
  const { program, facts } = branch.arm;
  const acted = proof.some(({ rows }) => rows > 0);
  branch.wasSteered ||= acted;
  if (program && !acted && facts?.mustAct(program.coefficients, generatedTokens)) {
    throw new TrimtabError("STEERING_UNAVAILABLE", "a steered candidate ran without its program; discard it");
  }
  if (branch.text.stopped) return end(one, "stop");
  if (reason === FinishReason.CANCELLED) {
    if (until.aborted) return void (one.isDone = true);
    throw new TrimtabError("SERVICE_UNAVAILABLE", "forward could not finish a candidate");
  }
  if (reason === FinishReason.STOP && !isHalt(context, one, event)) return end(one, "stop");
  // What is held back, as it might become a stop string, ends steps like any other text.
  const { whole } = branch.text;
  one.stepEnded = order.toStep && isWholeStep(context.step, whole.slice(branch.stepFrom));
  const isStepOver = one.stepEnded || (order.fillsStep && one.tokens >= order.tokens);
  if (isStepOver && isFinalStep(context.step, whole)) return end(one, "stop");
  const isFull = branch.arm.promptTokens + branch.held >= context.contextTokens;
  if (isFull || (order.fillsAnswer && one.tokens >= order.tokens)) return end(one, "length");
  one.isDone = one.stepEnded || one.tokens >= order.tokens || until.aborted;
  if (!one.isDone) context.session.send(...commandOf(context, one));
}

/** True if the generation halted at a token where a step may end, and not at an end of its own. */
function isHalt({ haltIds }: GrowContext, { order, sawEnd, received, last }: Growing, event: FinishedEvent) {
  return order.toStep && !sawEnd && received === event.generatedTokens && haltIds.has(last);
}

function end(one: Growing, ended: Ended): void {
  one.ended = ended;
  one.isDone = true;
  // What a decoder held back belongs to the text now.
  one.branch.text.end();
}
