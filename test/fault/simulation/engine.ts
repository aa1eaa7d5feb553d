/** The engine of the simulation: the real KV tree and scheduler over pages that remember whose token is in each cell. */
import { createKvTree, type KvTable, type KvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import { createScheduler, type Scheduler } from "../../../services/forward/src/engine/scheduler.ts";

/** Tokens of a page, and pages there are: few, so that memory is scarce. */
export const PAGE = 32;
export const PAGES = 20;
/** Rows of a step, and of them for prompts. */
export const ROWS = { rowBudget: 96, prefillRows: 48 };

/** What a cell of a page holds. */
export interface Cell {
  readonly tenant: number;
  readonly value: number;
}

/** A text in the tree: whose it is, its pages, and a copy to compare them with. */
export interface Written {
  readonly tenant: number;
  readonly table: KvTable;
  readonly copy: number[];
}

/** An engine's state; a crash replaces it. */
export interface SimulatedEngine<Sequence> {
  readonly tree: KvTree;
  readonly scheduler: Scheduler<number>;
  readonly sequences: Map<number, Sequence>;
  readonly pages: (Cell | undefined)[][];
}

/** An engine that holds nothing. */
export function createEngine<Sequence>(): SimulatedEngine<Sequence> {
  const pages: (Cell | undefined)[][] = Array.from({ length: PAGES }, () => []);
  const tree = createKvTree({
    pages: PAGES,
    copyPage: (from, to) => void (pages[to] = [...(pages[from] ?? [])]),
    clearPage: (page) => void (pages[page] = []),
  });
  return { tree, scheduler: createScheduler<number>(ROWS), sequences: new Map(), pages };
}

/** Begins a text with the published pages its tenant has of it; answers with the tokens found. */
export function begin({ tree }: SimulatedEngine<unknown>, tenant: number, text: readonly number[]): Written {
  const found: number[] = [];
  for (let page = 0; (page + 1) * PAGE < text.length; page++) {
    const number = tree.find(keyOf(tenant, text, page));
    if (number === undefined) break;
    found.push(number);
  }
  const table = tree.create();
  const reused = found.length * PAGE;
  tree.attach(table, 0, found, reused);
  return { tenant, table, copy: text.slice(0, reused) };
}

/** Writes the next token and publishes its page when it is full; false when there is no page for it. */
export function write({ tree, pages }: SimulatedEngine<unknown>, written: Written, value: number): boolean {
  const { tenant, table, copy } = written;
  const at = copy.length;
  if (!tree.prepare(table, at, at + 1)) return false;
  copy[at] = value;
  pages[table.pages[Math.floor(at / PAGE)]!]![at % PAGE] = { tenant, value };
  if ((at + 1) % PAGE !== 0) return true;
  const page = Math.floor(at / PAGE);
  const ids = copy.slice(page * PAGE, at + 1);
  tree.publish(table, page, keyOf(tenant, copy, page), keyOf(tenant, copy, page - 1), {
    ids,
    signatures: [],
  });
  return true;
}

/** Cells that are not what was written: pages of another tenant, or of another text, show here. */
export function strangeCells(
  { pages }: SimulatedEngine<unknown>,
  { tenant, table, copy }: Written,
): (Cell | undefined)[] {
  return copy.flatMap((value, at) => {
    const cell = pages[table.pages[Math.floor(at / PAGE)]!]![at % PAGE];
    return cell?.tenant === tenant && cell.value === value ? [] : [cell];
  });
}

/** Key of a page: whose it is, and all text up to its end. */
const keyOf = (tenant: number, text: readonly number[], page: number): string =>
  page < 0 ? "" : `${tenant}:${text.slice(0, (page + 1) * PAGE).join()}`;
