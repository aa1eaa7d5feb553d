/** `npm run eval -- steering-sheet`: answers to label by hand, blind to the method. */
import { join } from "node:path";
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { openJournal } from "../journal.ts";
import { type AnswerRecord, partsOfKey } from "./answers.ts";
import { drawAnswers, readLabels } from "./labels.ts";
import { readLabPrompts } from "./prompts.ts";

const SEED = 5;

interface SheetOptions {
  readonly out: string;
  readonly count: number;
}

/** Adds the command. */
export function addSteeringSheet(program: Command): void {
  program
    .command("steering-sheet")
    .description(
      "answers of all methods to label by hand, without their methods, as JSONL on standard output",
    )
    .requiredOption("--out <folder>", "folder of a run's kept samples")
    .option("--count <n>", "answers that have no label yet", integerIn(1, 10_000), 400)
    .action(printSheet);
}

/** Answers of a run to label: request and answer, never the method. */
function printSheet({ out, count }: SheetOptions): void {
  const journal = openJournal<AnswerRecord>(join(out, "answers.jsonl"));
  const texts = new Map(readLabPrompts().map(({ id, text, split }) => [id, { text, split }]));
  const labelled = new Set(readLabels().map(({ text }) => text));
  const answers = [...journal.records.values()].flatMap(({ key, text }) => {
    const { method, prompt: id } = partsOfKey(key);
    const prompt = texts.get(id);
    const isOpen = prompt?.split === "development" && !labelled.has(text);
    return isOpen ? [{ method, text, request: prompt.text }] : [];
  });
  for (const { request, text } of drawAnswers(answers, count, SEED))
    process.stdout.write(`${JSON.stringify({ request, text })}\n`);
  journal.close();
}
