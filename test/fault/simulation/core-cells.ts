/** Keys and values of the simulated forward pass: a cell a position, whose number stands for the whole text up to it. */
import { expect } from "bun:test";
import { PAGE_TOKENS } from "../../../kernels/src/index.ts";
import type { KvTable, KvTreeOptions } from "../../../services/forward/src/engine/kv-tree.ts";
import type { Sampler } from "../../../services/forward/src/engine/sampler.ts";

/** Never computed. */
const EMPTY = -1;

/** Pages of cells, with what a KV tree needs to move them. */
export function createCells(pages: number) {
  const cells = Array.from({ length: pages }, () => new Float64Array(PAGE_TOKENS).fill(EMPTY));
  const cellsOf = (table: KvTable, position: number): Float64Array => {
    const page = table.pages[Math.floor(position / PAGE_TOKENS)];
    const found = page === undefined ? undefined : cells[page];
    if (found === undefined) throw new Error(`no page for position ${position}`);
    return found;
  };
  const tree: Pick<KvTreeOptions, "copyPage" | "clearPage"> = {
    copyPage: (from, to) => void cells[to]?.set(cells[from] ?? []),
    clearPage: (page) => void cells[page]?.fill(EMPTY),
  };
  return {
    ...tree,
    read(table: KvTable, position: number): number {
      const value = cellsOf(table, position)[position % PAGE_TOKENS] ?? EMPTY;
      expect(value).not.toBe(EMPTY);
      return value;
    },
    write(table: KvTable, position: number, value: number): void {
      cellsOf(table, position)[position % PAGE_TOKENS] = value;
    },
  };
}

/** The number of a text that ends with `id`, made of the number of the text before it; 31 bits, never `EMPTY`. */
export function chain(before: number, id: number): number {
  return (Math.imul(before ^ 0x5bd1e995, 0x01000193) + Math.imul(id + 1, 0x9e3779b1)) >>> 1;
}

const textNumber = (ids: readonly number[]): number => ids.reduce(chain, 0);

/** Text number `which` of a given length; all texts of a number begin alike, and numbers 0 and 1 share their first pages. */
export function textOf(which: number, length: number): number[] {
  const isShared = (at: number): boolean => which < 2 && at < 2 * PAGE_TOKENS;
  return Array.from({ length }, (_, at) => chain(isShared(at) ? 7 : which, at) % 50);
}

/**
 * Draws from a number: few different tokens, so that texts repeat and guesses come true. Logits of another text are a defect, and so are
 * those of a text that was changed, in a sequence that `isPlain`.
 */
export function simulatedSampler(isPlain: (sequence: number) => boolean): Sampler {
  return {
    sample(logits, ids, _promptTokens, { sequence, stream }) {
      if (isPlain(sequence)) expect(logits).toBe(textNumber(ids));
      const id = (chain(logits, Number(stream)) >>> 3) % 3;
      return { id, logprob: 0, top: [] };
    },
    score: (_logits, id) => ({ token: { id, logprob: 0, top: [] }, candidates: [] }),
  };
}
