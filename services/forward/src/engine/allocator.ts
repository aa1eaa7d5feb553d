/** First-fit allocator of a fixed region of the arena, for program vectors and bindings. Cost: O(free blocks). */
import { TrimtabError } from "#kit/errors.ts";

const ALIGNMENT = 64;

/** Hands out byte ranges of a region. */
export interface Allocator {
  /**
   * Reserves bytes, aligned to 64; while there is no room, others give way.
   * @param mine asked first: gives something back that is not used, or answers that there is nothing
   * @returns the address
   * @throws TrimtabError OUT_OF_MEMORY when no free block is large enough
   */
  allocate(sizeBytes: number, mine?: () => boolean): number;
  /** Adds one of those who give way. */
  sharedWith(giveWay: () => boolean): void;
  /** Gives a range back; the address must come from `allocate`. */
  free(pointer: number): void;
  /** Bytes in use. */
  readonly usedBytes: number;
}

/**
 * An allocator over [start, start + sizeBytes).
 * @param name what the region holds, for errors
 */
export function createAllocator(name: string, start: number, sizeBytes: number): Allocator {
  const base = align(start);
  const taken = new Map<number, number>();
  let blocks = [{ pointer: base, size: start + sizeBytes - base }];
  let usedBytes = 0;
  const others: (() => boolean)[] = [];
  const giveWay = (mine: () => boolean): boolean => mine() || others.some((one) => one());

  return {
    get usedBytes() {
      return usedBytes;
    },
    sharedWith: (one) => void others.push(one),
    allocate(bytes, mine = () => false) {
      const size = align(Math.max(1, bytes));
      const find = () => blocks.findIndex((block) => block.size >= size);
      while (find() < 0 && giveWay(mine));
      const index = find();
      const block = blocks[index];
      if (block === undefined) {
        throw new TrimtabError("OUT_OF_MEMORY", `no room for ${bytes} bytes of ${name}`, {
          limit: `${sizeBytes} bytes`,
        });
      }
      const rest = { pointer: block.pointer + size, size: block.size - size };
      blocks.splice(index, 1, ...(rest.size > 0 ? [rest] : []));
      taken.set(block.pointer, size);
      usedBytes += size;
      return block.pointer;
    },
    free(pointer) {
      const size = taken.get(pointer);
      if (size === undefined) throw new TrimtabError("INTERNAL", `${name}: ${pointer} is not allocated`);
      taken.delete(pointer);
      usedBytes -= size;
      blocks = merge([...blocks, { pointer, size }].sort((a, b) => a.pointer - b.pointer));
    },
  };
}

function merge(sorted: { pointer: number; size: number }[]): { pointer: number; size: number }[] {
  const merged: { pointer: number; size: number }[] = [];
  for (const block of sorted) {
    const last = merged.at(-1);
    if (last && last.pointer + last.size === block.pointer) last.size += block.size;
    else merged.push({ ...block });
  }
  return merged;
}

function align(value: number): number {
  return Math.ceil(value / ALIGNMENT) * ALIGNMENT;
}
