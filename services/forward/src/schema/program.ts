/** Programs of the schema → programs of the engine, with every field checked; and their digests. */
import { toBinary } from "@bufbuild/protobuf";
import { sha256Hex } from "#kit/files.ts";
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import * as limits from "../../limits.ts";
import type { Binding } from "../engine/protocol.ts";
import type { Operation, Phase, PhaseMarker, Program } from "../programs/program.ts";
import { checkCount, outOfRange, toSite } from "./checks.ts";
import { readF32 } from "./tensors.ts";

/** "sha256:<hex>" of a program's canonical bytes. */
export function programDigest(program: types.Program): string {
  return `sha256:${sha256Hex(toBinary(types.ProgramSchema, program, { writeUnknownFields: false }))}`;
}

/** A program of the schema as the engine takes it. */
export function toProgram(program: types.Program): Program {
  checkCount("operations", program.operations.length, limits.MAX_OPERATIONS);
  const rules = ["sum", "sum", "priority", "orthogonalize", "error"] as const;
  const conflict = rules[program.conflictRule];
  if (!conflict) throw outOfRange("conflict_rule", "is not a known rule");
  const markers = program.phaseMarkers.map(toMarker);
  return { operations: program.operations.map(toOperation), conflict, markers };
}

/** A binding, or null for none. */
export function toBinding(binding: types.ProgramBinding | undefined): Binding | null {
  if (!binding || binding.programDigest === "") return null;
  return { digest: binding.programDigest, coefficients: binding.coefficients };
}

function toOperation(operation: types.Operation, index: number): Operation {
  const field = `operations[${index}]`;
  const kinds = ["", "add", "erase", "rotate", "multiply", "cap_norm", "replace", "rotate_to"] as const;
  const kind = kinds[operation.kind];
  if (!kind) throw outOfRange(`${field}.kind`, "is not a known operation");
  const condition = (["none", "above", "relu"] as const)[operation.condition];
  if (!condition) throw outOfRange(`${field}.condition`, "is not a known condition");
  const normPolicy = (["none", "preserve", "cap"] as const)[operation.normPolicy];
  if (!normPolicy) throw outOfRange(`${field}.norm_policy`, "is not a known policy");
  const vector = operation.conditionVector;
  return {
    site: toSite(operation.site, `${field}.site`),
    layer: operation.layer,
    kind,
    vectors: readF32(operation.vectors, `${field}.vectors`),
    parameter: operation.parameter,
    condition,
    conditionVector: vector ? readF32(vector, `${field}.condition_vector`) : null,
    threshold: operation.threshold,
    normPolicy,
    cap: operation.cap,
    scope: toScope(operation, field),
    ...toPhases(operation.phases, `${field}.phases`),
    priority: operation.priority,
    ...(operation.part === undefined ? {} : { part: operation.part }),
  };
}

const PHASES = [undefined, "text", "think", "tool_call", "template"] as const;

function toMarker({ phase, openId, closeId }: types.PhaseMarker, index: number): PhaseMarker {
  const name = PHASES[phase];
  if (!name || name === "text") throw outOfRange(`phase_markers[${index}].phase`, "is no phase with markers");
  return { phase: name, openId, closeId: closeId ?? null };
}

function toPhases(phases: readonly types.Phase[], field: string): Pick<Operation, "phases"> {
  const names = new Set<Phase>();
  for (const phase of phases) {
    const name = PHASES[phase];
    if (!name) throw outOfRange(field, "has an unknown phase");
    names.add(name);
  }
  return names.size === 0 ? {} : { phases: [...names].sort() };
}

function toScope(
  { scope, windowFirst, windowEnd, answerWindow }: types.Operation,
  field: string,
): Operation["scope"] {
  if (answerWindow) {
    if (scope !== types.Scope.DECODE) throw outOfRange(`${field}.answer_window`, "belongs to SCOPE_DECODE");
    const { first, end } = answerWindow;
    return { kind: "decode", span: { first, end: end === 0 ? Number.POSITIVE_INFINITY : end } };
  }
  if (scope === types.Scope.WINDOW) return { kind: "window", first: windowFirst, end: windowEnd };
  const kind = (["answer", "prompt", "last", "decode"] as const)[scope];
  if (!kind) throw outOfRange(`${field}.scope`, "is not a known scope");
  return { kind };
}
