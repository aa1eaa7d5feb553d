/** What the oracles need, installed into the cache by setup.mjs if it is not there yet. */
import { join } from "node:path";

/** Where things are. */
export interface OracleSetup {
  /** Command of Python 3. */
  readonly python: string;
  /** Folder with numpy and gguf, for PYTHONPATH. */
  readonly path: string;
  /** Folder of llama.cpp's shared objects; null on platforms they are not made for. */
  readonly libraries: string | null;
}

let known: OracleSetup | undefined;

/** Makes the oracles ready, once a process. @throws Error with what setup.mjs said. */
export function setUpOracles(): OracleSetup {
  if (known) return known;
  const setup = Bun.spawnSync([process.execPath, join(import.meta.dir, "setup.mjs")], {
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  if (setup.exitCode !== 0) throw new Error(`oracle set-up failed: ${setup.stderr.toString()}`);
  known = JSON.parse(setup.stdout.toString()) as OracleSetup;
  return known;
}

/** Folder of llama.cpp's shared objects. @throws Error on platforms they are not made for. */
export function llamaLibraries(): string {
  const { libraries } = setUpOracles();
  if (libraries !== null) return libraries;
  throw new Error(`llama.cpp's prebuilt library is not made for ${process.platform} ${process.arch}`);
}
