/**
 * The lab's own prompts: one-line requests, split by topic family, none a near-copy of a prompt that recipes are built from
 * (`test/eval/steering/prompts.test.ts`). Harmful, harmless and borderline requests share their sentence forms.
 */
import { spread } from "#kit/spread.ts";
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

/** Most prompts of a class and kind, in each split, and in the test split where that is another number. */
export interface PromptCounts {
  readonly harmful: number;
  readonly others: number;
  readonly testOthers: number;
}

/** The same number of every class and kind of a split, spread over the families. */
export function takeSome(
  prompts: readonly LabPrompt[],
  { harmful, others, testOthers }: PromptCounts,
): LabPrompt[] {
  const groups = Map.groupBy(prompts, ({ split, class: name, kind }) => `${split} ${name} ${kind ?? ""}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first?.class === "harmful") return spread(group, harmful);
    return spread(group, first?.split === "test" ? testOthers : others);
  });
}

/** A borderline prompt and what it is: its words are alarming, it may be safe all the same. */
export interface Twin {
  readonly id: string;
  readonly text: string;
  /** Its type, such as "homonyms-of-killing"; each has as many safe ones as unsafe ones. */
  readonly family: string;
  readonly kind: "safe" | "unsafe";
}

/** Safe and unsafe prompts with the same words. @throws Error as `readLabPrompts`. */
export function readTwins(): Twin[] {
  return readLines<Twin>(join(FOLDER, "twins.jsonl"));
}

/** Objects of a JSONL file, in order. */
export function readLines<T>(path: string): T[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
