/**
 * Strengths chosen on development prompts, written down before the test prompts are run, each with the prompts it was chosen on: a
 * choice that is in the file is not made again, so a look at test answers cannot change it. As long as no test prompt has been
 * answered, a run may ask for another choice on other development prompts; then the file says what was chosen before.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Arm } from "./arms.ts";
import { nameOfArm } from "./arms.ts";
import type { Choice } from "./choose.ts";
import type { DevelopmentSet } from "./development.ts";

/** A choice, what it was made on, and those it replaces, oldest first. */
export interface FrozenChoice extends Choice {
  readonly development: DevelopmentSet;
  readonly before: readonly Omit<FrozenChoice, "before">[];
}

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
  readonly choices: { readonly [arm: string]: FrozenChoice };
}

/** What a choice is asked for. */
export interface Freezing {
  /** The frozen file, and what it must be of. */
  readonly path: string;
  readonly run: Omit<Frozen, "choices">;
  readonly arm: Arm;
  /** What a new choice is made on. */
  readonly development: DevelopmentSet;
  /** A choice made on other prompts is replaced. */
  readonly isAgain: boolean;
  /** Has a test prompt been answered? Then nothing is replaced. */
  isTestOpened(): boolean;
  make(): Promise<Choice>;
}

/**
 * The kept choice of an arm, or a new one, kept before it is returned.
 * @throws Error if the file is of another run, or if a choice is to be replaced after a test prompt was answered.
 */
export async function frozenChoice(freezing: Freezing): Promise<FrozenChoice> {
  const { path, run, arm, development, isAgain, make } = freezing;
  const name = nameOfArm(arm);
  const kept = readFrozen(path, run).choices[name];
  if (kept !== undefined) {
    if (kept.development === undefined) throw new Error(`${path} does not say what ${name} was chosen on`);
    if (!isAgain || kept.development.digest === development.digest) return kept;
    if (freezing.isTestOpened())
      throw new Error(`${name} is not chosen again: test prompts have been answered`);
  }
  const made = { ...(await make()), development, before: historyOf(kept) };
  write(path, { ...run, choices: { ...readFrozen(path, run).choices, [name]: made } });
  return made;
}

/** A choice after those it replaced. */
function historyOf(replaced: FrozenChoice | undefined): FrozenChoice["before"] {
  if (replaced === undefined) return [];
  const { before, ...last } = replaced;
  return [...before, last];
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
