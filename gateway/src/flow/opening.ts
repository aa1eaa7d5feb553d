/** The first half of a generation: prompt computed once, controller asked, program ready in forward. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { type Usage, UsageSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import {
  type Activation,
  type ProgramBinding,
  ProgramBindingSchema,
  type Tap,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope } from "../clients.ts";
import { type Arm, PROMPT_SEQUENCE, STEERED_PROMPT_SEQUENCE } from "./arms.ts";
import { failure, type ForwardSession } from "./forward-session.ts";
import type { FlowContext, Prepared, PreparedSteering } from "./prepare.ts";
import type { Bound, ProgramFacts } from "./programs.ts";
import { type Decision, planSteering } from "./steering-plan.ts";
import { isStepwise } from "./stepwise.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** A computed prompt, ready to be continued. */
export interface Opening {
  /** What steering decided; undefined if it was not asked. */
  readonly decision: Decision | undefined;
  /** What it decided on, for planning again. */
  readonly activations: readonly Activation[];
  /** Is there a sequence of the prompt computed under the program? */
  readonly steeredPrompt: boolean;
  /** What is known of the program. */
  readonly facts: ProgramFacts | undefined;
  /** Cost so far. */
  readonly usage: Usage;
}

/** Sequences of one prompt: as it is, and computed under its program. */
export interface PromptSequences {
  readonly plain: bigint;
  readonly steered: bigint;
}

/** Those of a prompt that is alone in its session. */
const ALONE: PromptSequences = { plain: PROMPT_SEQUENCE, steered: STEERED_PROMPT_SEQUENCE };

/** Computes the prompt and asks steering. Any failure of steering fails the request. */
export async function openPrompt(
  flow: FlowContext,
  session: ForwardSession,
  prepared: Prepared,
  arms: readonly Arm[],
  watch: Stopwatch,
  scope: CallScope,
  sequences = ALONE,
): Promise<Opening> {
  const { prompt, steering, model } = prepared;
  const usage = create(UsageSchema, { promptTokens: prompt.ids.length });
  const taps = steering?.needs.taps ?? [];
  const plain = { sequenceId: sequences.plain, ids: prompt.ids, taps };
  const activations = await openSequence(session, plain, usage, watch);
  if (!steering) return { decision: undefined, activations, steeredPrompt: false, facts: undefined, usage };
  const before = watch.elapsedMs();
  const first = await planSteering(flow, model, steering.use, activations, scope);
  const bound = first.program ?? restingProgram(steering);
  const facts = bound && (await flow.programs.ensure(bound, scope));
  const decision = first.program || !facts || !bound ? first : atRest(first, bound.programDigest, facts);
  watch.parts.planMs = watch.elapsedMs() - before;
  const steeredPrompt = facts?.actsOnPrompt(prompt.ids.length) ?? false;
  if (steeredPrompt && decision.program) {
    if (arms.every((arm) => arm.steered)) session.send(releaseOf(sequences.plain));
    const { program } = decision;
    const again = { sequenceId: sequences.steered, ids: prompt.ids, taps: [], program };
    const computed = usage.prefilledTokens;
    await openSequence(session, again, usage, watch).catch(async (error: unknown) => {
      if (!(error instanceof TrimtabError && error.reason === "PROGRAM_NOT_FOUND")) throw error;
      flow.programs.forget(program.programDigest);
      await flow.programs.ensure(program, scope);
      await openSequence(session, again, usage, watch);
    });
    usage.replayedTokens += usage.prefilledTokens - computed;
  }
  return { decision, activations, steeredPrompt, facts, usage };
}

/** The program of a use that decides again and may want to act later, though it does not now. */
function restingProgram(steering: PreparedSteering): Bound | undefined {
  const [programDigest] = isStepwise(steering) ? steering.needs.programDigests : [];
  return programDigest === undefined ? undefined : { programDigest };
}

/** Coefficients of zero are no program, to the bit. */
function atRest(decision: Decision, programDigest: string, { operations }: ProgramFacts): Decision {
  const coefficients = new Array<number>(operations).fill(0);
  return { ...decision, program: create(ProgramBindingSchema, { programDigest, coefficients }) };
}

/** The command that frees one sequence. */
export function releaseOf(sequenceId: bigint): { case: "release"; value: { sequenceIds: bigint[] } } {
  return { case: "release", value: { sequenceIds: [sequenceId] } };
}

/** A sequence to open. */
export interface OpenWhat {
  readonly sequenceId: bigint;
  readonly ids: readonly number[];
  readonly taps: readonly Tap[];
  readonly program?: ProgramBinding;
}

/** Opens one sequence and waits for it; answers with what its taps read. */
export async function openSequence(
  session: ForwardSession,
  { sequenceId, ids, taps, program }: OpenWhat,
  usage: Usage,
  watch: Stopwatch,
): Promise<Activation[]> {
  const activations: Activation[] = [];
  const [command] = session.send({
    case: "open",
    value: { sequenceId, ids: [...ids], taps: [...taps], ...(program ? { program } : {}) },
  });
  for (;;) {
    const { event, sequenceId: of, commandId } = await session.next();
    if (of !== sequenceId && commandId !== command) continue;
    if (event.case === "activation") activations.push(event.value);
    if (event.case === "failed") throw failure(event.value);
    if (event.case !== "opened") continue;
    usage.prefilledTokens += event.value.prefilledTokens;
    usage.reusedTokens += event.value.reusedTokens;
    watch.parts.queueMs += event.value.queueMs;
    watch.parts.prefillMs += event.value.prefillMs;
    return activations;
  }
}
