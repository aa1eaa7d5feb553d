/** Refuses programs whose shapes, values or operations the engine cannot carry out. */
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { MAX_OPERATIONS, MAX_PHASE_MARKERS, MAX_WINDOWS } from "../../limits.ts";
import type { Operation, Program, ProgramShape } from "./program.ts";
import { hasSite, scopeKey, siteDim, spanOf } from "./program.ts";

/** How far a vector may be from unit length, and a pair from orthogonality. */
const UNIT_TOLERANCE = 1e-3;
/** Vectors of an operation; one, if not said otherwise. */
const RANKS: Partial<Record<Operation["kind"], number>> = { cap_norm: 0, rotate: 2, rotate_to: 2 };

/**
 * Checks a program against a model.
 * @throws TrimtabError naming the operation and field at fault
 */
export function validateProgram(program: Program, shape: ProgramShape): void {
  if (program.operations.length > MAX_OPERATIONS) {
    throw new TrimtabError("TOO_LARGE", `a program has at most ${MAX_OPERATIONS} operations`, {
      field: "operations",
      limit: String(MAX_OPERATIONS),
    });
  }
  checkMarkers(program);
  const windows = new Set<string>();
  for (const [index, operation] of program.operations.entries()) {
    const field = `operations[${index}]`;
    checkOperation(operation, field, shape);
    if (spanOf(operation.scope)) windows.add(scopeKey(operation.scope));
    if (windows.size <= MAX_WINDOWS) continue;
    throw new TrimtabError("TOO_LARGE", `a program has at most ${MAX_WINDOWS} different windows`, {
      field: `${field}.scope`,
      limit: String(MAX_WINDOWS),
    });
  }
}

/** Markers that tell phases apart, and one for every phase an operation names. */
function checkMarkers({ markers = [], operations }: Program): void {
  if (markers.length > MAX_PHASE_MARKERS) {
    throw new TrimtabError("TOO_LARGE", `a program has at most ${MAX_PHASE_MARKERS} phase markers`, {
      field: "phase_markers",
      limit: String(MAX_PHASE_MARKERS),
    });
  }
  const ids = markers.map(({ openId }) => openId);
  const twice = ids.findIndex((id, index) => ids.indexOf(id) !== index);
  if (twice >= 0) {
    const field = `phase_markers[${twice}].open_id`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", "two markers open with one token", { field });
  }
  const marked = new Set<string>(["text", ...markers.map(({ phase }) => phase)]);
  for (const [index, { phases }] of operations.entries()) {
    const lacking = phases?.find((phase) => !marked.has(phase));
    if (lacking === undefined) continue;
    const field = `operations[${index}].phases`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `the program does not say how ${lacking} is told`, {
      field,
    });
  }
}

/** Checks the coefficients of a binding: one finite number an operation. */
export function validateCoefficients(coefficients: readonly number[], operations: number): void {
  if (coefficients.length !== operations) {
    throw new TrimtabError(
      "SHAPE_MISMATCH",
      `the program has ${operations} operations, ${coefficients.length} coefficients were given`,
      { field: "coefficients", limit: String(operations) },
    );
  }
  const bad = coefficients.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new TrimtabError("NON_FINITE", `coefficient ${bad} is not finite`, {
      field: `coefficients[${bad}]`,
    });
  }
}

function checkOperation(operation: Operation, field: string, shape: ProgramShape): void {
  const fail = (reason: "FIELD_OUT_OF_RANGE" | "SHAPE_MISMATCH" | "NON_FINITE", name: string, text: string) =>
    new TrimtabError(reason, `${field}.${name}: ${text}`, { field: `${field}.${name}` });
  if (!Number.isInteger(operation.layer) || operation.layer < 0 || operation.layer >= shape.layers) {
    throw fail("FIELD_OUT_OF_RANGE", "layer", `the model has layers 0 to ${shape.layers - 1}`);
  }
  if (!hasSite(operation.site, shape)) {
    throw new TrimtabError("BACKEND_CAPABILITY", `${field}: the model has no site ${operation.site}`, {
      field: `${field}.site`,
    });
  }
  const dim = siteDim(operation.site, shape);
  const rank = RANKS[operation.kind] ?? 1;
  if (operation.vectors.length !== rank * dim) {
    const text = `expected ${rank} × ${dim} values, got ${operation.vectors.length}`;
    throw fail("SHAPE_MISMATCH", "vectors", text);
  }
  for (const [name, values] of [
    ["vectors", operation.vectors],
    ["parameter", Float32Array.of(operation.parameter)],
    ["condition_vector", operation.conditionVector ?? new Float32Array()],
    ["threshold", Float32Array.of(operation.threshold)],
    ["cap", Float32Array.of(operation.cap)],
  ] as const) {
    if (!allFinite(values)) throw fail("NON_FINITE", name, "every value must be finite");
  }
  checkVectors(operation, dim, (text) => fail("FIELD_OUT_OF_RANGE", "vectors", text));
  if (operation.kind === "cap_norm" && !(operation.parameter > 0)) {
    throw fail("FIELD_OUT_OF_RANGE", "parameter", "a cap must be over 0");
  }
  if (operation.normPolicy === "cap" && !(operation.cap > 0 && operation.cap <= 10)) {
    throw fail("FIELD_OUT_OF_RANGE", "cap", "must be over 0 and at most 10");
  }
  const span = spanOf(operation.scope);
  if (span && !(span.end > span.first)) {
    const isAbsolute = operation.scope.kind === "window";
    const [end, first] = isAbsolute ? ["window_end", "window_first"] : ["answer_window.end", "first"];
    throw fail("FIELD_OUT_OF_RANGE", end, `must be over ${first}`);
  }
  if (operation.condition === "none") return;
  if (operation.conditionVector?.length !== dim) {
    throw fail("SHAPE_MISMATCH", "condition_vector", `expected ${dim} values`);
  }
  const carried =
    operation.kind === "rotate_to" ? ["above"] : operation.kind === "add" ? ["above", "relu"] : [];
  if (carried.includes(operation.condition)) return;
  const text = "conditions are available for add, and above for rotate_to";
  throw new TrimtabError("BACKEND_CAPABILITY", `${field}: ${text}`, { field: `${field}.condition` });
}

function checkVectors(operation: Operation, dim: number, fail: (text: string) => TrimtabError): void {
  if (operation.kind === "add" || operation.kind === "cap_norm") return;
  const rows = operation.vectors.length / dim;
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b <= a; b++) {
      let dot = 0;
      for (let i = 0; i < dim; i++) {
        dot += (operation.vectors[a * dim + i] ?? 0) * (operation.vectors[b * dim + i] ?? 0);
      }
      const expected = a === b ? 1 : 0;
      if (Math.abs(dot - expected) > UNIT_TOLERANCE * 2) {
        throw fail(`${operation.kind} needs unit vectors${rows > 1 ? ", orthogonal to each other" : ""}`);
      }
    }
  }
}
