/** Peers that a script of the project builds or installs into the cache: where they are, or why they are absent. */
import { join } from "node:path";

const SCRIPT = join(import.meta.dir, "..", "..", "..", "scripts", "peers.mjs");

/** What the script says of a peer. */
export interface FoundPeer {
  readonly path?: string;
  readonly version?: string;
  readonly absent?: string;
}

/** A peer that is there. */
export interface PresentPeer {
  readonly path: string;
  readonly version: string;
}

/** Where a peer is. @throws Error with how to get it when it is absent. */
export function findPeer(name: string): PresentPeer {
  const result = Bun.spawnSync([process.execPath, SCRIPT], { env: { ...process.env, BUN_BE_BUN: "1" } });
  if (result.exitCode !== 0) throw new Error(`peers.mjs failed: ${result.stderr.toString()}`);
  const found = (JSON.parse(result.stdout.toString()) as Record<string, FoundPeer>)[name];
  if (found?.path !== undefined && found.version !== undefined) {
    return { path: found.path, version: found.version };
  }
  throw new Error(found?.absent ?? `no peer ${name}`);
}
