// What is kept of an answer tells what gave it: readers of a journal ask its keys.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AnswerRecord,
  answersOf,
  type AnswerSource,
  partsOfKey,
} from "../../../eval/src/steering/answers.ts";
import { CANNED_METHOD } from "../../../eval/src/steering/methods.ts";
import type { LabPrompt } from "../../../eval/src/steering/prompts.ts";
import { openJournal } from "../../../eval/src/journal.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-answers-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a kept answer's key says model, method and prompt", async () => {
  const journal = openJournal<AnswerRecord>(join(directory, "answers.jsonl"));
  const prompt: LabPrompt = { id: "h-1", text: "a/b", family: "f", split: "test", class: "harmful" };
  // The whole answer is given: nobody is asked.
  const gateway = {} as AnswerSource["gateway"];
  const source = { gateway, journal, model: "tiny", modelKey: "0123", maxTokens: 8, onProgress: () => {} };
  await answersOf(source, CANNED_METHOD, 1, [prompt]);
  expect([...journal.records.keys()].map(partsOfKey)).toEqual([
    { model: "0123", method: "canned refusal", prompt: "h-1" },
  ]);
  journal.close();
});
