/**
 * Several uses as one: every part decides for itself, and what they decide becomes one program under a conflict rule; or,
 * if they exclude each other, the part with the largest gate acts alone, a choice among behaviours. Decay and norm caps
 * are put on operations here, whatever they come from.
 */
import { clone, create } from "@bufbuild/protobuf";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import {
  type Activation,
  ConflictRule,
  NormPolicy,
  type Operation,
  OperationSchema,
  type PhaseMarker,
  ProgramSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { capOfAddition, checkCaps, limitOf, sumOfDoses } from "./caps.ts";
import type { Decider, Plan } from "./decider.ts";
import { decayed } from "./decay.ts";
import { type NamedProgram, nameProgram } from "./program.ts";

/** A part of a composition. */
export interface Part {
  readonly decider: Decider;
  readonly use: SteeringUse;
  /** name@sha256:… */
  readonly resolved: string;
}

/** What was decided for all parts. */
export interface ComposedPlan {
  /** Null: leave the request alone. */
  readonly program: NamedProgram | null;
  readonly coefficients: readonly number[];
  /** In the order of the parts. */
  readonly parts: readonly Plan[];
  /** The part that speaks for all: the one with the largest gate. */
  readonly leading: Plan;
  /** Sum over the parts that act, [layers]. */
  readonly relativeDoses: Float32Array;
}

/** What a plan says of operations. */
type Planned = Pick<Plan, "program" | "coefficients">;

/** A plan with its use, and its place among the parts; absent: there is no rule between them. */
interface Place {
  readonly use: SteeringUse;
  readonly limit: number | undefined;
  readonly part?: number | undefined;
}

interface Acting {
  readonly operation: Operation;
  readonly coefficient: number;
}

/** Taps of all parts, in order. */
export function composedTaps(parts: readonly Part[]): Decider["taps"] {
  return parts.flatMap(({ decider }) => decider.taps);
}

/**
 * The programs that Plan may name for a use of one part, shaped as it wants them; of several parts each part's own, which acts alone
 * where the others do not.
 */
export function announcedPrograms(
  parts: readonly Part[],
  whole: SteeringUse,
  markers: readonly PhaseMarker[],
): NamedProgram[] {
  const programs = parts.flatMap(({ decider }) => decider.programs);
  const [part, ...others] = parts;
  if (!part || others.length > 0) return programs;
  return programs.flatMap((program) => {
    const coefficients = program.program.operations.map(() => 1);
    return shaped({ program, coefficients }, part.use, whole, markers).program ?? [];
  });
}

/** A plan as its use wants it: masked, decaying, limited; caps are not checked. */
export function shaped(
  plan: Planned,
  use: SteeringUse,
  whole: SteeringUse,
  markers: readonly PhaseMarker[],
): Pick<ComposedPlan, "program" | "coefficients"> {
  return merge(operationsOf(plan, { use, limit: limitOf(use, whole) }), whole, [plan], markers);
}

/** Decides every part on the activations its taps read. @param markers of phases, if a part is masked by them @throws TrimtabError as the parts; FIELD_OUT_OF_RANGE beyond the cap */
export async function decideParts(
  parts: readonly Part[],
  whole: SteeringUse,
  activations: readonly Activation[],
  markers: readonly PhaseMarker[] = [],
): Promise<ComposedPlan> {
  const plans: Plan[] = [];
  let first = 0;
  for (const { decider } of parts) {
    plans.push(await decider.decide(ofTaps(activations, first, decider.taps.length, parts.length)));
    first += decider.taps.length;
  }
  const leading = plans.reduce((best, plan) => (plan.gate > best.gate ? plan : best));
  const chosen = whole.exclusive ? [leading] : plans;
  const limited = parts.flatMap(({ use }, index) => {
    const plan = plans[index] as Plan;
    return chosen.includes(plan) ? [{ plan, use, index, limit: limitOf(use, whole) }] : [];
  });
  checkCaps(limited, whole);
  const isRuled = hasRule(
    whole,
    limited.map(({ plan }) => plan),
  );
  const acting = limited.flatMap(({ plan, use, index, limit }) =>
    operationsOf(plan, { use, limit, part: isRuled ? partNumber(plan, index) : undefined }),
  );
  const relativeDoses = sumOfDoses(chosen.map((plan) => plan.relativeDoses));
  const { program, coefficients } = merge(
    acting,
    whole,
    limited.map(({ plan }) => plan),
    markers,
  );
  return { program, coefficients, parts: plans, leading, relativeDoses };
}

/** Activations of one part, with tap indices of its own. One part takes them as they come. */
function ofTaps(
  activations: readonly Activation[],
  first: number,
  count: number,
  parts: number,
): Activation[] {
  if (parts === 1) return [...activations];
  return activations
    .filter(({ tapIndex }) => tapIndex >= first && tapIndex < first + count)
    .map((activation) => ({ ...activation, tapIndex: activation.tapIndex - first }));
}

/** Operations of a plan as its use wants them: with its priority, decaying, limited. */
function operationsOf({ program, coefficients }: Planned, place: Place): Acting[] {
  const { use } = place;
  const operations = program?.program.operations ?? [];
  return operations.flatMap((operation, slot) => {
    const coefficient = coefficients[slot] as number;
    const shaped = shapedBy(operation, place);
    return use.decay === undefined
      ? [{ operation: shaped, coefficient }]
      : decayed(shaped, coefficient, use.decay);
  });
}

function shapedBy(operation: Operation, { use, limit, part }: Place): Operation {
  const cap = capOfAddition(operation, limit);
  const isOwn = use.priority === 0 && cap === undefined && use.phases.length === 0 && part === undefined;
  if (isOwn) return operation;
  const copy = clone(OperationSchema, operation);
  if (use.priority !== 0) copy.priority = use.priority;
  if (use.phases.length > 0) copy.phases = [...use.phases];
  if (part !== undefined) copy.part = part;
  if (cap !== undefined) {
    copy.normPolicy = NormPolicy.CAP;
    copy.cap = cap;
  }
  return copy;
}

/** Whether the whole has a rule for what its parts do to each other: one that acts alone keeps its own. */
function hasRule({ conflictRule }: SteeringUse, plans: readonly Planned[]): boolean {
  return conflictRule !== ConflictRule.UNSPECIFIED && plans.filter(({ program }) => program).length > 1;
}

/** What tells operations of a part from those of others; none for an edit with a rule of its own, whose operations do conflict. */
function partNumber({ program }: Planned, index: number): number | undefined {
  const own = program?.program.conflictRule ?? ConflictRule.UNSPECIFIED;
  return own === ConflictRule.UNSPECIFIED || own === ConflictRule.SUM ? index : undefined;
}

/** One program of all; the program of a single plan that nothing was changed in keeps its name. */
function merge(
  acting: readonly Acting[],
  whole: SteeringUse,
  plans: readonly Planned[],
  markers: readonly PhaseMarker[],
) {
  if (acting.length === 0) return { program: null, coefficients: [] };
  const source = plans.find(({ program }) => program)?.program as NamedProgram;
  const own = source.program;
  const { modelDigest } = own;
  const conflictRule = hasRule(whole, plans) ? whole.conflictRule : own.conflictRule;
  const operations = acting.map(({ operation }) => operation);
  // The usual case, once a request: to name a program again is to digest all its vectors.
  const isOwn =
    conflictRule === own.conflictRule &&
    operations.length === own.operations.length &&
    operations.every((operation, slot) => operation === own.operations[slot]);
  return {
    program: isOwn
      ? source
      : nameProgram(
          create(ProgramSchema, {
            ...{ modelDigest, operations, conflictRule },
            phaseMarkers: allMarkers(plans, markers),
          }),
        ),
    coefficients: acting.map(({ coefficient }) => Math.fround(coefficient)),
  };
}

/** Markers of the parts' own programs and of their masks, one an opening token. */
function allMarkers(plans: readonly Planned[], markers: readonly PhaseMarker[]): PhaseMarker[] {
  const own = plans.flatMap(({ program }) => program?.program.phaseMarkers ?? []);
  return [...new Map([...own, ...markers].map((marker) => [marker.openId, marker])).values()];
}
