/**
 * Programs in the arena. `put` compiles a program and uploads its vectors once; `bind` joins it with coefficients into
 * the records the kernel walks: for every site, layer and set of acting scopes a chain of instances. Bindings are
 * reference-counted (forks share them); programs nobody uses leave, oldest first, when room is needed.
 */
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import type { Pointer } from "#kernels";
import { MAX_PROGRAMS } from "../../limits.ts";
import type { CompiledOperation } from "../programs/compile.ts";
import { compileProgram } from "../programs/compile.ts";
import type { PhaseMarker, Program, ProgramShape } from "../programs/program.ts";
import { validateCoefficients } from "../programs/validate.ts";
import type { Allocator } from "./allocator.ts";
import type { BoundProgram, UploadedOperation } from "./binding.ts";
import { createBinding } from "./binding.ts";
import type { Binding } from "./protocol.ts";

/** Stored programs of one engine. */
export interface ProgramStore {
  /** Compiles and uploads; storing a digest again is free. */
  put(digest: string, program: Program): void;
  /**
   * Joins a program with coefficients; release the result when done.
   * @throws TrimtabError PROGRAM_NOT_FOUND, SHAPE_MISMATCH, NON_FINITE, OUT_OF_MEMORY
   */
  bind(binding: Binding): BoundProgram;
  /** Whether the program acts on prompt tokens before the last one, and from which position. */
  promptStart(digest: string): number | null;
  readonly size: number;
  readonly usedBytes: number;
}

interface Entry {
  readonly operations: readonly UploadedOperation[];
  readonly slots: number;
  readonly markers: readonly PhaseMarker[];
  readonly pointers: readonly Pointer[];
  uses: number;
}

/** Stored programs in order of their last use; those nobody uses make room for others, oldest first. */
function createEntries(allocator: Allocator) {
  const entries = new Map<string, Entry>();
  const evictOne = (): boolean => {
    for (const [digest, entry] of entries) {
      if (entry.uses > 0) continue;
      entries.delete(digest);
      for (const pointer of entry.pointers) allocator.free(pointer);
      return true;
    }
    return false;
  };
  allocator.sharedWith(evictOne);
  return {
    entries,
    evictOne,
    allocate: (sizeBytes: number): Pointer => allocator.allocate(sizeBytes, evictOne),
    find(digest: string): Entry {
      const entry = entries.get(digest);
      if (!entry) throw new TrimtabError("PROGRAM_NOT_FOUND", `no program ${quoted(digest)} is stored here`);
      entries.delete(digest);
      entries.set(digest, entry);
      return entry;
    },
  };
}

/** An empty store whose vectors and records live in `allocator`'s region of `memory`. */
export function createProgramStore(
  memory: WebAssembly.Memory,
  allocator: Allocator,
  shape: ProgramShape,
): ProgramStore {
  const { entries, evictOne, allocate, find } = createEntries(allocator);

  return {
    get size() {
      return entries.size;
    },
    get usedBytes() {
      return allocator.usedBytes;
    },
    put(digest, program) {
      if (entries.has(digest)) return void find(digest);
      const compiled = compileProgram(program, shape);
      if (entries.size >= MAX_PROGRAMS && !evictOne()) {
        throw new TrimtabError("OUT_OF_MEMORY", "every stored program is in use", {
          limit: String(MAX_PROGRAMS),
        });
      }
      const pointers: Pointer[] = [];
      try {
        const operations = compiled.operations.map((operation) =>
          upload(operation, memory, allocate, pointers),
        );
        const { slots, markers } = compiled;
        entries.set(digest, { operations, slots, markers, pointers, uses: 0 });
      } catch (error) {
        for (const pointer of pointers) allocator.free(pointer);
        throw error;
      }
    },
    bind({ digest, coefficients }) {
      const entry = find(digest);
      validateCoefficients(coefficients, entry.slots);
      entry.uses++;
      try {
        return createBinding({
          memory,
          allocate,
          free: (pointer) => allocator.free(pointer),
          shape,
          digest,
          operations: entry.operations,
          slots: entry.slots,
          markers: entry.markers,
          coefficients,
          onRelease: () => void entry.uses--,
        });
      } catch (error) {
        entry.uses--;
        throw error;
      }
    },
    promptStart(digest) {
      const starts = find(digest).operations.map(({ operation: { scope } }) =>
        scope.kind === "prompt" ? 0 : scope.kind === "window" ? scope.first : Number.POSITIVE_INFINITY,
      );
      const start = Math.min(Number.POSITIVE_INFINITY, ...starts);
      return Number.isFinite(start) ? start : null;
    },
  };
}

/** Writes U, V and b of an operation into the arena; a U shared with V is stored once. */
function upload(
  operation: CompiledOperation,
  memory: WebAssembly.Memory,
  allocate: (sizeBytes: number) => Pointer,
  pointers: Pointer[],
): UploadedOperation {
  const { components, dim } = operation;
  const write = (row: (index: number) => Float32Array | number | null, width: number): Pointer => {
    const pointer = allocate(components.length * width * 4);
    pointers.push(pointer);
    const target = new Float32Array(memory.buffer, pointer, components.length * width).fill(0);
    for (let index = 0; index < components.length; index++) {
      const value = row(index);
      if (typeof value === "number") target[index * width] = value;
      else if (value) target.set(value, index * width);
    }
    return pointer;
  };
  const v = write((index) => components[index]?.v ?? null, dim);
  const same = components.every((component) => component.u === component.v);
  const u =
    operation.gate === "constant" ? 0 : same ? v : write((index) => components[index]?.u ?? null, dim);
  const b = components.some((component) => component.b !== 0)
    ? write((index) => components[index]?.b ?? 0, 1)
    : 0;
  return { operation, u, v, b };
}
