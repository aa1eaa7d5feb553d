/** Chain sums as one message each: its_hub flattens conversations, and both sides get the same prompt. */
import { drawProblems } from "../../../eval/src/problems.ts";
import { findTask } from "../../../eval/tasks/index.ts";

/** A sum. */
export interface Sum {
  readonly prompt: string;
  readonly terms: readonly number[];
}

const LEVEL = 3;
const SEED = 77;

/** Sums of four terms. */
export function drawSums(count: number): Sum[] {
  return drawProblems(findTask("chain-sum"), LEVEL, "train", count, SEED).map(({ messages, process }) => ({
    prompt: messages.map(({ content }) => content).join("\n\n"),
    terms: process?.parameters.terms as number[],
  }));
}
