/** Supervised child processes: killed, failing, closed, orphaned. */
import { afterEach, beforeEach, expect, setSystemTime, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import type { Logger } from "#kit/log.ts";
import { type Supervisor, supervise } from "#kit/supervisor.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";

let directory: string;
let socketPath: string;
let child: Supervisor | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trimtab-child-"));
  socketPath = join(directory, "child.sock");
});
afterEach(async () => {
  setSystemTime();
  await child?.close();
  rmSync(directory, { recursive: true });
});

const commandOf = () => [process.execPath, join(import.meta.dir, "echo-child.ts"), socketPath];
/** From now on the child exits with this status. */
const exitWith = (status: number) => writeFileSync(`${socketPath}.status`, String(status));
const reasonOf = async (ready: Promise<void>) =>
  fromConnectError(await ready.catch((error: unknown) => error)).reason;

test("X5 a killed child fails running and next calls with SERVICE_UNAVAILABLE, then the same client works again", async () => {
  child = supervise({ command: commandOf(), socketPath });
  await child.ready();
  const connection = connectTo({ socketPath });
  const client = connection.client(TokenizerService);
  expect((await client.encode({ texts: ["A"] })).encodings[0]?.ids).toEqual([65]);
  const first = child.pid as number;
  const running = client.encode({ texts: ["stuck"] }).catch((e: unknown) => e);
  await client.encode({ texts: ["A"] });
  process.kill(first, "SIGKILL");
  expect(fromConnectError(await running).reason).toBe("SERVICE_UNAVAILABLE");
  const next = await client.encode({ texts: ["A"] }).catch((e: unknown) => e);
  expect(fromConnectError(next).reason).toBe("SERVICE_UNAVAILABLE");
  await child.ready();
  expect(child.pid).not.toBe(first);
  expect(child.restarts).toBe(1);
  expect((await client.encode({ texts: ["B"] })).encodings[0]?.ids).toEqual([66]);
  connection.close();
}, 120_000);

test("X26 a child that cannot start is tried again with growing pauses, and waiting for it ends in a typed error", async () => {
  exitWith(3);
  child = supervise({ command: commandOf(), socketPath });
  while (child.restarts < 2) await Bun.sleep(20);
  expect(await reasonOf(child.ready(50))).toBe("SERVICE_UNAVAILABLE");
  expect(child.restarts).toBeLessThanOrEqual(5);
}, 120_000);

test("X19 a clock that jumps while a child starts neither ends the child nor who waits for it", async () => {
  child = supervise({ command: commandOf(), socketPath });
  const ready = child.ready();
  for (const days of [1, -1]) {
    setSystemTime(new Date(Date.now() + days * 86_400_000));
    await Bun.sleep(30);
  }
  setSystemTime(new Date(Date.now() + 86_400_000));
  await ready;
  expect(child.restarts).toBe(0);
  exitWith(3);
  child.kill();
  const late = reasonOf(child.ready(500));
  await Bun.sleep(20);
  setSystemTime(new Date(Date.now() - 86_400_000));
  expect(await late).toBe("SERVICE_UNAVAILABLE");
}, 120_000);

test.each([
  [64, "INVALID_ARGUMENT"],
  [65, "ARTIFACT_INVALID"],
  [66, "ARTIFACT_NOT_FOUND"],
] as const)(
  "a child that ends its first start with %i is never started again",
  async (status, reason) => {
    exitWith(status);
    child = supervise({ command: commandOf(), socketPath });
    expect(await reasonOf(child.ready())).toBe(reason);
    expect(child).toMatchObject({ state: "failed", restarts: 1, pid: undefined });
    expect(await reasonOf(child.ready())).toBe(reason);
    await child.close();
    expect(child.state).toBe("closed");
  },
  120_000,
);

test("a child that has served is started again whatever it ends with", async () => {
  child = supervise({ command: commandOf(), socketPath });
  await child.ready();
  exitWith(66);
  child.kill();
  while (child.restarts < 3) await Bun.sleep(20);
  rmSync(`${socketPath}.status`);
  await child.ready();
  expect(child.state).toBe("ready");
}, 120_000);

test("a child that cannot even be started again is tried until it can: its folder was gone for a while", async () => {
  const cwd = join(directory, "home");
  mkdirSync(cwd);
  const said: string[] = [];
  const log = { log: (_level: string, message: string) => void said.push(message) } as unknown as Logger;
  child = supervise({ command: commandOf(), socketPath, cwd, log });
  await child.ready();
  rmSync(cwd, { recursive: true });
  child.kill();
  while (said.filter((message) => message === "child cannot be started").length < 2) await Bun.sleep(20);
  expect(await reasonOf(child.ready(50))).toBe("SERVICE_UNAVAILABLE");
  mkdirSync(cwd);
  await child.ready();
  expect(child.state).toBe("ready");
}, 20_000);

test("close ends the child for good", async () => {
  child = supervise({ command: commandOf(), socketPath });
  await child.ready();
  const pid = child.pid as number;
  await child.close();
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(child.state).toBe("closed");
  expect(await reasonOf(child.ready())).toBe("SERVICE_UNAVAILABLE");
}, 120_000);

test("X3 a child does not outlive a parent that was killed", async () => {
  const parent = Bun.spawn([process.execPath, join(import.meta.dir, "echo-parent.ts"), socketPath], {
    stdout: "pipe",
  });
  let output = "";
  for await (const chunk of parent.stdout) {
    output += new TextDecoder().decode(chunk);
    if (output.includes("\n")) break;
  }
  const orphan = Number(output);
  expect(existsSync(`/proc/${orphan}`)).toBe(true);
  parent.kill("SIGKILL");
  await parent.exited;
  while (existsSync(`/proc/${orphan}`)) await Bun.sleep(10);
}, 120_000);
