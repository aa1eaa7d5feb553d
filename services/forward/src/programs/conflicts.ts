/**
 * What happens when several operations of a program change the same site and layer at the same positions:
 * `sum` (all act, in order), `priority` (the highest alone), `orthogonalize` (lower ones lose what they share with
 * higher ones), `error` (the program is refused). Caps are limits, not changes: they conflict with nothing. Operations of one
 * part of a composition are meant to act together: they conflict with those of others alone.
 */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_ORTHOGONAL_WORK } from "../../limits.ts";
import type { Operation, Program, ProgramShape } from "./program.ts";
import { masksMeet, siteDim } from "./program.ts";

/** An operation with the index of its coefficient. */
export interface Slotted {
  readonly operation: Operation;
  readonly slot: number;
}

/** Below this share of its length, what is left of an orthogonalized vector is rounding: the operation is dropped. */
const VANISHED = 1e-4;

/**
 * The operations that remain under the program's rule, grouped by site and layer, in program order.
 * @throws TrimtabError INVALID_ARGUMENT under rule `error` when two operations meet; TOO_LARGE when there are too many to be made
 *   orthogonal
 */
export function resolveConflicts(program: Program, shape: ProgramShape): Slotted[] {
  const spend = createBudget();
  const groups = new Map<string, Slotted[]>();
  for (const [slot, operation] of program.operations.entries()) {
    const key = `${operation.site} ${operation.layer}`;
    const group = groups.get(key);
    if (group) group.push({ operation, slot });
    else groups.set(key, [{ operation, slot }]);
  }
  return [...groups.values()].flatMap((group) => resolveGroup(group, program, shape, spend));
}

/** Counts the products of a program: whoever computes them computes nothing else meanwhile. */
type Spend = (products: number) => void;

function createBudget(): Spend {
  let spent = 0;
  return (products) => {
    spent += products;
    if (spent <= MAX_ORTHOGONAL_WORK) return;
    const message = `operations: making them orthogonal takes more than ${MAX_ORTHOGONAL_WORK} products`;
    throw new TrimtabError("TOO_LARGE", message, { field: "operations", limit: MAX_ORTHOGONAL_WORK });
  };
}

function resolveGroup(group: Slotted[], program: Program, shape: ProgramShape, spend: Spend): Slotted[] {
  const rivals = (one: Slotted, wins: (other: Operation, slot: number) => boolean) =>
    group.filter(
      (other) =>
        other !== one &&
        other.operation.kind !== "cap_norm" &&
        !areOfOnePart(one.operation, other.operation) &&
        masksMeet(one.operation, other.operation) &&
        wins(other.operation, other.slot),
    );
  const changes = (one: Slotted) => one.operation.kind !== "cap_norm";
  switch (program.conflict) {
    case "sum":
      return group;
    case "error": {
      const clash = group.find((one) => changes(one) && rivals(one, () => true).length > 0);
      if (clash === undefined) return group;
      const { site, layer } = clash.operation;
      throw new TrimtabError("INVALID_ARGUMENT", `several operations change ${site} of layer ${layer}`, {
        field: `operations[${clash.slot}]`,
      });
    }
    case "priority":
      return group.filter(
        (one) =>
          !changes(one) || rivals(one, (other) => other.priority > one.operation.priority).length === 0,
      );
    case "orthogonalize":
      return orthogonalizeGroup(group, rivals, siteDim(group[0]?.operation.site ?? "residual", shape), spend);
  }
}

function areOfOnePart(a: Operation, b: Operation): boolean {
  return a.part !== undefined && a.part === b.part;
}

function orthogonalizeGroup(
  group: Slotted[],
  rivals: (one: Slotted, wins: (other: Operation, slot: number) => boolean) => Slotted[],
  dim: number,
  spend: Spend,
): Slotted[] {
  const result: Slotted[] = [];
  for (const one of group) {
    if (one.operation.kind === "cap_norm") {
      result.push(one);
      continue;
    }
    const higher = rivals(one, (other, slot) => {
      const { priority } = one.operation;
      return other.priority > priority || (other.priority === priority && slot < one.slot);
    });
    const basis = orthonormalBasis(
      higher.map(({ operation }) => operation.vectors),
      dim,
      spend,
    );
    const vectors = withoutSpan(one.operation, basis, dim, spend);
    if (vectors) result.push({ operation: { ...one.operation, vectors }, slot: one.slot });
  }
  return result;
}

/** The operation's vectors minus their part in the span; null when nothing is left. Unit vectors stay unit. */
function withoutSpan(
  operation: Operation,
  basis: Float64Array[],
  dim: number,
  spend: Spend,
): Float32Array | null {
  const result = new Float32Array(operation.vectors.length);
  const taken = [...basis];
  for (let row = 0; row * dim < result.length; row++) {
    const original = Float64Array.from(operation.vectors.subarray(row * dim, (row + 1) * dim));
    const rest = removeSpan(original, taken, spend);
    const length = norm(rest);
    if (length <= VANISHED * norm(original)) return null;
    const unit = rest.map((value) => value / length);
    result.set(operation.kind === "add" ? rest : unit, row * dim);
    if (operation.kind === "rotate" || operation.kind === "rotate_to") taken.push(unit);
  }
  return result;
}

function orthonormalBasis(matrices: readonly Float32Array[], dim: number, spend: Spend): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const matrix of matrices) {
    for (let row = 0; row * dim < matrix.length; row++) {
      const original = Float64Array.from(matrix.subarray(row * dim, (row + 1) * dim));
      const rest = removeSpan(original, basis, spend);
      const length = norm(rest);
      if (length > VANISHED * norm(original)) basis.push(rest.map((value) => value / length));
    }
  }
  return basis;
}

/** Gram–Schmidt, twice: once is not enough in floating point. */
function removeSpan(vector: Float64Array, basis: readonly Float64Array[], spend: Spend): Float64Array {
  spend(4 * basis.length * vector.length);
  const rest = vector.slice();
  for (const unit of [...basis, ...basis]) {
    let dot = 0;
    for (let i = 0; i < rest.length; i++) dot += (rest[i] ?? 0) * (unit[i] ?? 0);
    for (let i = 0; i < rest.length; i++) rest[i] = (rest[i] ?? 0) - dot * (unit[i] ?? 0);
  }
  return rest;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
