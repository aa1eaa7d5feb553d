/**
 * Programs → kernel operations. Every operation becomes components of `h += Σ_j c_j · g(U_j·h + b_j) · V_j`:
 *
 *   add       U –         V v            c = c                     gate constant (or threshold / relu for a condition)
 *   erase     U v         V v            c = −c                    gate identity
 *   multiply  U v         V v            c = c·(factor − 1)        gate identity
 *   replace   U v | 0     V v | v        c = −1 | c·target         gate identity, b = 0 | 1
 *   rotate    U v1 v2 v1 v2, V v1 v1 v2 v2, c = cos−1, −sin, sin, cos−1 of c·angle        gate identity
 *   rotate_to U v1 v2, V v1 v2, b = cos, sin of the angle, c; a condition is a third component             gate turn
 *   cap_norm  folds what came before it at its site into one kernel operation with norm policy `cap`
 *
 * A component whose coefficient is 0 adds nothing; a kernel operation whose coefficients are all 0 is left out, so
 * coefficients of zero are, to the bit, no program. Cost: once a program, O(operations · dim).
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Gate } from "#kernels";
import { MAX_PROGRAM_RANK } from "#kernels";
import { resolveConflicts } from "./conflicts.ts";
import type { Mask, Operation, Phase, PhaseMarker, Program, ProgramShape, Scope, Site } from "./program.ts";
import { maskKey, siteDim } from "./program.ts";
import { validateProgram } from "./validate.ts";

/** One rank of a kernel operation. */
export interface Component {
  /** f32 [dim], or null for zeros. */
  readonly u: Float32Array | null;
  readonly v: Float32Array;
  readonly b: number;
  /** Index of the request's coefficient c. */
  readonly slot: number;
  /** Kernel coefficient from c: factor·c | cos(factor·c) − 1 | ±sin(factor·c) | factor wherever c ≠ 0. */
  readonly form: "linear" | "cosine" | "sine" | "minus_sine" | "fixed";
  readonly factor: number;
}

/** A kernel operation before its coefficients are known. */
export interface CompiledOperation {
  readonly site: Site;
  readonly layer: number;
  readonly scope: Scope;
  readonly phases?: readonly Phase[];
  readonly dim: number;
  readonly gate: Gate;
  readonly components: readonly Component[];
  readonly normPolicy: "none" | "preserve" | "cap";
  readonly cap: number;
  /** Slot of the cap_norm that set the policy: with coefficient 0 the policy is off. */
  readonly capSlot: number | null;
}

/** A compiled program; operations of one site and layer act in array order. */
export interface CompiledProgram {
  readonly operations: readonly CompiledOperation[];
  /** Coefficients a binding must give. */
  readonly slots: number;
  readonly markers: readonly PhaseMarker[];
}

/**
 * Checks and compiles a program.
 * @throws TrimtabError as `validateProgram`; INVALID_ARGUMENT for a conflict under rule `error`;
 *   BACKEND_CAPABILITY for a cap over operations that one kernel operation cannot hold
 */
export function compileProgram(program: Program, shape: ProgramShape): CompiledProgram {
  validateProgram(program, shape);
  const compiled: CompiledOperation[] = [];
  for (const { operation, slot } of resolveConflicts(program, shape)) {
    if (operation.kind === "cap_norm") foldUnderCap(compiled, operation, slot);
    else append(compiled, compileOne(operation, slot, siteDim(operation.site, shape)));
  }
  return { operations: compiled, slots: program.operations.length, markers: program.markers ?? [] };
}

/** Kernel coefficients of an operation for the request's coefficients; null when it does not act. */
export function kernelCoefficients(
  operation: CompiledOperation,
  coefficients: readonly number[],
): Float32Array | null {
  const values = new Float32Array(operation.components.length);
  for (const [index, { slot, form, factor }] of operation.components.entries()) {
    const c = coefficients[slot] ?? 0;
    if (form === "linear") values[index] = factor * c;
    else if (form === "fixed") values[index] = c === 0 ? 0 : factor;
    else if (form === "cosine") values[index] = Math.cos(factor * c) - 1;
    else values[index] = (form === "sine" ? 1 : -1) * Math.sin(factor * c);
  }
  return values.every((value) => value === 0) ? null : values;
}

function compileOne(operation: Operation, slot: number, dim: number): CompiledOperation {
  const { site, layer, scope, phases, normPolicy, cap } = operation;
  const gate = gateOf(operation);
  const components = componentsOf(operation, slot, dim);
  const mask = phases ? { scope, phases } : { scope };
  return { site, layer, ...mask, dim, gate, components, normPolicy, cap, capSlot: null };
}

function gateOf(operation: Operation): Gate {
  if (operation.kind === "rotate_to") return "turn";
  if (operation.kind !== "add") return "identity";
  if (operation.condition === "none") return "constant";
  return operation.condition === "above" ? "threshold" : "relu";
}

function componentsOf(operation: Operation, slot: number, dim: number): Component[] {
  const v = operation.vectors.slice(0, dim);
  const linear = (factor: number): Component => ({ u: v, v, b: 0, slot, form: "linear", factor });
  switch (operation.kind) {
    case "add":
      return [{ ...linear(1), u: operation.conditionVector, b: -operation.threshold }];
    case "erase":
      return [linear(-1)];
    case "multiply":
      return [linear(operation.parameter - 1)];
    case "replace":
      return [
        { ...linear(-1), form: "fixed" },
        { ...linear(operation.parameter), u: null, b: 1 },
      ];
    case "rotate": {
      const w = operation.vectors.slice(dim, 2 * dim);
      const part = (u: Float32Array, to: Float32Array, form: Component["form"]): Component => {
        return { u, v: to, b: 0, slot, form, factor: operation.parameter };
      };
      return [part(v, v, "cosine"), part(w, v, "minus_sine"), part(v, w, "sine"), part(w, w, "cosine")];
    }
    case "rotate_to":
      return turnComponents(operation, linear(1), dim);
    case "cap_norm":
      return [];
  }
}

/** The plane with the target's coordinates, and the condition, which adds nothing itself. */
function turnComponents(operation: Operation, first: Component, dim: number): Component[] {
  const w = operation.vectors.slice(dim, 2 * dim);
  const { parameter, conditionVector, threshold } = operation;
  const plane = [
    { ...first, b: Math.cos(parameter) },
    { ...first, u: w, v: w, b: Math.sin(parameter) },
  ];
  if (!conditionVector) return plane;
  return [...plane, { ...first, u: conditionVector, v: new Float32Array(dim), b: -threshold }];
}

/** Adds an operation; plain additions over the same positions join the one before, which changes nothing in the sum. */
function append(compiled: CompiledOperation[], next: CompiledOperation): void {
  const last = compiled.at(-1);
  const joins =
    last !== undefined &&
    sameRows(last, next) &&
    last.gate === "constant" &&
    next.gate === "constant" &&
    last.normPolicy === "none" &&
    next.normPolicy === "none" &&
    last.components.length < MAX_PROGRAM_RANK;
  if (joins)
    compiled[compiled.length - 1] = { ...last, components: [...last.components, ...next.components] };
  else compiled.push(next);
}

function foldUnderCap(compiled: CompiledOperation[], cap: Operation, slot: number): void {
  const before = compiled.filter((one) => one.site === cap.site && one.layer === cap.layer);
  const gates = new Set(before.map((one) => one.gate).filter((gate) => gate !== "constant"));
  const rank = before.reduce((sum, { components }) => sum + components.length, 0);
  const isSimple = gates.size <= 1 && !(gates.has("turn") && before.length > 1) && rank <= MAX_PROGRAM_RANK;
  const foldable = isSimple && before.every((one) => one.normPolicy === "none" && sameRows(one, cap));
  if (!foldable) {
    const where = `${cap.site} of layer ${cap.layer}`;
    throw new TrimtabError(
      "BACKEND_CAPABILITY",
      `cap_norm at ${where} cannot hold operations of different scopes, conditions or norm policies, or of a rank over ${MAX_PROGRAM_RANK}`,
      { field: `operations[${slot}]`, limit: MAX_PROGRAM_RANK },
    );
  }
  const [first] = before;
  if (first === undefined) return;
  const gate = [...gates][0] ?? "constant";
  const components = before.flatMap((one) =>
    one.gate === gate ? one.components : one.components.map((component) => ({ ...component, u: null, b: 1 })),
  );
  const folded: CompiledOperation = {
    ...first,
    gate,
    components,
    normPolicy: "cap",
    cap: cap.parameter,
    capSlot: slot,
  };
  compiled.splice(0, compiled.length, ...compiled.filter((one) => !before.includes(one)), folded);
}

function sameRows(a: Mask & { site: Site; layer: number }, b: Mask & { site: Site; layer: number }): boolean {
  return a.site === b.site && a.layer === b.layer && maskKey(a) === maskKey(b);
}
