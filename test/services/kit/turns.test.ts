/** Turns on a taken machine: the main thread's are short, the threads it starts have the usual ones, those that compute give way. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { getPriority } from "node:os";
import { askForShortTurns } from "#kit/turns.ts";
import { isLeftOut } from "../../support/abilities.ts";

interface Thread {
  readonly isMain: boolean;
  readonly policy: number;
  readonly sliceNs: number;
}

const SHORT_NS = 400_000;
const LONG_NS = 20_000_000;
const BATCH = 3;

test("only the thread that asks has short turns, and who starts from one that gives way gives way, too", async () => {
  if (!existsSync("/proc/self/sched")) return void isLeftOut("turns", "this kernel does not show them");
  const before = getPriority();
  const isShort = askForShortTurns();
  const worker = new Worker(new URL("./turns.worker.ts", import.meta.url).href);
  const { allowed, threads } = await new Promise<{ allowed: boolean; threads: Thread[] }>(
    (resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<{ allowed: boolean; threads: Thread[] }>) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage("first");
    },
  );
  worker.terminate();
  expect(getPriority()).toBe(before);
  expect(isShort).toBe(true);
  const others = threads.filter(({ isMain }) => !isMain);
  const short = threads.filter(({ sliceNs }) => sliceNs === SHORT_NS);
  // Kernels before 6.12 take the call and know no turns.
  expect(short.map(({ isMain }) => isMain)).toEqual(short.length === 0 ? [] : [true]);
  expect(allowed).toBe(true);
  expect(threads.find(({ isMain }) => isMain)?.policy).toBe(0);
  const giving = others.filter(({ policy }) => policy === BATCH);
  expect(giving.length).toBeGreaterThanOrEqual(2);
  if (short.length > 0) expect(new Set(giving.map(({ sliceNs }) => sliceNs))).toEqual(new Set([LONG_NS]));
});
