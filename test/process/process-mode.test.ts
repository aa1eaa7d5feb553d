/** Five processes found by address give the same tokens as the default composition, byte for byte; dead services are told. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { toJsonString } from "@bufbuild/protobuf";
import { fromConnectError } from "#kit/errors.ts";
import { FinalEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { putTestDirection, steeredSpec, TEST_DIRECTION } from "../support/direction.ts";
import { startProcessStack, type ProcessStack } from "../support/processes.ts";
import { runCommand } from "../support/cli.ts";

const START_MS = 240_000;
/** Of a service that is started again. */
const RESTART_MS = 100_000;
setDefaultTimeout(START_MS);
const directory = mkdtempSync(join(tmpdir(), "trimtab-process-mode-"));
let stack: Stack;
let processes: ProcessStack;

beforeAll(async () => {
  process.env["TRIMTAB_STORE"] = directory;
  const options = { modelPath: defaultModelPath(), threads: 1, host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack(options);
  await putTestDirection(stack.client);
  processes = await startProcessStack({ TRIMTAB_STORE: directory });
}, START_MS);

afterAll(async () => {
  await processes?.close();
  await stack?.close();
  rmSync(directory, { recursive: true, force: true });
});

test("five processes give the tokens of the default composition, steered and not", async () => {
  const spec = steeredSpec("Tell me about the sea.", { compare: true, seed: 7n, temperature: 0.8 });
  const [here, there] = await Promise.all([
    stack.client.complete({ spec }),
    processes.gateway.complete({ spec }),
  ]);
  expect(here.choices).toHaveLength(2);
  for (const [index, choice] of here.choices.entries()) {
    const other = there.choices[index]!;
    expect(other.text).toBe(choice.text);
    expect(other.tokens.map((t) => [t.id, t.logprob])).toEqual(choice.tokens.map((t) => [t.id, t.logprob]));
  }
  expect(here.choices[0]!.text).not.toBe(here.choices[1]!.text);
  expect(here.choices[1]!.finished!.proof.length).toBeGreaterThan(0);
});

test("five processes give the search of the default composition, byte for byte, steered candidates and all", async () => {
  const { steering, ...spec } = steeredSpec("Count: one, two,", { seed: 7n, temperature: 0.8 });
  const scaling = {
    strategy: "particle-filtering",
    budget: { candidates: 3 },
    verifier: { name: "equations" },
    step: { rule: { case: "tokens" as const, value: 5 } },
    diversify: [{}, steering.use],
    trace: true,
  };
  const search = { spec: { ...spec, scaling, maxTokens: 12, logprobs: false } };
  const answers = await Promise.all([stack.client.complete(search), processes.gateway.complete(search)]);
  const [here, there] = answers.map(
    (answer) => answer.search && toJsonString(FinalEventSchema, answer.search),
  );
  expect(here).toBe(there ?? "");
  expect(answers[0].search?.candidates.length).toBeGreaterThanOrEqual(3);
});

test("X1 a killed forward process is told, started again, and serves the same steered answer", async () => {
  const spec = steeredSpec("Count to five.", {});
  const before = await stack.client.complete({ spec });
  const long = stack.client.complete({
    spec: { ...steeredSpec("Write a long story.", {}), maxTokens: 2000 },
  });
  process.kill(stack.forwardPid()!, "SIGKILL");
  const failure = await long.then(
    () => undefined,
    (error: unknown) => fromConnectError(error),
  );
  expect(failure?.reason).toMatch(/UNAVAILABLE$/);
  const after = await eventually(() => stack.client.complete({ spec }));
  expect(after.choices[0]!.text).toBe(before.choices[0]!.text);
  expect(after.choices[0]!.finished!.steered).toBe(true);
  expect(TEST_DIRECTION).toBe(spec.steering.use.direction);
});

test("a model that was loaded is there again after a fault, one that was unloaded is not", async () => {
  const address = ["--address", `127.0.0.1:${stack.grpcPort}`];
  const models = (...args: string[]) => runCommand(["model", ...args, ...address]);
  const namesOf = ({ stdout }: Awaited<ReturnType<typeof models>>) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
  const [first] = namesOf(await models("ps"));
  expect(namesOf(await models("load", first!, "--quantize", "q8_0"))).toEqual([`${first}.Q8_0`]);
  process.kill(stack.forwardPid()!, "SIGKILL");
  const both = await eventually(() => stack.client.listModels({}));
  expect(both.models.filter(({ loaded }) => loaded).map(({ name }) => name)).toEqual([
    first!,
    `${first}.Q8_0`,
  ]);
  expect((await models("unload", `${first}.Q8_0`)).code).toBe(0);
  process.kill(stack.forwardPid()!, "SIGKILL");
  await eventually(() => stack.client.listModels({}));
  expect(namesOf(await models("ps"))).toEqual([first!]);
});

/** Repeats while the service says that it is unavailable. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + RESTART_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const { reason, retryAfterMs } = fromConnectError(error);
      if (!reason.endsWith("UNAVAILABLE") || performance.now() > deadline) throw error;
      await Bun.sleep(Math.min(retryAfterMs ?? 100, 250));
    }
  }
}
