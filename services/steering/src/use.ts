/** Checks how a request wants to be steered: fields that exclude each other, ranges, finite numbers. */
import { clone, isFieldSet } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { sizeChecks } from "#kit/sizes.ts";
import { type SteeringUse, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { STEERING_LIMITS } from "../limits.ts";
import { REPLY_MODE } from "./reply.ts";

/** Strength of a request: a multiple of the source's own dose, or a dose of its own. */
export interface Strength {
  readonly scale: number;
  /** Replaces the source's dose. */
  readonly relative?: number;
}

const { checkCount } = sizeChecks("TOO_LARGE");
/** Pushes; so does the empty mode, which the gateway has made the recipe's own before. */
const STEER_MODE = "steer";
/** Modes that there are. */
export const MODES: readonly string[] = [STEER_MODE, REPLY_MODE, "paper", "paper_replayed"];

/** What a mode that changes no activation has no use for. */
const STRENGTHS = [
  "scale",
  "dose",
  "layers",
  "scope",
  "phases",
  "decay",
  "cap",
  "clamp",
  "everyTokens",
  "weights",
] as const;

type UseField = keyof typeof SteeringUseSchema.field;

/** What a use that is made of others leaves to them. */
const OF_PARTS = [
  "recipe",
  "direction",
  "mode",
  "layers",
  "scope",
  "dose",
  "forceGate",
  "weights",
  "phases",
  "decay",
] as const;

/** What only a whole can say of its parts. */
const OF_WHOLE = ["conflictRule", "exclusive", "everyTokens"] as const;

/** Does a mode take the paper's choices? */
export const isPaperMode = (mode: string): boolean => mode.startsWith("paper");

/** What a request is steered by. */
export type SourceKind = "recipe" | "direction" | "edit" | "ruleset";

/**
 * Checks a wish and reads its strength.
 * @throws TrimtabError FIELD_REQUIRED, INVALID_ARGUMENT, FIELD_OUT_OF_RANGE, NON_FINITE or UNSUPPORTED, naming the field
 */
export function checkUse(use: SteeringUse, kind: SourceKind): Strength {
  if (use.mode !== "" && !MODES.includes(use.mode)) {
    const limit = MODES.join(", ");
    throw new TrimtabError("INVALID_ARGUMENT", `unknown mode; known: ${limit}`, {
      field: "steering.mode",
      limit,
    });
  }
  if (use.mode !== "" && kind !== "recipe") {
    throw new TrimtabError("INVALID_ARGUMENT", "modes belong to recipes", { field: "steering.mode" });
  }
  const idle = use.mode === REPLY_MODE ? STRENGTHS.find((field) => isGiven(use, field)) : undefined;
  if (idle !== undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", "a reply has no strength and no place", {
      field: fieldOf(idle),
    });
  }
  if (use.decay !== undefined) inRange(use.decay, Number.MIN_VALUE, 1, "steering.decay");
  checkCap(use);
  if (use.weights) checkWeights(use, kind);
  if (use.forceGate !== undefined) inRange(use.forceGate, 0, 1, "steering.force_gate");
  if (use.forceGate !== undefined && (kind === "direction" || kind === "edit")) {
    throw new TrimtabError("INVALID_ARGUMENT", `a stored ${kind} has no gate to force`, {
      field: "steering.force_gate",
    });
  }
  if (use.scale !== undefined)
    inRange(use.scale, -STEERING_LIMITS.maxScale, STEERING_LIMITS.maxScale, "steering.scale");
  const relative = checkDose(use);
  if (relative !== undefined && use.scale !== undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", "give a scale or a dose, not both", {
      field: "steering.dose",
    });
  }
  if (relative !== undefined && (kind === "edit" || kind === "ruleset")) {
    throw new TrimtabError("UNSUPPORTED", `the strength of a stored ${kind} is a scale`, {
      field: "steering.dose.relative",
    });
  }
  if (kind === "direction" && relative === undefined && use.scale === undefined) {
    throw new TrimtabError("FIELD_REQUIRED", "a direction needs a dose or a scale", {
      field: "steering.dose",
    });
  }
  return { scale: use.scale ?? 1, ...(relative === undefined ? {} : { relative }) };
}

/**
 * Checks a use that is made of others, and spreads its scale over them.
 * @throws TrimtabError INVALID_ARGUMENT, TOO_LARGE, FIELD_OUT_OF_RANGE, naming the field
 */
export function partsOf(use: SteeringUse): SteeringUse[] {
  checkCount("steering.parts", use.parts.length, STEERING_LIMITS.parts);
  const foreign = OF_PARTS.find((field) => isGiven(use, field));
  if (foreign !== undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", "this belongs to the parts of a composition", {
      field: fieldOf(foreign),
    });
  }
  checkCap(use);
  if (use.scale !== undefined)
    inRange(use.scale, -STEERING_LIMITS.maxScale, STEERING_LIMITS.maxScale, "steering.scale");
  return use.parts.map((part, index) => {
    if (part.mode === REPLY_MODE) {
      const field = `steering.parts[${index}].mode`;
      throw new TrimtabError("INVALID_ARGUMENT", "a reply is not part of a composition", { field });
    }
    if (part.parts.length > 0) {
      const field = `steering.parts[${index}].parts`;
      throw new TrimtabError("INVALID_ARGUMENT", "parts have no parts", { field });
    }
    const idle = OF_WHOLE.find((field) => isGiven(part, field));
    if (idle !== undefined) {
      const field = fieldOf(idle).replace("steering", `steering.parts[${index}]`);
      throw new TrimtabError("INVALID_ARGUMENT", "this is for the whole composition to say", { field });
    }
    if (use.scale === undefined) return part;
    if (part.dose && use.scale < 0) {
      const message = `part ${index} has a dose, which no scale turns round: give the part a scale`;
      const limit = `0 to ${STEERING_LIMITS.maxScale}`;
      throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "steering.scale", limit });
    }
    return scaledPart(part, use.scale);
  });
}

/** A field of a use as errors call it: as the schema does. */
const fieldOf = (field: UseField): string => `steering.${SteeringUseSchema.field[field].name}`;

/** Whether a request says it: a gate or a scale of 0 is one. */
function isGiven(use: SteeringUse, field: UseField): boolean {
  return isFieldSet(use, SteeringUseSchema.field[field]);
}

function scaledPart(part: SteeringUse, scale: number): SteeringUse {
  const copy = clone(SteeringUseSchema, part);
  if (copy.dose?.dose.value !== undefined) copy.dose.dose.value *= scale;
  else copy.scale = scale * (copy.scale ?? 1);
  return copy;
}

const ARMS = ["uniform", "random", "learned", "permuted", "mean"];
/** Arms that take what a trained head says. */
const LEARNED = ["learned", "permuted", "mean"];

function checkWeights({ weights, mode }: SteeringUse, kind: SourceKind): void {
  const fail = (message: string, field: string) =>
    new TrimtabError("INVALID_ARGUMENT", message, {
      field: `steering.weights${field}`,
      limit: ARMS.join(", "),
    });
  const { arm = "", head = "" } = weights ?? {};
  if (!ARMS.includes(arm)) throw fail("unknown arm of weights", ".arm");
  if (kind !== "recipe" || isPaperMode(mode))
    throw fail("weights belong to recipes, not to the paper's modes", "");
  if (LEARNED.includes(arm) === (head !== "")) return;
  throw fail("learned, permuted and mean weights need a head, the others have none", ".head");
}

function checkDose({ dose }: SteeringUse): number | undefined {
  if (!dose) return undefined;
  // A dose in nats was turned into a scale before.
  if (dose.dose.case !== "relative") {
    throw new TrimtabError("FIELD_REQUIRED", "the dose is empty", { field: "steering.dose.relative" });
  }
  inRange(dose.dose.value, 0, STEERING_LIMITS.maxRelativeDose, "steering.dose.relative");
  return dose.dose.value;
}

function checkCap({ cap }: SteeringUse): void {
  if (cap !== undefined) inRange(cap, Number.MIN_VALUE, STEERING_LIMITS.maxRelativeDose, "steering.cap");
}

function inRange(value: number, low: number, high: number, field: string): void {
  if (!Number.isFinite(value)) throw new TrimtabError("NON_FINITE", `${field} is not finite`, { field });
  if (value >= low && value <= high) return;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} is ${value}, allowed is ${low} to ${high}`, {
    field,
    limit: `${low} to ${high}`,
  });
}

/** @throws TrimtabError FIELD_OUT_OF_RANGE for a scope that a request cannot ask for. */
export function checkScope(scope: Scope): void {
  if (scope === Scope.UNSPECIFIED || scope === Scope.LAST || scope === Scope.DECODE || scope === Scope.PROMPT)
    return;
  throw new TrimtabError(
    "FIELD_OUT_OF_RANGE",
    "the scope must be prompt, last or decode; windows belong to programs",
    {
      field: "steering.scope",
    },
  );
}
