/**
 * Steering that decides again while it answers: every k tokens forward parks the sequence, steering sees the activations
 * of the last token that was computed (the one before the last that was drawn) as it saw those of the prompt, and the new coefficients go back before the next token. A failure fails
 * the answer: it never goes on with stale ones.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Activation } from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope } from "../clients.ts";
import type { RunningArm } from "./arms.ts";
import type { ForwardSession } from "./forward-session.ts";
import type { FlowContext, Prepared, PreparedSteering } from "./prepare.ts";
import { planSteering } from "./steering-plan.ts";

/** Decides for the choices of one request. */
export interface Stepwise {
  /** Takes what was read of a generated token; the latest of each tap and block counts. */
  read(arm: RunningArm, activation: Activation): void;
  /** Decides again for a parked choice and lets it go on. */
  decide(arm: RunningArm): Promise<void>;
}

/** Whether a use decides again. */
export function isStepwise(steering: PreparedSteering | undefined): steering is PreparedSteering {
  return steering !== undefined && steering.use.everyTokens > 0;
}

/** Throws unless a use that is to decide again has something to decide on, and one program to decide about. */
export function checkStepwise(steering: PreparedSteering): void {
  const { taps, programDigests } = steering.needs;
  if (!isStepwise(steering) || (taps.length > 0 && programDigests.length === 1)) return;
  throw new TrimtabError(
    "INVALID_ARGUMENT",
    "this steering looks at no activations it could decide on again",
    {
      field: "steering.use.every_tokens",
    },
  );
}

/** What the choices of a request have in common. */
export interface StepwiseInput {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly session: ForwardSession;
  readonly scope: CallScope;
  /** Of the prompt: the first token is drawn before any other was read. */
  readonly activations: readonly Activation[];
}

/** Creates it; nothing is asked before a choice parks. */
export function createStepwise({
  flow,
  prepared,
  session,
  scope,
  activations: first,
}: StepwiseInput): Stepwise {
  const { steering, model } = prepared;
  const latest = new Map<bigint, Map<string, Activation>>();
  const placeOf = ({ tapIndex, layer }: Activation) => `${tapIndex} ${layer}`;
  const ownOf = (sequenceId: bigint): Map<string, Activation> => {
    const own = latest.get(sequenceId) ?? new Map(first.map((each) => [placeOf(each), each]));
    latest.set(sequenceId, own);
    return own;
  };
  return {
    read: ({ sequenceId }, activation) => void ownOf(sequenceId).set(placeOf(activation), activation),
    async decide(arm) {
      const bound = arm.program;
      if (!steering || !bound)
        throw new TrimtabError("STEERING_UNAVAILABLE", "an unsteered choice was parked");
      const activations = [...ownOf(arm.sequenceId).values()];
      const { program } = await planSteering(flow, model, steering.use, activations, scope);
      if (program && program.programDigest !== bound.programDigest)
        throw new TrimtabError("STEERING_UNAVAILABLE", "steering decided for another program than before");
      if (program) await flow.programs.ensure(program, scope);
      const coefficients = program?.coefficients ?? bound.coefficients.map(() => 0);
      arm.resteered = true;
      session.send({ case: "setCoefficients", value: { sequenceId: arm.sequenceId, coefficients } });
    },
  };
}
