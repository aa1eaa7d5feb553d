/**
 * A program joined with the coefficients of one request: operation, coefficient, proof and instance records in the
 * arena. Operations whose coefficients are all zero get no instance, so they cost nothing and change no bit.
 */
import { createHash } from "node:crypto";
import type { Pointer } from "#kernels";
import { programLayout, readProof, writeInstance, writeOperation } from "#kernels";
import type { CompiledOperation } from "../programs/compile.ts";
import { kernelCoefficients } from "../programs/compile.ts";
import type { Mask, PhaseMarker, ProgramShape } from "../programs/program.ts";
import { covers, phaseTeller, SITES } from "../programs/program.ts";
import { validateCoefficients } from "../programs/validate.ts";
import type { ProofRow } from "./protocol.ts";

/** A compiled operation whose vectors lie in the arena. */
export interface UploadedOperation {
  readonly operation: CompiledOperation;
  readonly u: Pointer;
  readonly v: Pointer;
  readonly b: Pointer;
}

/** Heads of instance chains, at [site index · layers + layer]; 0 = nothing acts. */
export type ChainHeads = Uint32Array;

/** Where a row is in its sequence. */
export interface RowPlace {
  readonly position: number;
  readonly promptTokens: number;
  /** Ids of the sequence, up to the row's own at least. */
  readonly ids: ArrayLike<number>;
}

/** A program acting on the rows of one or more sequences. */
export interface BoundProgram {
  /** The chains for a row; null when nothing acts there. */
  heads(row: RowPlace): ChainHeads | null;
  /** Names the operations acting on that row with their coefficients, equal only for equal effects; "" for none. */
  signature(row: RowPlace): string;
  /** New coefficients for the rows to come; proofs go on counting. */
  update(coefficients: readonly number[]): void;
  /** What the kernel recorded so far, a row an acting site and layer. */
  proof(): ProofRow[];
  retain(): BoundProgram;
  release(): void;
}

/** What a binding needs. */
export interface BindingOptions {
  readonly memory: WebAssembly.Memory;
  readonly allocate: (sizeBytes: number) => Pointer;
  readonly free: (pointer: Pointer) => void;
  readonly shape: ProgramShape;
  /** Digest of the program, which names its operations. */
  readonly digest: string;
  readonly operations: readonly UploadedOperation[];
  readonly markers: readonly PhaseMarker[];
  readonly slots: number;
  readonly coefficients: readonly number[];
  readonly onRelease: () => void;
}

interface Acting {
  readonly compiled: CompiledOperation;
  /** Index of the operation, its coefficients to the bit, and whether its cap is on. */
  readonly identity: string;
  readonly record: Pointer;
  readonly coefficients: Pointer;
}

/** What acts on the rows that the same scopes cover. */
interface Chain {
  readonly heads: ChainHeads;
  readonly signature: string;
  /** A record for every operation of the chain. */
  readonly proofs: readonly { readonly compiled: CompiledOperation; readonly proof: Pointer }[];
}

/** Creates a binding; with coefficients of zero it holds no record and `heads` answers null everywhere. */
export function createBinding(options: BindingOptions): BoundProgram {
  let state = build(options, options.coefficients);
  let references = 1;
  let earlier: ProofRow[] = [];
  const binding: BoundProgram = {
    heads: (row) => state.heads(row),
    signature: (row) => state.signature(row),
    update(coefficients) {
      validateCoefficients(coefficients, options.slots);
      const next = build(options, coefficients);
      earlier = mergeProofs(earlier, state.proof());
      state.free();
      state = next;
    },
    proof: () => mergeProofs(earlier, state.proof()),
    retain() {
      references++;
      return binding;
    },
    release() {
      references--;
      if (references > 0) return;
      state.free();
      options.onRelease();
    },
  };
  return binding;
}

/** Adds up proofs of the same site and layer. */
export function mergeProofs(a: readonly ProofRow[], b: readonly ProofRow[]): ProofRow[] {
  const merged = new Map<string, ProofRow>();
  for (const row of [...a, ...b]) {
    const key = `${row.site} ${row.layer}`;
    const before = merged.get(key);
    merged.set(
      key,
      before === undefined
        ? row
        : {
            ...row,
            rows: before.rows + row.rows,
            sum: before.sum + row.sum,
            max: Math.max(before.max, row.max),
          },
    );
  }
  return [...merged.values()].sort(
    (x, y) => x.layer - y.layer || SITES.indexOf(x.site) - SITES.indexOf(y.site),
  );
}

function build(options: BindingOptions, coefficients: readonly number[]) {
  const { memory } = options;
  const pointers: Pointer[] = [];
  const allocate = (sizeBytes: number): Pointer => {
    const pointer = options.allocate(sizeBytes);
    pointers.push(pointer);
    new Uint8Array(memory.buffer, pointer, sizeBytes).fill(0);
    return pointer;
  };
  const free = (): void => {
    for (const pointer of pointers.splice(0)) options.free(pointer);
  };
  try {
    const acting: Acting[] = [];
    for (const [index, uploaded] of options.operations.entries()) {
      const one = place(uploaded, index, coefficients, memory, allocate);
      if (one) acting.push(one);
    }
    return { free, ...chainCache(acting, options, allocate) };
  } catch (error) {
    free();
    throw error;
  }
}

function place(
  uploaded: UploadedOperation,
  index: number,
  coefficients: readonly number[],
  memory: WebAssembly.Memory,
  allocate: (sizeBytes: number) => Pointer,
): Acting | null {
  const { operation, u, v, b } = uploaded;
  const values = kernelCoefficients(operation, coefficients);
  if (values === null) return null;
  const capped = operation.capSlot === null || coefficients[operation.capSlot] !== 0;
  const record = allocate(programLayout.operationBytes);
  writeOperation(memory, record, {
    rank: values.length,
    dim: operation.dim,
    u,
    v,
    b,
    gate: operation.gate,
    normPolicy: capped ? operation.normPolicy : "none",
    cap: operation.cap,
  });
  const coefficientsPointer = allocate(values.length * 4);
  new Float32Array(memory.buffer, coefficientsPointer, values.length).set(values);
  const identity = `${index} ${Buffer.from(values.buffer).toString("base64")} ${capped}`;
  return { compiled: operation, identity, record, coefficients: coefficientsPointer };
}

/** Chains by the set of operations that act on a row; built when first met. */
function chainCache(
  acting: readonly Acting[],
  { memory, shape, digest, markers }: BindingOptions,
  allocate: (sizeBytes: number) => Pointer,
): Pick<BoundProgram, "heads" | "signature" | "proof"> {
  const cache = new Map<string, Chain | null>();
  const masks: readonly Mask[] = acting.map(({ compiled }) => compiled);
  // Where no mask names phases, none has to be told.
  const phaseAt = phaseTeller(masks.some(({ phases }) => phases !== undefined) ? markers : []);
  const chainAt = ({ position, promptTokens, ids }: RowPlace): Chain | null => {
    const phase = phaseAt(ids, position);
    const acts = ({ scope, phases }: Mask) =>
      covers(scope, position, promptTokens) && (phases?.includes(phase) ?? true);
    const covered = masks.map((mask) => (acts(mask) ? "1" : "0")).join("");
    let chain = cache.get(covered);
    if (chain === undefined) {
      const chosen = acting.filter((_, index) => covered[index] === "1");
      const signature = sign(digest, chosen);
      chain = chosen.length === 0 ? null : { ...link(chosen, memory, shape, allocate), signature };
      cache.set(covered, chain);
    }
    return chain;
  };
  return {
    heads: (row) => chainAt(row)?.heads ?? null,
    signature: (row) => chainAt(row)?.signature ?? "",
    // Chains act on rows of their own, so their counts add up.
    proof: () =>
      [...cache.values()].reduce<ProofRow[]>(
        (sum, chain) => (chain ? mergeProofs(sum, read(chain, memory)) : sum),
        [],
      ),
  };
}

function sign(digest: string, chosen: readonly Acting[]): string {
  const hash = createHash("sha256").update(digest);
  for (const { identity } of chosen) hash.update(`\n${identity}`);
  return hash.digest("base64");
}

function link(
  chosen: readonly Acting[],
  memory: WebAssembly.Memory,
  shape: ProgramShape,
  allocate: (sizeBytes: number) => Pointer,
): Omit<Chain, "signature"> {
  const heads = new Uint32Array(SITES.length * shape.layers);
  const proofs: Chain["proofs"][number][] = [];
  for (const { compiled, record, coefficients } of chosen.toReversed()) {
    const place = SITES.indexOf(compiled.site) * shape.layers + compiled.layer;
    const proof = allocate(programLayout.proofBytes);
    const instance = allocate(programLayout.instanceBytes);
    writeInstance(memory, instance, { operation: record, coefficients, proof, next: heads[place] ?? 0 });
    heads[place] = instance;
    proofs.push({ compiled, proof });
  }
  return { heads, proofs };
}

/** Operations that follow each other on the same rows count as one: their changes add up, the rows do not. */
function read({ proofs }: Chain, memory: WebAssembly.Memory): ProofRow[] {
  const rows = new Map<string, ProofRow>();
  for (const { compiled, proof } of proofs) {
    const { count, sum, max } = readProof(memory, proof);
    if (count === 0) continue;
    const key = `${compiled.site} ${compiled.layer}`;
    const { site, layer } = compiled;
    const before = rows.get(key) ?? { site, layer, rows: 0, sum: 0, max: 0 };
    rows.set(key, {
      site,
      layer,
      rows: Math.max(before.rows, count),
      sum: before.sum + sum,
      max: before.max + max,
    });
  }
  return [...rows.values()];
}
