/**
 * Faults of the forward process under the whole of Trimtab, on the real model: killed, stopped, wedged. Calls in flight end typed,
 * the gateway stays up, the same steered answer comes afterwards, and no answer ever has an unsteered token (rows X1, X2, X6, X8).
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { fromConnectError, type TrimtabError } from "#kit/errors.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { isLeftOut, whyNoTrace } from "../support/abilities.ts";
import { putTestDirection, steeredSpec, TEST_DIRECTION } from "../support/direction.ts";

setDefaultTimeout(120_000);
const STALL_SECONDS = 15;
const directory = mkdtempSync(join(tmpdir(), "trimtab-fault-"));
const spec = steeredSpec("Tell me about the sea.", {});
const long = { ...spec, maxTokens: 1_500 };
let stack: Stack;
let expected: string;

beforeAll(async () => {
  process.env["TRIMTAB_STORE"] = directory;
  stack = await startStack({
    ...{ modelPath: defaultModelPath(), threads: 1, host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    engine: { stallSeconds: STALL_SECONDS },
  });
  await putTestDirection(stack.client);
  expected = await answer();
}, 120_000);
afterAll(async () => {
  await stack?.close();
  rmSync(directory, { recursive: true, force: true });
});
async function answer(): Promise<string> {
  const { choices } = await stack.client.complete({ spec });
  expect(choices[0]!.finished!.steered).toBe(true);
  return choices[0]!.text;
}

/** The answer once there is one; every refusal before it is typed and says when to try again. */
async function answerAgain(): Promise<string> {
  for (;;) {
    try {
      return await answer();
    } catch (error) {
      const { reason, retryAfterMs } = fromConnectError(error);
      expect(reason).toMatch(/UNAVAILABLE$/);
      await Bun.sleep(Math.min(retryAfterMs ?? 100, 100));
    }
  }
}

/** Streams a long steered answer; what was streamed before its error. */
async function streamed(onFirst: () => void): Promise<{ text: string; failure: TrimtabError | undefined }> {
  let text = "";
  try {
    for await (const { event } of stack.client.generate({ spec: long })) {
      if (event.case !== "delta") continue;
      if (text === "") onFirst();
      text += event.value.text;
    }
    return { text, failure: undefined };
  } catch (error) {
    return { text, failure: fromConnectError(error) };
  }
}

const kill = (signal: NodeJS.Signals) => process.kill(stack.forwardPid()!, signal);
test("X1 forward killed in mid-answer: the stream ends typed, what came is a prefix of the answer, then it is served again", async () => {
  const { text, failure } = await streamed(() => kill("SIGKILL"));
  expect(failure?.reason).toMatch(/UNAVAILABLE$/);
  expect(expected.startsWith(text) || text.startsWith(expected)).toBe(true);
  expect(await answerAgain()).toBe(expected);
});

test("X2 forward killed before the first token: refused with the time after which to try again, then served", async () => {
  const filler = "The sea is deep and wide and old. ".repeat(120);
  const prompt = steeredSpec(filler, {});
  const asked = stack.client.complete({ spec: prompt }).catch(fromConnectError);
  await Bun.sleep(30);
  kill("SIGKILL");
  const failure = (await asked) as TrimtabError;
  expect(failure.reason).toMatch(/UNAVAILABLE$/);
  expect(failure.retryAfterMs).toBeGreaterThan(0);
  expect(await answerAgain()).toBe(expected);
});

test("X6 forward stopped and continued: calls meanwhile end by their deadline, late answers reach nobody", async () => {
  kill("SIGSTOP");
  const failure = await stack.client.complete({ spec }, { timeoutMs: 1_000 }).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: expect.stringMatching(/DEADLINE_EXCEEDED|UNAVAILABLE$/) });
  kill("SIGCONT");
  expect(await answerAgain()).toBe(expected);
});

test.skipIf(process.env["TRIMTAB_TEST_FULL"] !== "1")(
  "X6 forward stopped for longer than a wedge takes to be noticed, then continued: the same process serves (long run only)",
  async () => {
    const pid = stack.forwardPid()!;
    const run = streamed(() => kill("SIGSTOP"));
    await Bun.sleep((STALL_SECONDS + 4) * 1_000);
    kill("SIGCONT");
    await run;
    expect([await answerAgain(), stack.forwardPid()]).toEqual([expected, pid]);
  },
);

test.skipIf(isLeftOut("X8", whyNoTrace()))(
  "X8 a compute thread that does not come back: its process is ended and started again, calls in flight end typed",
  async () => {
    const pid = stack.forwardPid()!;
    let freezer: Bun.Subprocess<"pipe", "pipe", "inherit"> | undefined;
    const script = join(import.meta.dir, "support", "freeze_thread.py");
    const run = streamed(() => {
      freezer = Bun.spawn(["python3", script, String(pid)], { stdin: "pipe", stdout: "pipe" });
    });
    while (!freezer) await Bun.sleep(5);
    const { value } = await freezer.stdout.getReader().read();
    const said = new TextDecoder().decode(value);
    expect(said).toStartWith("stopped");
    const { failure } = await run;
    expect(failure?.reason).toMatch(/UNAVAILABLE$/);
    // A process is gone only when who traces it lets go of its thread.
    freezer.stdin.end();
    await freezer.exited;
    expect(await answerAgain()).toBe(expected);
    expect(stack.forwardPid()).not.toBe(pid);
  },
);

test("C5 a direction replaced while an answer runs: the answer is that of the version it began with, and says which", async () => {
  let text = "";
  let begun = "";
  for await (const { event } of stack.client.generate({ spec })) {
    if (event.case === "planned") begun = event.value.report?.resolved ?? "";
    if (event.case !== "delta") continue;
    if (text === "") {
      await stack.client.deleteArtifact({ name: TEST_DIRECTION });
      await putTestDirection(stack.client, 777);
    }
    text += event.value.text;
  }
  expect(text).toBe(expected);
  const { plan, choices } = await stack.client.complete({ spec });
  expect(begun).toContain("sha256:");
  expect(plan?.resolved).not.toBe(begun);
  expect(choices[0]!.text).not.toBe(expected);
});
