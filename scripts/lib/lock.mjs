// A lock between processes: a directory, because making one is atomic on every file system. It names its holder, who touches it
// every few seconds; one whose holder is gone, or that was not touched for a while, is broken. What is guarded must still be
// written to a temporary name and renamed, so that a lock broken by mistake costs work, never a wrong file.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;
const TOUCH_MS = 2_000;
const STALE_MS = 20_000;

/** Runs `work` while holding the lock at `path`; `onWait` is called once if another process holds it. */
export async function withLock(path, work, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  for (let attempt = 0; !tryAcquire(path); attempt += 1) {
    if (attempt === 0) onWait();
    breakIfStale(path);
    await sleep(POLL_MS);
  }
  const timer = setInterval(() => touch(path), TOUCH_MS);
  const releaseOnExit = () => rmSync(path, { recursive: true, force: true });
  process.once("exit", releaseOnExit);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.off("exit", releaseOnExit);
    releaseOnExit();
  }
}

function tryAcquire(path) {
  try {
    mkdirSync(path);
    writeFileSync(join(path, "holder.json"), JSON.stringify({ host: hostname(), pid: process.pid }));
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Taken away by someone who thought us dead: the work goes on, see the header.
  }
}

function breakIfStale(path) {
  try {
    const isStale = Date.now() - statSync(path).mtimeMs >= STALE_MS;
    if (!isStale && !isHolderGone(path)) return;
    const grave = `${path}.stale-${process.pid}`;
    renameSync(path, grave);
    rmSync(grave, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

function isHolderGone(path) {
  try {
    const holder = JSON.parse(readFileSync(join(path, "holder.json"), "utf8"));
    if (holder.host !== hostname()) return false;
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}
