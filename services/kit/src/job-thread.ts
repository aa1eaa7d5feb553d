/**
 * A thread that does jobs, one at a time, in the order they are given. A job that takes too long or takes the thread down fails alone: those
 * behind it are done by a new one. One that does not start fails all that wait. Cost: 20 to 50 ms to start, and what its program imports.
 */
import { TrimtabError } from "./errors.ts";
import { fromPlain, type PlainError, toPlain } from "./plain-error.ts";
import { threadPath } from "./process-time.ts";

/** A thread. */
export interface JobThread<Job, Made> {
  /**
   * Has a job done; `watch` sees that it does not take too long.
   * @throws TrimtabError what the job or the start was refused with; SERVICE_UNAVAILABLE if the thread ends or does not start; that of `watch`
   */
  run(job: Job, watch?: JobWatch): Promise<Made>;
  /** Ends the thread: jobs not done, and those that come later, fail with `reason`. */
  close(reason: unknown): void;
}

/** Watches a job from when the thread gets it; answers with the way to stop. `path`: of the thread, see `startThreadClock`. */
export type JobWatch = (giveUp: (error: TrimtabError) => void, path: string | undefined) => () => void;

/** What the thread does, for errors ("hashes a model"), its limit to start, and what it is told before its first job. */
export interface JobThreadOptions {
  readonly what: string;
  readonly startMs: number;
  readonly setup?: unknown;
}

/** What a thread says: that it has started, or how a job ended; after a job that is not `sound` it is not to be trusted. */
type Said<Made> =
  | { readonly path: string | undefined }
  | { readonly made: Made }
  | { readonly refused: PlainError; readonly sound: boolean };

/** A thread of a program that calls {@link doJobs}. */
export function createJobThread<Job, Made>(
  program: URL,
  { what, startMs, setup = null }: JobThreadOptions,
): JobThread<Job, Made> {
  /** While the thread works, it is at the first. */
  const asked: (PromiseWithResolvers<Made> & { readonly job: Job; readonly watch: JobWatch | undefined })[] =
    [];
  let worker: Worker | undefined;
  let state: "starting" | "idle" | "working" = "idle";
  let path: string | undefined;
  let closed: { readonly reason: unknown } | undefined;
  let stopWatching = (): void => {};

  const end = (reason: unknown, failing = { starting: asked.length, working: 1, idle: 0 }[state]): void => {
    stopWatching();
    worker?.unref();
    worker?.terminate();
    worker = undefined;
    for (const { reject } of asked.splice(0, failing)) reject(reason);
    next();
  };
  const lose = (lost: Worker, error: TrimtabError): void => void (worker === lost && end(error));
  const hear = (from: Worker, said: Said<Made>): void => {
    if (worker !== from) return;
    if ("refused" in said && !(said.sound && state === "working")) return lose(from, fromPlain(said.refused));
    stopWatching();
    if ("path" in said) path = said.path;
    else if ("made" in said) asked.shift()?.resolve(said.made);
    else asked.shift()?.reject(fromPlain(said.refused));
    state = "idle";
    // Idle, it keeps no process alive.
    from.unref();
    next();
  };
  const start = (): void => {
    const started = new Worker(program);
    const ended = (how: string, context = {}) =>
      lose(started, new TrimtabError("SERVICE_UNAVAILABLE", `the thread that ${what} ${how}`, context));
    const timer = setTimeout(() => ended("did not start in time", { limit: `${startMs} ms` }), startMs);
    stopWatching = () => clearTimeout(timer);
    started.onmessage = ({ data }: MessageEvent<Said<Made>>) => hear(started, data);
    started.onerror = (event) => {
      event.preventDefault();
      ended("ended", { cause: event.message });
    };
    started.addEventListener("close", () => ended("ended"));
    started.postMessage(setup);
    worker = started;
    state = "starting";
  };
  const next = (): void => {
    const [first] = asked;
    if (!first) return;
    if (!worker) return start();
    if (state !== "idle") return;
    const at = worker;
    state = "working";
    at.ref();
    stopWatching = first.watch?.((error) => lose(at, error), path) ?? (() => {});
    at.postMessage(first.job);
  };
  return {
    run(job, watch) {
      if (closed) return Promise.reject(closed.reason);
      const one = { ...Promise.withResolvers<Made>(), job, watch };
      asked.push(one);
      next();
      return one.promise;
    },
    close(reason) {
      closed = { reason };
      end(reason, asked.length);
    },
  };
}

/** Has one job done by a thread that ends with it; when the signal aborts, at once, with its reason. @throws as {@link JobThread.run} */
export async function runInThread<Job, Made>(
  program: URL,
  job: Job,
  { signal, ...options }: JobThreadOptions & { readonly signal?: AbortSignal },
): Promise<Made> {
  signal?.throwIfAborted();
  const thread = createJobThread<Job, Made>(program, options);
  const leave = (): void => thread.close(signal?.reason);
  signal?.addEventListener("abort", leave, { once: true });
  return thread.run(job).finally(() => {
    signal?.removeEventListener("abort", leave);
    thread.close(undefined);
  });
}

/**
 * What a thread does: `start` with what it is told first, and with every job what that answers. A job refused with a typed error leaves
 * the thread as it is; anything else ends it, and `explain` says what that is called outside.
 */
export function doJobs<Setup, Job, Made>(
  thread: Worker,
  start: (setup: Setup) => (job: Job) => Made | Promise<Made>,
  explain: (error: unknown, job: Job) => PlainError = (error) => toPlain(error),
): void {
  let work: ReturnType<typeof start> | undefined;
  const answer = async (data: Setup | Job): Promise<Said<Made>> => {
    try {
      if (work) return { made: await work(data as Job) };
      work = start(data as Setup);
      return { path: threadPath() };
    } catch (error) {
      const sound = error instanceof TrimtabError;
      return { refused: sound ? toPlain(error) : explain(error, data as Job), sound };
    }
  };
  thread.onmessage = async ({ data }: MessageEvent<Setup | Job>) => thread.postMessage(await answer(data));
}
