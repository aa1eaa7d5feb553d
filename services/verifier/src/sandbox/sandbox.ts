/**
 * Runs untrusted functions against unit tests in a child process, one job at a time. The child is started by the first job,
 * kept while there is work, and killed when a job outlives its time on a processor, when nothing came for a while, or on close.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import { processorMs } from "#kit/process-time.ts";
import { SANDBOX_LIMITS } from "../../limits.ts";
import type { SandboxJob, SandboxResult } from "./protocol.ts";

/** A sandbox. */
export interface Sandbox {
  /** Runs a job. @throws TrimtabError DEADLINE_EXCEEDED if it had to be killed, SERVICE_UNAVAILABLE if the child died. */
  run(job: SandboxJob): Promise<SandboxResult>;
  /** Process id of the child, if there is one. */
  readonly pid: number | undefined;
  /** Jobs under way, waiting or to come fail with SERVICE_UNAVAILABLE. */
  close(): void;
}

const CHILD = join(import.meta.dir, "child.ts");
/** A single-file executable is Bun only when it is told to be. */
const { BUN_BE_BUN } = process.env;
const ENVIRONMENT = BUN_BE_BUN === undefined ? {} : { BUN_BE_BUN };

/** Creates a sandbox; no process is started yet. */
export function createSandbox(): Sandbox {
  let child: Bun.Subprocess | undefined;
  let answer: ((result: SandboxResult | TrimtabError) => void) | undefined;
  let idle: ReturnType<typeof setTimeout> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let closed: TrimtabError | undefined;
  const stop = (why: TrimtabError): void => {
    child?.kill("SIGKILL");
    child = undefined;
    answer?.(why);
  };
  const start = (): Bun.Subprocess => {
    const started = Bun.spawn([process.execPath, "--no-orphans", CHILD], {
      cwd: tmpdir(),
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "ignore"],
      serialization: "json",
      ipc(message, sender) {
        // What one that was killed had to say is no answer to the next job.
        if (sender === child) answer?.(message as SandboxResult);
      },
      onExit: (exited) => {
        if (exited === child) stop(new TrimtabError("SERVICE_UNAVAILABLE", "the sandbox died"));
      },
    });
    started.unref();
    return started;
  };
  const send = (job: SandboxJob): void => {
    try {
      child?.send(job);
    } catch (cause) {
      // It died while it had nothing to do, which is not told yet.
      stop(new TrimtabError("SERVICE_UNAVAILABLE", "the sandbox died", { cause }));
    }
  };
  const runNow = async (job: SandboxJob): Promise<SandboxResult> => {
    if (closed) throw closed;
    clearTimeout(idle);
    const isFresh = child === undefined;
    child ??= start();
    const late = new TrimtabError("DEADLINE_EXCEEDED", "the code had to be killed", {
      limit: `${SANDBOX_LIMITS.jobMs} ms`,
    });
    const watch = watchJob(child.pid, isFresh ? SANDBOX_LIMITS.startMs : 0, () => stop(late));
    const result = await new Promise<SandboxResult | TrimtabError>((resolve) => {
      answer = resolve;
      send(job);
    });
    clearInterval(watch);
    answer = undefined;
    if (closed) throw closed;
    idle = setTimeout(() => stop(late), SANDBOX_LIMITS.idleMs).unref();
    if (result instanceof TrimtabError) throw result;
    return result;
  };
  return {
    run(job) {
      const next = last.then(() => runNow(job));
      last = next.catch(() => {});
      return next;
    },
    get pid() {
      return child?.pid;
    },
    close() {
      closed = new TrimtabError("SERVICE_UNAVAILABLE", "the verifier service is closing");
      clearTimeout(idle);
      stop(closed);
    },
  };
}

/** Looks at the process of a job until the timer is cleared; `onLate` when it has used up its time. */
function watchJob(pid: number, startMs: number, onLate: () => void): ReturnType<typeof setInterval> {
  const place = `/proc/${pid}`;
  const startedMs = performance.now();
  const usedBefore = processorMs(place);
  return setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    const usedMs = usedBefore === undefined ? elapsedMs : (processorMs(place) ?? usedBefore) - usedBefore;
    const isUsedUp = usedMs > SANDBOX_LIMITS.jobMs + SANDBOX_LIMITS.killMs + startMs;
    if (isUsedUp || elapsedMs > SANDBOX_LIMITS.longestJobMs + startMs) onLate();
  }, SANDBOX_LIMITS.watchMs);
}
