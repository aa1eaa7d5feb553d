/**
 * A grammar thread as the engine sees it: jobs in, answers out, and an end for whoever takes too long. A thread that
 * breaks is gone; the next job starts a new one. Cost: a look every 100 ms while it works, nothing when idle.
 */
import { TrimtabError } from "#kit/errors.ts";
import { GRAMMAR_JOB_MS, GRAMMAR_START_MS } from "../../limits.ts";
import type { GrammarReply, GrammarRequest, GrammarWork, TokenSource } from "./messages.ts";
import { FINISHED, UNDER_WAY } from "./messages.ts";
import { refusal, tookLonger } from "./refusals.ts";

/** A thread. */
export interface GrammarThread {
  /** Gives it a job. */
  send(work: GrammarWork): void;
  close(): void;
}

/** Where its answers go. */
export interface GrammarThreadListener {
  readonly onCompiled?: (work: GrammarWork) => void;
  /** A mask somebody waits for is there. */
  readonly onReady?: (matcher: number) => void;
  /** The thread is gone, and with it all it held and had to do. `work` is at fault; undefined if it had nothing to do. */
  readonly onBroken: (work: GrammarWork | undefined, error: TrimtabError) => void;
}

interface Running {
  readonly worker: Worker;
  readonly progress: Int32Array;
  /** By job number, oldest first. */
  readonly unfinished: Map<number, GrammarWork>;
}

const LOOK_MS = 100;

/** A thread not yet started. */
export function createGrammarThread(
  tokens: TokenSource,
  { onCompiled, onReady, onBroken }: GrammarThreadListener,
  { program = new URL("./grammar.worker.ts", import.meta.url), startMs = GRAMMAR_START_MS } = {},
): GrammarThread {
  let running: Running | undefined;
  let lastJob = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  let watched = 0;
  let sinceMs = 0;

  const close = (): void => {
    running?.worker.terminate();
    running = undefined;
    clearInterval(timer);
    timer = undefined;
  };
  const end = (from: Running, job: number, error: TrimtabError): void => {
    if (running !== from) return;
    close();
    onBroken(from.unfinished.get(job), error);
  };
  const post = (to: Running, work: GrammarWork): void => {
    const finished = Atomics.load(to.progress, FINISHED);
    for (const job of to.unfinished.keys()) {
      if (job > finished) break;
      // What is answered goes with its answer.
      if (to.unfinished.get(job)?.type !== "compile") to.unfinished.delete(job);
    }
    to.unfinished.set(++lastJob, work);
    to.worker.postMessage({ ...work, job: lastJob } satisfies GrammarRequest);
  };
  const start = (): Running => {
    const worker = new Worker(program.href, { type: "module" });
    worker.unref();
    const progress = new SharedArrayBuffer(8);
    const started: Running = { worker, progress: new Int32Array(progress), unfinished: new Map() };
    started.progress[FINISHED] = lastJob;
    worker.onmessage = ({ data }: MessageEvent<GrammarReply>) => {
      if (data.type === "ready") return void onReady?.(data.matcher);
      const work = started.unfinished.get(data.job);
      if (data.type === "broken") {
        const reason = work?.type === "start" ? "BACKEND_CAPABILITY" : "INVALID_ARGUMENT";
        return end(started, data.job, refusal(reason, data.message, fieldOf(work)));
      }
      started.unfinished.delete(data.job);
      if (work && running === started) onCompiled?.(work);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const cause = event.message;
      end(
        started,
        jobOf(started),
        new TrimtabError("SERVICE_UNAVAILABLE", "the grammar thread ended", { cause }),
      );
    };
    post(started, { type: "start", progress, tokens });
    return started;
  };
  /** Looks whether the job under way is still the same. */
  const look = (): void => {
    if (!running) return;
    const finished = Atomics.load(running.progress, FINISHED);
    if (finished === lastJob) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const job = jobOf(running);
    if (job !== watched) {
      watched = job;
      sinceMs = performance.now();
    }
    const limitMs = running.unfinished.get(job)?.type === "start" ? startMs : GRAMMAR_JOB_MS;
    if (performance.now() - sinceMs < limitMs) return;
    end(running, job, tookLonger(limitMs, fieldOf(running.unfinished.get(job))));
  };

  return {
    send(work) {
      running ??= start();
      if (timer === undefined) {
        watched = 0;
        timer = setInterval(look, LOOK_MS);
        timer.unref();
      }
      post(running, work);
    },
    close,
  };
}

/** The job under way. Between two jobs it is the next one: so is the start of a thread that the system does not give. */
function jobOf({ progress }: Running): number {
  return Atomics.load(progress, UNDER_WAY) || Atomics.load(progress, FINISHED) + 1;
}

function fieldOf(work: GrammarWork | undefined): string {
  return work && "grammar" in work ? work.grammar.field : "constraint";
}
