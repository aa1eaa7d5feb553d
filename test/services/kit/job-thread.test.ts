/** Threads that do jobs: whatever a job or its thread does or fails to do, who waits is answered, and only the culprit fails. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { TrimtabError } from "#kit/errors.ts";
import { createJobThread, type JobWatch, runInThread } from "#kit/job-thread.ts";

setDefaultTimeout(120_000);
const PROGRAM = new URL("./job-thread.worker.ts", import.meta.url);
const OPTIONS = { what: "is tested", startMs: 60_000, setup: "" };
const OVER = new TrimtabError("CANCELLED", "the test is over");
const outcome = (work: Promise<string>): Promise<unknown> => work.catch((error: unknown) => error);
const startIt = (options: Partial<typeof OPTIONS> = {}, program = PROGRAM) =>
  createJobThread<string, string>(program, { ...OPTIONS, ...options });

/** Gives a job up as soon as the thread has it. */
const atOnce: JobWatch = (giveUp) => {
  const timer = setTimeout(() =>
    giveUp(new TrimtabError("DEADLINE_EXCEEDED", "too long", { limit: "1 ms" })),
  );
  return () => clearTimeout(timer);
};

/** A program of one's own. */
function programOf(source: string): URL {
  const path = join(mkdtempSync(join(tmpdir(), "trimtab-jobs-")), "program.ts");
  writeFileSync(path, source);
  return pathToFileURL(path);
}

/** One that never gets as far as listening; the interval keeps it alive. */
const silentProgram = () =>
  programOf("setInterval(() => {}, 60_000);\nawait new Promise(() => {});\nexport {};\n");

test.each([
  ["throws something untyped", "break", undefined, { reason: "INTERNAL", message: "broken" }],
  ["takes its thread down", "die", undefined, { reason: "SERVICE_UNAVAILABLE" }],
  ["takes too long", "spin", atOnce, { reason: "DEADLINE_EXCEEDED", limit: "1 ms" }],
] as const)(
  "a job that %s fails alone: those behind it are done, by a new thread",
  async (_, job, watch, how) => {
    const thread = startIt();
    const all = [thread.run("a"), thread.run(job, watch), thread.run("b"), thread.run("c")].map(outcome);
    expect(await Promise.all(all)).toEqual(["a 1", expect.objectContaining(how), "b 1", "c 2"]);
    thread.close(OVER);
  },
);

test("a refused job says its field and limit, and its thread goes on", async () => {
  const thread = startIt();
  const all = [thread.run("refuse"), thread.run("a")].map(outcome);
  const refusal = { reason: "UNSUPPORTED", field: "job", limit: "3" };
  expect(await Promise.all(all)).toEqual([expect.objectContaining(refusal), "a 2"]);
  thread.close(OVER);
});

test("a thread that dies when it has nothing to do is replaced by the next job", async () => {
  const program = programOf(`self.onmessage = ({ data }) => {
    self.postMessage(data === "" ? { path: undefined } : { made: data });
    if (data !== "") setTimeout(() => process.exit(), 10);
  };`);
  const thread = startIt({}, program);
  expect(await thread.run("a")).toBe("a");
  await Bun.sleep(1_000);
  expect(await thread.run("b")).toBe("b");
  thread.close(OVER);
});

test("a thread that does not start fails all that wait for it, naming its limit, and the next job tries again", async () => {
  const thread = startIt({ startMs: 300 }, silentProgram());
  const late = expect.objectContaining({ reason: "SERVICE_UNAVAILABLE", limit: "300 ms" });
  expect(await Promise.all([thread.run("a"), thread.run("b")].map(outcome))).toEqual([late, late]);
  expect(await outcome(thread.run("c"))).toEqual(late);
  expect(await outcome(runInThread(silentProgram(), "a", { ...OPTIONS, startMs: 300 }))).toEqual(late);
  const refused = startIt({ setup: "refuse" });
  expect(await outcome(refused.run("a"))).toMatchObject({ reason: "TOKENIZER_INVALID", field: "setup" });
  for (const one of [thread, refused]) one.close(OVER);
});

test("closing fails the job under way, those that wait and those that come, with its reason", async () => {
  const thread = startIt();
  await thread.run("a");
  const all = [thread.run("spin"), thread.run("b")].map(outcome);
  thread.close(OVER);
  expect(await Promise.all([...all, outcome(thread.run("c"))])).toEqual([OVER, OVER, OVER]);
});

test("a job in a thread of its own ends when its caller leaves, at once", async () => {
  const leaving = new AbortController();
  const endless = outcome(runInThread(PROGRAM, "spin", { ...OPTIONS, signal: leaving.signal }));
  setTimeout(() => leaving.abort(OVER), 200);
  expect(await endless).toBe(OVER);
  expect(await outcome(runInThread(PROGRAM, "a", { ...OPTIONS, signal: leaving.signal }))).toBe(OVER);
  expect(await runInThread<string, string>(PROGRAM, "a", OPTIONS)).toBe("a 1");
});
