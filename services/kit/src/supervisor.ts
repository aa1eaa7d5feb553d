/**
 * A child process that serves one Unix socket: started, watched, restarted with growing pauses, killed on close.
 *
 * A wedged kernel cannot be stopped inside its process, only with it. While the child is down, calls to its socket
 * fail with SERVICE_UNAVAILABLE; {@link Supervisor.ready} waits for the next healthy child. A child that has never served
 * and ends with a status that every new start would end with again (no model, wrong arguments) is not started again. The child's standard input
 * stays open as long as the parent lives: {@link exitWithParent} in the child ends it when the parent is gone.
 */
import { Health, HealthCheckResponse_ServingStatus as Status } from "#proto/health/v1/health_pb.ts";
import { connectTo } from "./clients.ts";
import { TrimtabError } from "./errors.ts";
import { permanentReasonOf } from "./failure.ts";
import { SUPERVISOR_LIMITS } from "./limits.ts";
import type { Logger } from "./log.ts";

/** Options of {@link supervise}. */
export interface SuperviseOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Socket the child listens on and answers health checks. */
  readonly socketPath: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Longest time from start to SERVING; a child that needs longer is killed. */
  readonly readyMs?: number;
  readonly log?: Logger;
}

/** `starting` until the first health check succeeds, `down` between an exit and the next start, `failed`: it can never serve. */
export type ChildState = "starting" | "ready" | "down" | "failed" | "closed";

/** A supervised child. */
export interface Supervisor {
  readonly state: ChildState;
  /** Process id of the current child. */
  readonly pid: number | undefined;
  /** Exits so far. */
  readonly restarts: number;
  /**
   * Resolves when the child serves.
   * @throws TrimtabError SERVICE_UNAVAILABLE after `timeoutMs` or when closed; at once the reason of a child that failed for good.
   */
  ready(timeoutMs?: number): Promise<void>;
  /** Kills the current child at once; it is started again. For wedged work. */
  kill(): void;
  /** Ends the child: SIGTERM, then SIGKILL after `killMs`. Not restarted. */
  close(): Promise<void>;
}

const HEALTH_POLL_MS = 20;
const HEALTH_CALL_MS = 1_000;

/** Starts the child and keeps it running until `close`. */
export function supervise(options: SuperviseOptions): Supervisor {
  const waiters = new Set<(error?: TrimtabError) => void>();
  let state: ChildState = "starting";
  let child: Bun.Subprocess | undefined;
  let restarts = 0;
  let backoffMs: number = SUPERVISOR_LIMITS.firstBackoffMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasServed = false;
  /** Why there will be no other child. */
  let ended: TrimtabError | undefined;

  const settle = (next: ChildState) => {
    state = next;
    hasServed ||= next === "ready";
    if (next === "ready" || ended) for (const wake of [...waiters]) wake(ended);
  };
  /** Starts again after a pause; whatever keeps a child from being started may be over by then. */
  const startLater = () => {
    settle("down");
    timer = setTimeout(() => {
      try {
        start();
      } catch (error) {
        options.log?.log("error", "child cannot be started", { cause: String(error) });
        startLater();
      }
    }, backoffMs);
    backoffMs = Math.min(backoffMs * 2, SUPERVISOR_LIMITS.maxBackoffMs);
  };
  const start = () => {
    settle("starting");
    const started = performance.now();
    const current = spawn(options);
    child = current;
    void untilServing(options, current).then((serves) => {
      if (child !== current || ended) return;
      if (serves) settle("ready");
      else current.kill("SIGKILL");
    });
    void current.exited.then((code) => {
      if (ended) return;
      restarts++;
      options.log?.log("warn", "child exited", { code, signal: current.signalCode ?? undefined, restarts });
      if (!hasServed) ended = failedForGood(code);
      if (ended) return settle("failed");
      if (performance.now() - started > SUPERVISOR_LIMITS.healthyMs)
        backoffMs = SUPERVISOR_LIMITS.firstBackoffMs;
      startLater();
    });
  };
  const becomesReady = (timeoutMs: number): Promise<void> => {
    if (state === "ready") return Promise.resolve();
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      const wake = (error?: TrimtabError) => {
        clearTimeout(limit);
        waiters.delete(wake);
        if (error) reject(error);
        else resolve();
      };
      const limit = setTimeout(() => wake(unavailable("the service is not ready")), Math.max(0, timeoutMs));
      waiters.add(wake);
    });
  };
  start();
  return {
    get state() {
      return state;
    },
    get pid() {
      return state === "starting" || state === "ready" ? child?.pid : undefined;
    },
    get restarts() {
      return restarts;
    },
    async ready(timeoutMs = options.readyMs ?? SUPERVISOR_LIMITS.readyMs) {
      const deadline = performance.now() + timeoutMs;
      await becomesReady(timeoutMs);
      // A child that was killed is noticed a moment later: only an answer counts.
      while (!(await isServing(options.socketPath))) {
        await Bun.sleep(HEALTH_POLL_MS);
        if (performance.now() > deadline) throw unavailable("the service is not ready");
        await becomesReady(deadline - performance.now());
      }
    },
    kill: () => child?.kill("SIGKILL"),
    async close() {
      if (state === "closed") return;
      ended = unavailable("the service is closed");
      settle("closed");
      clearTimeout(timer);
      await end(child);
    },
  };
}

function spawn(options: SuperviseOptions): Bun.Subprocess {
  return Bun.spawn([...options.command], {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "pipe",
    stdout: "inherit",
    stderr: "inherit",
  });
}

async function untilServing(options: SuperviseOptions, child: Bun.Subprocess): Promise<boolean> {
  const deadline = performance.now() + (options.readyMs ?? SUPERVISOR_LIMITS.readyMs);
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    if (await isServing(options.socketPath)) return true;
    await Bun.sleep(HEALTH_POLL_MS);
  }
  return false;
}

async function isServing(socketPath: string): Promise<boolean> {
  // A connection of its own: one that was refused must not delay the next try.
  const connection = connectTo({ socketPath });
  try {
    const { status } = await connection.client(Health).check({}, { timeoutMs: HEALTH_CALL_MS });
    return status === Status.SERVING;
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

async function end(child: Bun.Subprocess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), SUPERVISOR_LIMITS.killMs);
  await child.exited;
  clearTimeout(timer);
}

/** Whoever served once finds again what it needs, or is wanted back when it is there again: only a first start can fail for good. */
function failedForGood(status: number): TrimtabError | undefined {
  const reason = permanentReasonOf(status);
  return (
    reason &&
    new TrimtabError(reason, `a service cannot start (exit status ${status}); it said why on standard error`)
  );
}

function unavailable(message: string): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", message);
}

/** In a supervised child: runs `onOrphaned` (default: exit) when the parent's end of standard input closes. */
export function exitWithParent(onOrphaned: () => void = () => process.exit(0)): void {
  process.stdin.on("end", onOrphaned);
  process.stdin.on("error", onOrphaned);
  process.stdin.resume();
}
