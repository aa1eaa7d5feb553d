/**
 * New strength and blocks for a running generation. Steering decides again on the same activations; forward gets the coefficients,
 * in effect from the next token step. A failure leaves the generation as it was and is the failure of Steer alone.
 */
import { clone } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkSteering } from "../permissions.ts";
import type { RunningArm } from "./arms.ts";
import { checkCount, checkRange } from "./checks.ts";
import type { ForwardSession } from "./forward-session.ts";
import type { Opening } from "./opening.ts";
import type { FlowContext, Prepared } from "./prepare.ts";
import { endOfScope } from "./reasons.ts";
import type { Resteer, RunningGeneration } from "./running.ts";
import { planSteering } from "./steering-plan.ts";

/** A running generation that may not have begun yet. */
export interface SteerHandle extends Pick<RunningGeneration, "steer"> {
  /** The choices run. */
  begin(opening: Opening, arms: readonly RunningArm[]): void;
  /** It is over; whoever still waits for it to begin is told so. */
  end(): void;
}

/** Creates the handle of one generation; Steer waits until its choices run. */
export function createSteerHandle(
  flow: FlowContext,
  prepared: Prepared,
  session: ForwardSession,
): SteerHandle {
  const begun = Promise.withResolvers<{ opening: Opening; arms: readonly RunningArm[] }>();
  begun.promise.catch(() => undefined);
  return {
    begin: (opening, arms) => begun.resolve({ opening, arms }),
    end: () => begun.reject(new TrimtabError("SEQUENCE_NOT_FOUND", "this generation has ended")),
    async steer(wish, scope) {
      validateWish(wish);
      if (!prepared.steering) throw unsteered("this generation was started without steering");
      const { opening, arms } = await within(begun.promise, scope);
      const bound = opening.decision?.program;
      if (!bound) throw unsteered("this generation was started at scale 0: it carries no program to scale");
      const use = clone(SteeringUseSchema, prepared.steering.use);
      delete use.scale;
      delete use.dose;
      if (wish.dose) use.dose = wish.dose;
      else use.scale = wish.scale;
      // Parts have strengths of their own, which this one multiplies.
      checkSteering([use], scope.terms);
      const { activations } = opening;
      const next = await planSteering(flow, prepared.model, use, activations, scope, wish.activeLayers);
      if (next.program && next.program.programDigest !== bound.programDigest) {
        throw unsteered("this strength needs another program; start a new generation");
      }
      if (next.program) await flow.programs.ensure(next.program, scope);
      const coefficients = next.program?.coefficients ?? bound.coefficients.map(() => 0);
      const live = arms.filter((arm) => arm.program && !arm.finished);
      for (const arm of live) arm.resteered = true;
      const sent = live.map((arm) =>
        session
          .confirm({ case: "setCoefficients", value: { sequenceId: arm.sequenceId, coefficients } })
          .catch((error: unknown) => (arm.finished ? undefined : Promise.reject(error))),
      );
      await within(Promise.all(sent), scope);
    },
  };
}

function validateWish({ scale, dose, activeLayers }: Resteer): void {
  checkRange("scale", scale, { min: -LIMITS.steeringScale, max: LIMITS.steeringScale });
  checkCount("active_layers", activeLayers.length, LIMITS.steeredLayers);
  if (!dose) return;
  const measure = dose.dose.case;
  if (measure === undefined || scale !== 0) {
    throw new TrimtabError("INVALID_ARGUMENT", "a dose needs relative or nats, and excludes a scale", {
      field: "dose",
    });
  }
  const max = measure === "relative" ? LIMITS.relativeDose : LIMITS.natsDose;
  checkRange(`dose.${measure}`, dose.dose.value, { min: 0, max });
}

async function within<T>(promise: Promise<T>, scope: CallScope): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(endOfScope(scope.signal));
  scope.signal.addEventListener("abort", leave);
  if (scope.signal.aborted) leave();
  try {
    return await Promise.race([promise, left]);
  } finally {
    scope.signal.removeEventListener("abort", leave);
  }
}

function unsteered(message: string): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", message, { field: "generation_id" });
}
