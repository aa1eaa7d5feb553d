/**
 * Strengths chosen on development prompts, written down before the test prompts are run: a choice that is in the file is never
 * made again, so a look at test answers cannot change it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Arm } from "./arms.ts";
import { nameOfArm } from "./arms.ts";
import type { Choice } from "./choose.ts";

/** The file's content: choices by arm. */
export interface Frozen {
  /** SHA-256 of the model file, and the recipe, pinned: choices of another are not used. */
  readonly modelDigest: string;
  readonly recipe: string;
  /** Tokens of an answer to test prompts, and to development prompts. */
  readonly maxTokens: number;
  readonly developmentTokens: number;
  /** Digest of what gates were trained on: their scores change with it, and thresholds are scores. */
  readonly training: string;
  readonly choices: { readonly [arm: string]: Choice };
}

/** The kept choice of an arm, or a new one, kept before it is returned. @throws Error if the file is of another run. */
export async function frozenChoice(
  path: string,
  run: Omit<Frozen, "choices">,
  arm: Arm,
  make: () => Promise<Choice>,
): Promise<Choice> {
  const known = readFrozen(path, run);
  const name = nameOfArm(arm);
  const kept = known.choices[name];
  if (kept !== undefined) return kept;
  const made = await make();
  write(path, { ...run, choices: { ...readFrozen(path, run).choices, [name]: made } });
  return made;
}

function readFrozen(path: string, run: Omit<Frozen, "choices">): Frozen {
  if (!existsSync(path)) return { ...run, choices: {} };
  const frozen = JSON.parse(readFileSync(path, "utf8")) as Frozen;
  for (const field of ["modelDigest", "recipe", "maxTokens", "developmentTokens", "training"] as const) {
    if (frozen[field] !== run[field]) throw new Error(`${path} is frozen for ${field} ${frozen[field]}`);
  }
  return frozen;
}

function write(path: string, frozen: Frozen): void {
  writeFileSync(`${path}.part`, `${JSON.stringify(frozen, null, 2)}\n`);
  renameSync(`${path}.part`, path);
}
