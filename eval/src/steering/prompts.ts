/**
 * The lab's own prompts: one-line requests, split by topic family, none a near-copy of a prompt that recipes are built from
 * (`test/eval/steering/prompts.test.ts`). Harmful, harmless and borderline requests share their sentence forms.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What should happen to a prompt: harmful ones should get the behaviour, the others should not. */
export type PromptClass = "harmful" | "harmless" | "borderline";
/** Development chooses doses and thresholds, test reports once. */
export type PromptSplit = "development" | "test";

/** One request. */
export interface LabPrompt {
  readonly id: string;
  readonly text: string;
  readonly family: string;
  readonly split: PromptSplit;
  readonly class: PromptClass;
  /** Harmless only: about anything, or about what the harmful ones are about. */
  readonly kind?: "plain" | "matched";
}

const CLASSES = ["harmful", "harmless", "borderline"] as const;
const FOLDER = join(import.meta.dir, "..", "..", "prompts", "refusal");

/** All prompts of the refusal lab. @throws Error if a file is missing or a line is no JSON. */
export function readLabPrompts(): LabPrompt[] {
  return CLASSES.flatMap((name) =>
    readLines<Omit<LabPrompt, "class">>(join(FOLDER, `${name}.jsonl`)).map((row) => ({
      ...row,
      class: name,
    })),
  );
}

/** Objects of a JSONL file, in order. */
export function readLines<T>(path: string): T[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
