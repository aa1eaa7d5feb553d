/** Of the last layer only what is read goes on: rows move with their queries, and the smaller batch is laid out. */
import { expect, test } from "bun:test";
import { queryBytes } from "#kernels";
import type { Pass } from "../../../services/forward/src/engine/blocks/pass.ts";
import type { Hooks } from "../../../services/forward/src/engine/hooks.ts";
import { keepRead } from "../../../services/forward/src/engine/read-rows.ts";
import type { BatchRow } from "../../../services/forward/src/engine/step.ts";
import type { Workspace } from "../../../services/forward/src/engine/workspace.ts";

const WIDTH = 8;
const HEADS = 2;
const SHAPE = { layers: 1, kvHeads: 1, headDim: 32, kind: "int8" as const };
const QUERY = queryBytes(1, HEADS, SHAPE);

/** A pass over rows that are told apart by their residuals and queries. */
function passOver(rows: number, tapped: readonly number[]): Pass {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const at = (slot: number): number => 4096 + 4096 * slot;
  const space = {
    ...{ memory, kvLayers: [{ shape: SHAPE, slot: 0 }], pageAddress: (page: number) => page },
    ...{ x: at(0), query: at(1), ids: at(3), positions: at(4), rowTables: at(5), pageTables: at(6) },
    ...{ units: at(7), unitRows: at(8), unitsBytes: 4096 },
  } as unknown as Workspace;
  for (let row = 0; row < rows; row++) {
    new Float32Array(memory.buffer, space.x + row * WIDTH * 4, WIDTH).fill(row);
    new Uint8Array(memory.buffer, space.query + row * QUERY, QUERY).fill(100 + row);
  }
  const hooks = { actsOn: (row: number) => tapped.includes(row) } as unknown as Hooks;
  const config = { width: WIDTH, heads: HEADS };
  return { space, config, rows, hooks, unitCount: 1, maxSegments: 1 } as unknown as Pass;
}

function rowAt(position: number, isRead: boolean): BatchRow {
  const table = TABLE as BatchRow["table"];
  return { id: position, position, table, heads: null, collector: null, onLogits: isRead ? () => {} : null };
}
const TABLE = { pages: [3] } as unknown;
const hooksOf = (batch: readonly BatchRow[]) => ({ rows: batch.length }) as unknown as Hooks;

test("rows whose logits or taps are read move to the front, and nothing else is computed", () => {
  const batch = [0, 1, 2, 3, 4].map((position) => rowAt(position, position === 4));
  const { pass, batch: kept } = keepRead({ pass: passOver(5, [1]), batch }, 0, hooksOf);
  expect(kept.map(({ position }) => position)).toEqual([1, 4]);
  expect(pass.rows).toBe(2);
  expect(pass.hooks).toEqual({ rows: 2 } as unknown as Hooks);
  const { buffer } = pass.space.memory;
  const x = new Float32Array(buffer, pass.space.x, 2 * WIDTH);
  expect([...x]).toEqual([...Array(WIDTH).fill(1), ...Array(WIDTH).fill(4)]);
  const query = new Uint8Array(buffer, pass.space.query, 2 * QUERY);
  expect([...query]).toEqual([...Array(QUERY).fill(101), ...Array(QUERY).fill(104)]);
  expect([...new Int32Array(buffer, pass.space.positions, 2)]).toEqual([1, 4]);
});

test("a batch all of whose rows are read stays as it is, one nobody reads has no rows left", () => {
  const all = { pass: passOver(2, []), batch: [rowAt(0, true), rowAt(1, true)] };
  expect(keepRead(all, 0, hooksOf)).toEqual(all);
  const none = { pass: passOver(2, []), batch: [rowAt(0, false), rowAt(1, false)] };
  expect(keepRead(none, 0, hooksOf).pass.rows).toBe(0);
});
