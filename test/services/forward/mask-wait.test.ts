/** Masks that are late hold up a step once, however many texts wait for theirs. */
import { expect, test } from "bun:test";
import { createCore } from "../../../services/forward/src/engine/core.ts";
import { createKvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import type { EngineEvent } from "../../../services/forward/src/engine/protocol.ts";
import { createScheduler } from "../../../services/forward/src/engine/scheduler.ts";
import type { CoreOptions } from "../../../services/forward/src/engine/state.ts";
import { MASK_WAIT_MS } from "../../../services/forward/limits.ts";
import { createCells } from "../../fault/simulation/core-cells.ts";
import { generation, opening } from "../../fault/simulation/core-commands.ts";
import { simulatedPrograms } from "../../fault/simulation/core-parts.ts";

const TEXTS = 8;
const PAGES = 64;

test("texts whose masks are late wait for them together, not one after the other", () => {
  let nowMs = 0;
  const ready: (() => void)[] = [];
  const grammars: CoreOptions["grammars"] = {
    prepare: (_grammar, _key, onDone) => onDone(null),
    begin(_grammar, _key, _stopIds, _ids, onReady) {
      ready.push(onReady);
      // Never there, however long one waits.
      const mask = (waitMs: number) => {
        nowMs += waitMs;
        return null;
      };
      return { mask, accept() {}, end() {} };
    },
    close() {},
  };
  const events: EngineEvent[] = [];
  const core = createCore({
    ...{ forward: { run: (batch) => batch.forEach(({ onLogits }) => onLogits?.(0)) ?? 0 }, grammars },
    tree: createKvTree({ pages: PAGES, ...createCells(PAGES) }),
    scheduler: createScheduler<number>({ rowBudget: 64, prefillRows: 32 }),
    ...{ sampler: {} as CoreOptions["sampler"], projections: {} as CoreOptions["projections"] },
    programs: simulatedPrograms().store,
    ...{ layers: 1, rowBudget: 64, contextTokens: 320, vocabulary: 1 << 30, pageBytes: 1 },
    ...{ cacheFormat: null, threads: () => 1, variant: "simulated" },
    emit: (event) => void events.push(event),
    wake: () => {},
    now: () => nowMs,
  });
  const constraint = { digest: "g", kind: { case: "regex", value: "a" }, field: "regex" } as const;
  for (let text = 1; text <= TEXTS; text++) {
    core.command({ ...opening(text, null, 1, 3 + text), call: 2 * text } as never);
    const plain = { ...generation(text, 4, 8), binding: null, constraint, speculation: null, parkEvery: 0 };
    core.command({ ...plain, call: 2 * text + 1 } as never);
  }
  while (core.step());
  expect(ready).toHaveLength(TEXTS);
  const beganMs = nowMs;
  for (const one of ready) one();
  core.step();
  expect(nowMs - beganMs).toBe(MASK_WAIT_MS);
  expect(events.filter(({ type }) => type === "failed")).toEqual([]);
});
