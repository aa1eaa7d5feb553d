/** What some tests need of the system and not every system allows: found out before they run, so that a test left out says why. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportCount } from "./counts.ts";

const SUPPORT = join(import.meta.dir, "..", "fault", "support");

/** Says that a row of the contract is not tested here, and why; true if it is to be left out. */
export function isLeftOut(row: string, why: string | undefined): boolean {
  if (why === undefined) return false;
  console.log(`skipped: ${row}: ${why}`);
  reportCount("skipped", 1, `${row}: ${why}`);
  return true;
}

/** Why no small disk can be mounted; undefined if one can. */
export function whyNoMount(): string | undefined {
  if (process.platform !== "linux") return `tmpfs is Linux's, this is ${process.platform}`;
  const directory = mkdtempSync(join(tmpdir(), "trimtab-mount-"));
  try {
    const command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory];
    const { exitCode, stderr } = Bun.spawnSync(command);
    if (exitCode !== 0) return `mount is refused: ${stderr.toString().trim()}`;
    Bun.spawnSync(["umount", directory]);
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Why no thread of another process can be stopped; undefined if one can. */
export function whyNoTrace(): string | undefined {
  if (process.platform !== "linux") return `ptrace is Linux's, this is ${process.platform}`;
  if (Bun.which("python3") === null) return "there is no python3";
  const child = Bun.spawn(["sleep", "30"]);
  try {
    // Its standard input is empty: what it stops goes on at once.
    const script = join(SUPPORT, "freeze_thread.py");
    const said = Bun.spawnSync(["python3", script, String(child.pid)], { stdin: "ignore" }).stdout.toString();
    return said.startsWith("stopped") ? undefined : `ptrace is ${said.trim() || "refused"}`;
  } finally {
    child.kill("SIGKILL");
  }
}
