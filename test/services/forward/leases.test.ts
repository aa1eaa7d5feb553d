/** Leases of sequences: what has expired goes, and a table without leases wakes nobody. */
import { expect, test } from "bun:test";
import type { Engine } from "../../../services/forward/src/engine/client.ts";
import { createLeases } from "../../../services/forward/src/leases.ts";

const LEASE_MS = 1_000;

test("a table is swept while there is a lease, and not a moment longer", async () => {
  let nowMs = 0;
  let sweep: (() => void) | undefined;
  const freed: number[] = [];
  const call = ({ sequences }: { sequences: number[] }) => Promise.resolve(void freed.push(...sequences));
  const engine = { call } as never as Engine;
  const leases = createLeases({
    now: () => nowMs,
    every(_, again) {
      expect(sweep).toBeUndefined();
      sweep = again;
      return () => void (sweep = undefined);
    },
  });
  const add = (sequence: number) => leases.add({ engine, sequence, leaseMs: LEASE_MS });
  expect(sweep).toBeUndefined();
  for (let round = 0; round < 2; round++) {
    add(1);
    nowMs += LEASE_MS / 2;
    const name = add(2);
    nowMs += LEASE_MS / 2;
    sweep?.();
    expect(freed.splice(0)).toEqual([1]);
    await leases.release(engine, [name]);
    expect(freed.splice(0)).toEqual([2]);
    expect(sweep).toBeUndefined();
  }
  add(3);
  leases.close();
  expect([freed, sweep]).toEqual([[3], undefined]);
});
