/**
 * What a batch looks like to the kernels: ids, positions, page tables and attention units, written into the workspace.
 *
 * A unit is one absolute segment of 256 positions with the rows that look at it. Sequences whose pages of a segment are
 * the same (branches of one prefix, requests that hit the cache) share its unit, so that its keys and values are read
 * once a step for all of them. A segment of which only some pages are shared stays apart for every sequence: its
 * partial result is one softmax over all its tokens. Cost: O(pages of the batch).
 */
import { PAGE_TOKENS, SEGMENT_TOKENS, unitBytes, writeUnits } from "#kernels";
import type { BatchRow } from "./step.ts";
import type { Workspace } from "./workspace.ts";

const SEGMENT_PAGES = SEGMENT_TOKENS / PAGE_TOKENS;

/** The attention work of a batch. */
export interface Layout {
  readonly unitCount: number;
  readonly maxSegments: number;
  /** Pages whose keys and values one layer reads for this batch, each unit's once. */
  readonly pagesRead: number;
}

/** Consecutive rows of one table, and where its page addresses were written. */
interface Run {
  readonly first: number;
  readonly end: number;
  readonly pages: readonly number[];
  readonly pageTable: number;
  readonly lastPosition: number;
}

interface Draft {
  readonly segment: number;
  /** The run whose page table the unit reads; the other runs have the same pages here. */
  readonly of: Run;
  readonly rows: number[];
}

/** Lays a batch out. @throws RangeError when the plan has no room for its units */
export function layOut(batch: readonly BatchRow[], space: Workspace): Layout {
  const { buffer } = space.memory;
  new Int32Array(buffer, space.ids, batch.length).set(batch.map(({ id }) => id));
  new Int32Array(buffer, space.positions, batch.length).set(batch.map(({ position }) => position));
  const drafts: Draft[] = [];
  const found = new Map<number, Draft[]>();
  let maxSegments = 1;
  for (const run of writeTables(batch, space)) {
    const segments = Math.floor(run.lastPosition / SEGMENT_TOKENS) + 1;
    maxSegments = Math.max(maxSegments, segments);
    for (let segment = 0; segment < segments; segment++) {
      const draft = unitOf(found, drafts, run, segment);
      // Rows ascend in position, so those that look at this segment are the last ones of the run.
      for (let row = run.first; row < run.end; row++) {
        if ((batch[row]?.position ?? 0) >= segment * SEGMENT_TOKENS) draft.rows.push(row);
      }
    }
  }
  writeDrafts(drafts, space);
  return {
    unitCount: drafts.length,
    maxSegments,
    pagesRead: drafts.reduce((sum, one) => sum + reads(one), 0),
  };
}

/** Writes the page addresses of every table of the batch; answers its runs of rows. */
function writeTables(batch: readonly BatchRow[], space: Workspace): Run[] {
  const { buffer } = space.memory;
  const rowTables = new Uint32Array(buffer, space.rowTables, batch.length);
  const runs: Run[] = [];
  let pageTable = space.pageTables;
  for (let first = 0; first < batch.length;) {
    const table = batch[first]?.table;
    let end = first + 1;
    while (end < batch.length && batch[end]?.table === table) end++;
    const lastPosition = batch[end - 1]?.position ?? 0;
    const count = Math.floor(lastPosition / PAGE_TOKENS) + 1;
    const pages = table?.pages ?? [];
    const addresses = new Uint32Array(buffer, pageTable, count);
    for (let page = 0; page < count; page++) addresses[page] = space.pageAddress(pages[page] ?? 0);
    rowTables.fill(pageTable, first, end);
    runs.push({ first, end, pages, pageTable, lastPosition });
    pageTable += count * 4;
    first = end;
  }
  return runs;
}

/** The unit of a run's segment: an earlier one over the same pages, or a new one. */
function unitOf(found: Map<number, Draft[]>, drafts: Draft[], run: Run, segment: number): Draft {
  const from = segment * SEGMENT_PAGES;
  const hash = run.pages[from] ?? 0;
  const candidates = found.get(hash);
  const same = candidates?.find((draft) => draft.segment === segment && samePages(draft.of, run, from));
  if (same) return same;
  const draft: Draft = { segment, of: run, rows: [] };
  drafts.push(draft);
  if (candidates) candidates.push(draft);
  else found.set(hash, [draft]);
  return draft;
}

/** Whether two runs read the same pages of the segment that begins at page `from`, and equally many. */
function samePages(a: Run, b: Run, from: number): boolean {
  if (pagesOf(a, from) !== pagesOf(b, from)) return false;
  const end = from + pagesOf(a, from);
  // Pages differ, if at all, at the end: a page is shared only together with those before it.
  for (let page = end - 1; page >= from; page--) if (a.pages[page] !== b.pages[page]) return false;
  return true;
}

function pagesOf({ lastPosition }: Run, from: number): number {
  return Math.min(SEGMENT_PAGES, Math.floor(lastPosition / PAGE_TOKENS) + 1 - from);
}

const reads = ({ of, segment }: Draft): number => pagesOf(of, segment * SEGMENT_PAGES);

function writeDrafts(drafts: readonly Draft[], space: Workspace): void {
  if (drafts.length * unitBytes > space.unitsBytes) throw new RangeError("more attention units than planned");
  let rows = space.unitRows;
  const units = drafts.map((draft) => {
    const unit = { segment: draft.segment, pageTable: draft.of.pageTable, rows, rowCount: draft.rows.length };
    new Int32Array(space.memory.buffer, rows, draft.rows.length).set(draft.rows);
    rows += draft.rows.length * 4;
    return unit;
  });
  writeUnits(space.memory, space.units, units);
}
