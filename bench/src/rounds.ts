/**
 * Interleaved rounds: in every round each contender runs each cell once, neighbours in time, so that what the machine
 * does meanwhile hits all of them; every other round runs in reverse. A contender that fails is left out from then on.
 */
import { type Cell, type Contender } from "./contender.ts";
import { rowOf, type AbsentRow, type BenchRow, type RowKey, type Rows } from "./rows.ts";

/** What the rows of a comparison have in common. */
export interface Where {
  readonly model: string;
  readonly threads: number;
  readonly rounds: number;
  /** Told what is being measured. */
  readonly onStep: (text: string) => void;
}

/** Runs all cells of `ours` beside `peers`. @throws Error when ours fails. */
export async function compare(
  ours: Contender,
  peers: readonly Contender[],
  cells: readonly Cell[],
  where: Where,
): Promise<Rows> {
  const rows: BenchRow[] = [];
  const absent: AbsentRow[] = [];
  for (const cell of cells) {
    const result = await compareCell(
      ours,
      peers.filter((peer) => peer.can(cell)),
      cell,
      where,
    );
    rows.push(...result.rows);
    absent.push(...result.absent);
  }
  return { rows, absent };
}

async function compareCell(
  ours: Contender,
  peers: readonly Contender[],
  cell: Cell,
  where: Where,
): Promise<Rows> {
  const values = new Map<Contender, number[]>([ours, ...peers].map((one) => [one, []]));
  const reasons = new Map<Contender, string>();
  where.onStep(`${cell.metric}, context ${cell.context}, batch ${cell.batch}, ${where.threads} threads`);
  for (const peer of peers) await attempt(peer, reasons, async () => peer.prepare?.(cell));
  // Round -1 warms all of them up and is not counted.
  for (let round = -1; round < where.rounds; round++) {
    const order = round % 2 === 0 ? [ours, ...peers] : [...peers.toReversed(), ours];
    for (const one of order) {
      const run = async (): Promise<void> => {
        const value = await one.measure(cell);
        if (round >= 0) values.get(one)!.push(value);
      };
      if (one === ours) await run();
      else await attempt(one, reasons, run);
    }
  }
  const key = (peer: Contender): RowKey => ({
    model: where.model,
    metric: cell.metric,
    file: peer.file,
    threads: where.threads,
    context: cell.context,
    batch: cell.batch,
    peer: peer.name,
  });
  const failed = peers.filter((peer) => reasons.has(peer));
  return {
    rows: peers
      .filter((peer) => !reasons.has(peer))
      .map((peer) =>
        rowOf(key(peer), "tokens/s", values.get(ours)!, values.get(peer)!, peer.settings?.(cell)),
      ),
    absent: failed.map((peer) => ({ ...key(peer), reason: reasons.get(peer)! })),
  };
}

async function attempt(
  peer: Contender,
  reasons: Map<Contender, string>,
  run: () => Promise<void>,
): Promise<void> {
  if (reasons.has(peer)) return;
  try {
    await run();
  } catch (error) {
    reasons.set(peer, reasonOf(error));
  }
}

/** The last line of an error, short enough for a table. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.trimEnd().split("\n").at(-1) ?? "").trim().slice(0, 200);
}
