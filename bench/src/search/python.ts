/** its_hub in a Python process: one JSON line to it, one back. */
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { findPeer } from "../peers/found.ts";

/** The process. */
export interface ItsHub {
  readonly version: string;
  /** Sends a job and waits for its answer. @throws Error when the process ends. */
  ask(job: object): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** Starts it. @throws Error when its_hub is not installed. */
export function startItsHub(): ItsHub {
  const { path, version } = findPeer("its-hub");
  const child = spawn("python3", [join(import.meta.dir, "its_hub_peer.py")], {
    env: { ...process.env, PYTHONPATH: path },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    version,
    async ask(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("its_hub ended");
      return JSON.parse(value) as Readonly<Record<string, unknown>>;
    },
    close: () => void child.kill(),
  };
}
