/**
 * Caps of doses, of a part and of the whole: what is beyond one is refused, or, if it is to be clamped, limited row by row as forward adds
 * it. What can be neither told nor limited is refused, too: a cap that is asked for holds.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { NormPolicy, type Operation, OperationKind } from "#proto/trimtab/type/v1/program_pb.ts";
import { STEERING_LIMITS } from "../limits.ts";
import type { Plan } from "./decider.ts";

/** A part that acts, with the limit of its additions; undefined: what is beyond a cap is refused. */
export interface Limited {
  readonly plan: Plan;
  readonly use: SteeringUse;
  /** Among the parts. */
  readonly index: number;
  readonly limit: number | undefined;
}

/** How far a row moves at most that keeps its norm, of that norm: to the other side. */
const NORM_KEPT = 2;

const capOf = ({ cap }: SteeringUse): number => cap ?? STEERING_LIMITS.maxRelativeDose;

/** What the additions of a part are limited to, if it or the whole is to be clamped: the smaller cap. */
export function limitOf(part: SteeringUse, whole: SteeringUse): number | undefined {
  return part.clamp || whole.clamp ? Math.min(capOf(part), capOf(whole)) : undefined;
}

/**
 * The cap that an operation gets to keep within a limit; undefined if it needs none.
 * @throws TrimtabError UNSUPPORTED for an addition that keeps norms, which has no other policy beside
 */
export function capOfAddition(
  { kind, normPolicy, cap, layer }: Operation,
  limit: number | undefined,
): number | undefined {
  if (limit === undefined || kind !== OperationKind.ADD) return undefined;
  if (normPolicy === NormPolicy.CAP) return cap > limit ? limit : undefined;
  if (normPolicy !== NormPolicy.PRESERVE) return limit;
  if (limit >= NORM_KEPT) return undefined;
  const message = `the addition in block ${layer} keeps the norms of rows, so that its size cannot be limited besides`;
  throw new TrimtabError("UNSUPPORTED", message, { field: "steering.clamp", limit: NORM_KEPT });
}

/** Sum of doses by block. */
export function sumOfDoses(doses: readonly Float32Array[]): Float32Array {
  const layers = Math.max(...doses.map(({ length }) => length));
  return Float32Array.from({ length: layers }, (_, layer) =>
    doses.reduce((sum, each) => sum + (each[layer] ?? 0), 0),
  );
}

/**
 * A part's doses against its own cap, their sum against the whole's; what is limited counts for its limit.
 * @throws TrimtabError FIELD_OUT_OF_RANGE; UNSUPPORTED for a cap on an edit, of which nobody knows the doses
 */
export function checkCaps(parts: readonly Limited[], whole: SteeringUse): void {
  for (const { plan, use, index, limit } of parts) {
    const field = whole.parts.length === 0 ? "steering.cap" : `steering.parts[${index}].cap`;
    if (limit !== undefined) continue;
    if (plan.weightsSource === "edit") checkUnknown(use, whole, field);
    checkCap(plan.largestDoses, capOf(use), field);
  }
  if (whole.clamp) return;
  const doses = parts.map(({ plan, limit = Number.POSITIVE_INFINITY }) =>
    plan.largestDoses.map((dose) => Math.min(dose, limit)),
  );
  checkCap(sumOfDoses(doses), capOf(whole), "steering.cap");
}

function checkUnknown(use: SteeringUse, whole: SteeringUse, own: string): void {
  if (use.cap === undefined && whole.cap === undefined) return;
  throw new TrimtabError(
    "UNSUPPORTED",
    "the doses of an edit are not known; ask for clamp to limit its additions",
    {
      field: use.cap === undefined ? "steering.cap" : own,
    },
  );
}

/** @throws TrimtabError FIELD_OUT_OF_RANGE if a block's dose is beyond the cap. */
function checkCap(doses: Float32Array, cap: number, field: string): void {
  const layer = doses.findIndex((dose) => dose > cap * (1 + 1e-6));
  if (layer < 0) return;
  const dose = (doses[layer] as number).toPrecision(3);
  throw new TrimtabError(
    "FIELD_OUT_OF_RANGE",
    `the dose of block ${layer} is ${dose} of the residual's norm, beyond the cap; ask for clamp to limit it`,
    { field, limit: cap },
  );
}
