/**
 * Decay along an answer: generated token t is pushed by decay^t of the dose, the last prompt token by all of it. Programs
 * know windows, not functions of t, and few of them: windows double in length, or become four times as long where hardly anything
 * fades within one, and each has the mean over its tokens.
 */
import { clone } from "@bufbuild/protobuf";
import { type Operation, OperationSchema, Scope } from "#proto/trimtab/type/v1/program_pb.ts";

/** Beyond every context: the end of the push. */
const LAST_TOKEN = 2 ** 20;
/** What is left at the end of a window that may be four times as long as all before it. */
const HARDLY_FADED = 0.9;
/** What is left of a push that is not worth an operation. */
const VANISHED = 1e-3;

/** An operation as several, each with what is left of its coefficient; it stays as it is if it acts on prompts alone, or nothing decays. */
export function decayed(
  operation: Operation,
  coefficient: number,
  decay: number,
): { operation: Operation; coefficient: number }[] {
  const acts = operation.scope === Scope.UNSPECIFIED || operation.scope === Scope.DECODE;
  if (!acts || decay === 1) return [{ operation, coefficient }];
  const last = { operation: at(operation, Scope.LAST), coefficient };
  const from = operation.answerWindow?.first ?? 0;
  const end = operation.answerWindow?.end || Number.POSITIVE_INFINITY;
  const boundaries = boundariesOf(decay);
  const windows = boundaries.slice(0, -1).flatMap((boundary, index) => {
    const first = Math.max(from, boundary);
    const stop = Math.min(end, boundaries[index + 1] as number);
    if (first >= stop) return [];
    const left = meanPower(decay, first, stop);
    if (left < VANISHED) return [];
    return [
      { operation: at(operation, Scope.DECODE, { first, end: stop }), coefficient: left * coefficient },
    ];
  });
  return operation.scope === Scope.UNSPECIFIED ? [last, ...windows] : windows;
}

/** Beginnings of the windows, and the end of the last one. */
function boundariesOf(decay: number): number[] {
  const boundaries = [0];
  for (let next = 1; next < LAST_TOKEN; next *= decay ** (4 * next) >= HARDLY_FADED ? 4 : 2)
    boundaries.push(next);
  return [...boundaries, LAST_TOKEN];
}

function at(operation: Operation, scope: Scope, window?: { first: number; end: number }): Operation {
  const copy = clone(OperationSchema, operation);
  copy.scope = scope;
  delete copy.answerWindow;
  if (window) copy.answerWindow = { $typeName: "trimtab.type.v1.AnswerWindow", ...window };
  return copy;
}

/** Mean of decay^t over first ≤ t < end. */
function meanPower(decay: number, first: number, end: number): number {
  return (decay ** first - decay ** end) / ((1 - decay) * (end - first));
}
