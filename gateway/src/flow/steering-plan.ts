/** Asks steering what to do with one prompt. Anything that goes wrong fails the request: never an unsteered answer. */
import { TrimtabError } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { PlanReport, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Activation, ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope } from "../clients.ts";
import type { FlowContext } from "./prepare.ts";
import { steeringFailure } from "./reasons.ts";

/** What steering decided for one prompt. */
export interface Decision {
  readonly report: PlanReport;
  /** Undefined: leave the request alone (scale 0, gate shut). */
  readonly program: ProgramBinding | undefined;
}

/** Plans one prompt; `use` is pinned, `activations` are those its requirements asked for; with `activeLayers` other blocks rest. */
export async function planSteering(
  { clients, audit }: Pick<FlowContext, "clients" | "audit">,
  model: Model,
  use: SteeringUse,
  activations: readonly Activation[],
  scope: CallScope,
  activeLayers: readonly number[] = [],
): Promise<Decision> {
  const request = {
    ...{ modelDigest: model.digest, steering: use },
    ...{ activations: [...activations], activeLayers: [...activeLayers] },
  };
  const { program, report } = await clients.steering
    .plan(request, scope)
    .catch((error: unknown) => Promise.reject(steeringFailure(error, scope.signal)));
  if (!report || !Number.isFinite(report.gate)) throw senseless("a plan without a gate");
  if (!program || program.programDigest === "") return { report, program: undefined };
  if (program.coefficients.length === 0 || !program.coefficients.every(Number.isFinite)) {
    throw senseless("coefficients that are not finite numbers");
  }
  audit({ modelDigest: model.digest, use, report, program }, scope);
  return { report, program };
}

function senseless(what: string): TrimtabError {
  return new TrimtabError("STEERING_UNAVAILABLE", `the steering service answered with ${what}`);
}
