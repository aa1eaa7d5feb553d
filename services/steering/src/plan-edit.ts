/** Edits as intents: the program narrowed to what the request asks for, coefficients by the scale. Pure. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { Edit, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ProgramSchema, Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { movedTo } from "./edit-positions.ts";
import { checkCoefficients, type Intent } from "./intent.ts";
import { nameProgram } from "./program.ts";
import { checkScope } from "./use.ts";

/**
 * The intent of an edit.
 * @throws TrimtabError FIELD_OUT_OF_RANGE for blocks the edit does not act on, NON_FINITE
 */
export function editIntent(edit: Edit, use: SteeringUse, scale: number): Intent {
  const { layers } = edit;
  const all = edit.program?.operations ?? [];
  checkLayers(use, new Set(all.map(({ layer }) => layer)));
  if (use.scope !== Scope.UNSPECIFIED) checkScope(use.scope);
  const narrowed = all
    .map((operation, slot) => ({ operation, strength: edit.strengths[slot] }))
    .filter(({ operation }) => use.layers.length === 0 || use.layers.includes(operation.layer));
  const placed = use.scope === Scope.UNSPECIFIED ? narrowed : movedTo(use.scope, narrowed);
  const chosen = placed.map(({ operation, strength }) => {
    const { coefficient = 0, fixed = false } = strength ?? {};
    return {
      operation,
      planned: { layer: operation.layer, coefficient: fixed ? coefficient : scale * coefficient, fixed },
    };
  });
  const additions = chosen.map(({ planned }) => planned);
  checkCoefficients(additions);
  const acts = scale !== 0 && additions.some(({ coefficient }) => coefficient !== 0);
  const weights = new Float32Array(layers);
  for (const { layer, coefficient } of additions) if (coefficient !== 0) weights[layer] = 1;
  const program = create(ProgramSchema, {
    modelDigest: edit.program?.modelDigest ?? "",
    conflictRule: edit.program?.conflictRule ?? 0,
    phaseMarkers: edit.program?.phaseMarkers ?? [],
    operations: chosen.map(({ operation }) => operation),
  });
  return {
    layers,
    medianResidualNorms: new Float32Array(layers),
    additions,
    weights,
    weightsSource: "edit",
    replayLast: chosen.some(
      ({ operation: { scope } }) => scope === Scope.UNSPECIFIED || scope === Scope.LAST,
    ),
    gated: false,
    fixedGate: use.forceGate ?? 1,
    program: acts ? nameProgram(program) : null,
  };
}

function checkLayers(use: SteeringUse, own: ReadonlySet<number>): void {
  const foreign = use.layers.find((layer) => !own.has(layer));
  if (foreign === undefined) return;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `the edit does not act on block ${foreign}`, {
    field: "steering.layers",
    limit: [...own].sort((a, b) => a - b).join(", "),
  });
}
