/** A run that ended in the middle goes on where it stopped: nothing that is in the file is asked for again. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../eval/src/journal.ts";
import { runPlan } from "../../eval/src/run.ts";
import type { Record } from "../../eval/src/sample.ts";
import type { Services } from "../../eval/src/services.ts";
import type { Problem, Task } from "../../eval/src/task.ts";
import { answering } from "../gateway/support/answering.ts";
import { openVerifier } from "../services/verifier/service.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-resume-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const problems = ["a", "b", "c"].map((key): Problem => {
  const messages = [{ role: "user" as const, content: key }];
  const outcome = { name: "numeric_answer", parameters: { expected: 7 } };
  return { key, messages, outcome, solution: "7" };
});
const task: Task = {
  ...{
    name: "letters",
    description: "",
    levels: ["one"],
    answer: "number",
    separators: ["\n"],
    maxTokens: 16,
  },
  draw: () => problems[0]!,
};
const plan = {
  ...{ problems, arms: [{ strategy: "self-consistency", budget: 2 }], poolSize: 2, pooling: undefined },
};

const { client } = answering(["so 7", "so 8"]);
const referee = openVerifier().client;

/** Runs over a file; the gateway is gone after `calls` requests. Answers with the records and how many were made. */
async function runOver(file: string, calls: number) {
  let asked = 0;
  const count = () => {
    if (asked === calls) throw new Error("killed");
    asked++;
  };
  const gateway = {
    ...client,
    complete: (...args: Parameters<typeof client.complete>) => (count(), client.complete(...args)),
    generate: (...args: Parameters<typeof client.generate>) => (count(), client.generate(...args)),
  };
  const services: Services = { gateway, referee, close: () => Promise.resolve() };
  const journal = openJournal<Record>(join(directory, file));
  const run = { services, journal, model: "tiny", task, level: 0, split: "dev", probe: undefined } as const;
  const more = { temperature: 0.7, seed: 1, parallel: 1, onProgress: () => undefined };
  try {
    const records = await runPlan({ ...run, ...more }, plan);
    return { asked, records: records.map((record) => ({ ...record, wallMs: 0 })) };
  } catch {
    return { asked, records: undefined };
  } finally {
    journal.close();
  }
}

test("what a run that ended in the middle has sampled is not sampled again, and the whole is the same", async () => {
  const whole = await runOver("whole.jsonl", Infinity);
  expect(whole.records?.length).toBe(9);
  for (let calls = 0; calls < whole.asked; calls += 2) {
    const file = `after-${calls}.jsonl`;
    expect(await runOver(file, calls)).toEqual({ asked: calls, records: undefined });
    expect(await runOver(file, Infinity)).toEqual({ asked: whole.asked - calls, records: whole.records });
  }
});
