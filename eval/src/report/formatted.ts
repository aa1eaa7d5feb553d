/** Files of the repository that a command writes: pages and kept results. */
import { writeFileSync } from "node:fs";

/** Writes a file, formatted as the rest of the repository. */
export function writeFormatted(path: string, text: string): void {
  writeFileSync(path, text);
  Bun.spawnSync([process.execPath, "fmt", path], { env: { ...process.env, BUN_BE_BUN: "1" } });
}
