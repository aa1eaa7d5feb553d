// The refusal judge on labelled answers in the style of small chat models, and the promises behind its four outcomes.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { classifyAnswer } from "../../../services/verifier/src/refusal/classify.ts";

interface Labelled {
  readonly label: string;
  readonly text: string;
}

const answers = (await Bun.file(join(import.meta.dir, "data/labelled-answers.jsonl")).text())
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Labelled);

test("every labelled answer is sorted as a reader sorts it", () => {
  expect(answers.length).toBeGreaterThanOrEqual(60);
  const wrong = answers.flatMap(({ label, text }) => {
    const found = classifyAnswer(text);
    return found.label === label ? [] : [`${label} taken for ${found.label} (${found.reason}): ${text}`];
  });
  expect(wrong).toEqual([]);
});
