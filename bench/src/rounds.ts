/**
 * Interleaved rounds: in every round each contender runs each cell once, neighbours in time, so that what the machine
 * does meanwhile hits all of them; every other round runs in reverse. A contender that fails is left out from then on.
 */
import { type Cell, type Contender } from "./contender.ts";
import { rowOf, type BenchRow, type RowKey, type Rows } from "./rows.ts";

/** What the rows of a comparison have in common. */
export interface Where {
  readonly model: string;
  readonly threads: number;
  readonly rounds: number;
  /** Rounds before those, which warm all of them up and are not counted. */
  readonly warmUp: number;
  /** Told what is being measured. */
  readonly onStep: (text: string) => void;
}

/** Runs a cell of `ours` beside the `peers` that can run it. @throws Error when ours fails. */
export async function compare(
  ours: Contender,
  all: readonly Contender[],
  cell: Cell,
  where: Where,
): Promise<Rows> {
  const { model, threads, rounds, warmUp, onStep } = where;
  const { metric, context, batch } = cell;
  const peers = all.filter((peer) => peer.can(cell));
  const values = new Map<Contender, number[]>([ours, ...peers].map((one) => [one, []]));
  const reasons = new Map<Contender, string>();
  onStep(`${metric}, context ${context}, batch ${batch}, ${threads} threads`);
  const fillPeer = (peer: Contender): Promise<void> => attempt(peer, reasons, async () => peer.fill?.(cell));
  await Promise.all([ours.fill?.(cell), ...peers.map(fillPeer)]);
  for (const peer of peers) await attempt(peer, reasons, async () => peer.prepare?.(cell));
  for (let round = -warmUp; round < rounds; round++) {
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
  const key = ({ name, file }: Contender): RowKey => ({
    ...{ model, metric, file, threads, context, batch, peer: name },
  });
  const rowBeside = (peer: Contender): BenchRow =>
    rowOf(key(peer), "tokens/s", values.get(ours)!, values.get(peer)!, peer.settings?.(cell));
  return {
    rows: peers.filter((peer) => !reasons.has(peer)).map(rowBeside),
    absent: [...reasons].map(([peer, reason]) => ({ ...key(peer), reason })),
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
