/**
 * What a browser's main thread works a frame, in processor time, from a trace: everything it runs between one frame and the next, scripts,
 * layout and painting alike. A frame in which it does nothing does not count.
 */
import type { Browser, Page } from "playwright-core";

const US_PER_MS = 1_000;
/** Tasks, and the frames among them. */
const CATEGORIES = [
  "__metadata",
  "disabled-by-default-devtools.timeline",
  "disabled-by-default-devtools.timeline.frame",
];
const TASK = "RunTask";
const FRAME = "BeginMainThreadFrame";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  /** Processor time, where the trace has it: a busy machine does not count. */
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string };
}

/** Runs `act` under a trace; milliseconds of work of each frame, in order. */
export async function frameWork(browser: Browser, page: Page, act: () => Promise<void>): Promise<number[]> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    readonly traceEvents: readonly TraceEvent[];
  };
  return workOf(traceEvents);
}

function workOf(events: readonly TraceEvent[]): number[] {
  const threads = events
    .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
    .map(keyOf);
  const main = threads.find((thread) =>
    events.some((event) => event.name === FRAME && keyOf(event) === thread),
  );
  if (main === undefined) throw new Error("the trace has no frames");
  const own = events.filter((event) => keyOf(event) === main).sort((a, b) => a.ts - b.ts);
  const frames: number[] = [];
  let work = 0;
  let hasFrame = false;
  let end = 0;
  for (const { name, ph, ts, dur = 0, tdur = dur } of own) {
    if (name === FRAME) {
      // The task that holds the frame began before this event and counts to the frame.
      hasFrame = true;
      continue;
    }
    // Tasks do not nest, but a trace may tell of one twice.
    if (ph !== "X" || name !== TASK || ts < end) continue;
    if (hasFrame) frames.push(work / US_PER_MS);
    if (hasFrame) [work, hasFrame] = [0, false];
    work += tdur;
    end = ts + dur;
  }
  return frames.filter((ms) => ms > 0);
}

const keyOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
