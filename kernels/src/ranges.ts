/**
 * Ranges of the arena that a call reads and writes: within it, of whole floats, and what is written is not half of what is read.
 * What lies in the arena (ids, page tables, units) is trusted: a look at it would cost a pass. Cost: some ten nanoseconds a call.
 */
import { ARENA_START } from "../assembly/layout.ts";
import { KernelError } from "./errors.ts";
import type { Pointer } from "./types.ts";

const ALIGNMENT = 4;

/** Checks of one arena. */
export interface Ranges {
  /** @throws KernelError FIELD_OUT_OF_RANGE unless the bytes lie in the arena, behind the kernels' own part */
  check(pointer: Pointer, bytes: number): void;
  /** The same for both; in place means in the very same one. @throws KernelError also when they overlap otherwise */
  checkPair(from: Pointer, fromBytes: number, to: Pointer, toBytes: number): void;
}

/** The arena never grows: its end is asked for once. */
export function createRanges(memory: WebAssembly.Memory): Ranges {
  const end = memory.buffer.byteLength;
  const check = (pointer: Pointer, bytes: number): void => {
    // Written so that no comparison is true for what is not a number.
    if (pointer >= ARENA_START && pointer + bytes <= end && pointer % ALIGNMENT === 0) return;
    throw new KernelError(
      "FIELD_OUT_OF_RANGE",
      `${bytes} bytes at ${pointer}: not in the arena, or not aligned`,
    );
  };
  return {
    check,
    checkPair(from, fromBytes, to, toBytes) {
      check(from, fromBytes);
      check(to, toBytes);
      const isApart = from + fromBytes <= to || to + toBytes <= from;
      if (isApart || (from === to && fromBytes === toBytes)) return;
      throw new KernelError(
        "FIELD_OUT_OF_RANGE",
        `what is written at ${to} overlaps what is read at ${from}`,
      );
    },
  };
}
