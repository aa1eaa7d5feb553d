/** Programs in double precision: operations to build them from, and the kernel form as written in the architecture. */
import type { CompiledProgram } from "../../services/forward/src/programs/compile.ts";
import { kernelCoefficients } from "../../services/forward/src/programs/compile.ts";
import type { Operation, ProgramShape } from "../../services/forward/src/programs/program.ts";
import { createRandom } from "./synthetic-model.ts";

/** Floats of a row. */
export const DIM = 32;
/** A model of that width. */
export const SHAPE: ProgramShape = { layers: 4, width: DIM, headsWidth: DIM, feedForward: 64, experts: 0 };
const random = createRandom(7);
/** Seeded random values. */
export const vector = (): Float32Array => Float32Array.from({ length: DIM }, random);
/** Scalar product. */
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
/** A vector of length 1. */
export const unit = (v = vector()): Float32Array => v.map((value) => value / Math.sqrt(dot(v, v)));

/** An addition after block 1, with some fields replaced. */
export function operation(fields: Partial<Operation>): Operation {
  return {
    ...{ site: "residual", layer: 1, kind: "add", vectors: unit(), parameter: 0, condition: "none" },
    ...{
      conditionVector: null,
      threshold: 0,
      normPolicy: "none",
      cap: 0,
      scope: { kind: "answer" },
      priority: 0,
    },
    ...fields,
  } as Operation;
}

/** Runs the kernel form in f64: h += Σ c·g(U·h + b)·V, then the norm policy. */
export function runCompiled(
  program: CompiledProgram,
  coefficients: number[],
  row: ArrayLike<number>,
): number[] {
  let h = Array.from(row);
  for (const one of program.operations) {
    const c = kernelCoefficients(one, coefficients);
    if (c === null) continue;
    const delta = new Array<number>(one.dim).fill(0);
    const turned = one.gate === "turn" ? turnedBy(one.components, c[0] ?? 0, h) : [];
    for (const [j, { u, v, b }] of one.components.entries()) {
      const a = (u ? dot(u, h) : 0) + b;
      const gates = { constant: 1, identity: a, relu: Math.max(0, a), threshold: Number(a > 0), turn: 0 };
      const factor = one.gate === "turn" ? (turned[j] ?? 0) : (c[j] ?? 0) * gates[one.gate];
      for (let i = 0; i < one.dim; i++) delta[i] = (delta[i] ?? 0) + factor * (v[i] ?? 0);
    }
    const ratio = Math.sqrt(dot(delta, delta) / dot(h, h));
    const capped = one.normPolicy === "cap" && coefficients[one.capSlot ?? -1] !== 0;
    const factor = capped ? Math.min(1, one.cap / ratio) : 1;
    h = h.map((value, i) => value + factor * (delta[i] ?? 0));
  }
  return h;
}

/** What a turn adds along its two vectors: new less old coordinates in the plane, by angle. */
function turnedBy(
  components: CompiledProgram["operations"][number]["components"],
  c: number,
  h: number[],
): number[] {
  const [first, second, test] = components;
  if (!first || !second || (test && dot(test.u ?? [], h) + test.b <= 0)) return [0, 0];
  const [x, y] = [dot(first.u ?? [], h), dot(second.u ?? [], h)];
  const from = Math.atan2(y, x);
  const to = Math.atan2((1 - c) * Math.sin(from) + c * second.b, (1 - c) * Math.cos(from) + c * first.b);
  const r = Math.hypot(x, y);
  return [r * Math.cos(to) - x, r * Math.sin(to) - y];
}
