/**
 * The engine worker: owns the operators (it is compute thread 0), takes batches of commands, runs steps while there is
 * work, posts the events of each step together. Idle, it waits for a message or for the next parked deadline.
 */
import type { PlainError } from "#kit/plain-error.ts";
import { giveWay } from "#kit/turns.ts";
import type { Command, EngineEvent } from "./protocol.ts";
import type { ModelInfo, Runtime, RuntimeOptions } from "./runtime.ts";
import { createRuntime } from "./runtime.ts";
import { plainError } from "../plain-error.ts";

/** Messages to the worker. */
export type WorkerRequest =
  | { readonly type: "load"; readonly options: RuntimeOptions }
  | { readonly type: "commands"; readonly commands: readonly Command[] }
  | { readonly type: "close" };

/** Messages from the worker. */
export type WorkerReply =
  | { readonly type: "loading"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly type: "ready"; readonly model: ModelInfo }
  /** The engine cannot go on; nothing more will come. */
  | { readonly type: "broken"; readonly error: PlainError }
  | { readonly type: "events"; readonly events: readonly EngineEvent[] }
  | { readonly type: "closed" };

declare const self: Worker;

// Before the compute threads are started, which do as this one does.
giveWay();
const reply = (message: WorkerReply) => self.postMessage(message);
let outbox: EngineEvent[] = [];
let runtime: Runtime | undefined;
let running = false;
/** Whether there was ever something to do. */
let hasWork = false;
let timer: ReturnType<typeof setTimeout> | undefined;

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === "load") {
      const onProgress = (loadedBytes: number, totalBytes: number) =>
        reply({ type: "loading", loadedBytes, totalBytes });
      runtime = await createRuntime(data.options, (event) => void outbox.push(event), wake, onProgress);
      reply({ type: "ready", model: runtime.model });
      setImmediate(rehearse);
    } else if (data.type === "commands") {
      hasWork = true;
      for (const command of data.commands) runtime?.core.command(command);
      wake();
    } else {
      hasWork = true;
      await runtime?.close();
      runtime = undefined;
      clearTimeout(timer);
      reply({ type: "closed" });
    }
  } catch (error) {
    reply({ type: "broken", error: plainError(error) });
  }
};

/** The measurement at start-up, step by step until somebody wants something. */
function rehearse(): void {
  if (!hasWork && runtime?.rehearse()) setImmediate(rehearse);
}

function wake(): void {
  flush();
  if (running) return;
  running = true;
  setImmediate(turn);
}

/** One step, then back to the event loop, so that commands arrive between steps. */
function turn(): void {
  try {
    running = runtime?.core.step() ?? false;
    flush();
  } catch (error) {
    runtime = undefined;
    running = false;
    return reply({ type: "broken", error: plainError(error) });
  }
  if (running) return void setImmediate(turn);
  clearTimeout(timer);
  const deadlineMs = runtime?.core.nextDeadlineMs() ?? null;
  if (deadlineMs !== null) timer = setTimeout(wake, Math.max(1, deadlineMs - performance.now()));
}

function flush(): void {
  if (outbox.length === 0) return;
  reply({ type: "events", events: outbox });
  outbox = [];
}
