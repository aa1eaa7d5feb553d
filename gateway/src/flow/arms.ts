/** The choices of one request: which are steered, which noise they draw, and the commands that start them. */
import { clone, create } from "@bufbuild/protobuf";
import type { GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SamplingParametersSchema, type Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import { type ChoiceText, createChoiceText } from "./choice-text.ts";
import type { SessionCommand } from "./forward-session.ts";
import { isStepwise } from "./stepwise.ts";
import type { Prepared } from "./prepare.ts";

/** Sequence of the prompt as it is. */
export const PROMPT_SEQUENCE = 1n;
/** Sequence of the prompt computed under the program, for programs that act on prompt tokens. */
export const STEERED_PROMPT_SEQUENCE = 2n;
const FIRST_CHILD = 16n;

/** One choice. */
export interface Arm {
  readonly index: number;
  /** Is it meant to be steered? */
  readonly steered: boolean;
  /** Noise stream. The two of a pair draw the same noise, so what differs is steering. */
  readonly streamId: bigint;
}

/** A choice in the making. */
export interface RunningArm extends Arm {
  readonly sequenceId: bigint;
  readonly program: ProgramBinding | undefined;
  /** What it says, word for word; empty: whatever the model says. */
  readonly reply: string;
  readonly text: ChoiceText;
  /** Tokens for the verifiers. */
  readonly tokens: Token[];
  /** Tokens that count: up to the one that completed a stop string. */
  generated: number;
  finished: boolean;
  /** Its coefficients were changed while it ran. */
  resteered: boolean;
}

/** The choices a request asks for. With `compare`, 2i is the base and 2i + 1 the steered one. */
export function armsOf(spec: GenerationSpec): Arm[] {
  const samples = Math.max(1, spec.choices);
  const steering = spec.steering !== undefined;
  if (!(steering && spec.steering?.compare)) {
    return Array.from({ length: samples }, (_, index) => ({
      index,
      steered: steering,
      streamId: BigInt(index),
    }));
  }
  return Array.from({ length: 2 * samples }, (_, index) => ({
    index,
    steered: index % 2 === 1,
    streamId: BigInt(index >> 1),
  }));
}

/** What to start, and from where. */
export interface Launch {
  readonly prepared: Prepared;
  readonly arms: readonly Arm[];
  readonly program: ProgramBinding | undefined;
  /** What steered choices say, if steering replies instead. */
  readonly reply: string;
  /** Is there a prompt computed under the program? */
  readonly steeredPrompt: boolean;
  /** Given beginning of the answers. */
  readonly continuation: string;
}

/** The first choice of a prompt continues the prompt's own sequence; the others are forked from it. */
export function launch({ prepared, arms, program, reply, steeredPrompt, continuation }: Launch): {
  running: RunningArm[];
  forks: SessionCommand[];
} {
  const running: RunningArm[] = [];
  const children = new Map<bigint, bigint[]>();
  for (const arm of arms) {
    const bound = arm.steered ? program : undefined;
    const parent = bound && steeredPrompt ? STEERED_PROMPT_SEQUENCE : PROMPT_SEQUENCE;
    const siblings = children.get(parent);
    const sequenceId = siblings ? FIRST_CHILD + BigInt(arm.index) : parent;
    if (siblings) siblings.push(sequenceId);
    else children.set(parent, []);
    const text = createChoiceText(prepared.vocabulary.decoder(), prepared.spec.stop, continuation);
    const fresh = { tokens: [], generated: 0, finished: false, resteered: false };
    const own = { program: bound, reply: arm.steered ? reply : "" };
    running.push({ ...arm, sequenceId, ...own, text, ...fresh });
  }
  const forks = [...children]
    .filter(([, childIds]) => childIds.length > 0)
    .map(([sequenceId, childIds]): SessionCommand => ({ case: "fork", value: { sequenceId, childIds } }));
  return { running, forks };
}

/** The command that starts one choice. */
export function generateCommand({ spec, seed, steering }: Prepared, arm: RunningArm): SessionCommand {
  const sampling = spec.sampling
    ? clone(SamplingParametersSchema, spec.sampling)
    : create(SamplingParametersSchema);
  sampling.seed = seed;
  return {
    case: "generate",
    value: {
      sequenceId: arm.sequenceId,
      maxTokens: spec.maxTokens,
      sampling,
      streamId: arm.streamId,
      topLogprobs: spec.logprobs ? spec.topLogprobs : 0,
      ...(spec.constraint ? { constraint: spec.constraint } : {}),
      // A reply ends where it ends.
      ...(arm.reply === ""
        ? { minTokens: spec.minTokens, ignoreModelStop: spec.ignoreModelStop }
        : { constraint: { kind: { case: "choice", value: { values: [arm.reply] } } } }),
      ...(spec.speculation ? { speculation: spec.speculation } : {}),
      ...(arm.program ? { program: arm.program, replayLast: steering?.needs.replayLast ?? false } : {}),
      ...(arm.program && isStepwise(steering)
        ? { taps: steering.needs.taps, parkEveryTokens: steering.use.everyTokens }
        : {}),
    },
  };
}
