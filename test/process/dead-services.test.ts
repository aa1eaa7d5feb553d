/** Services that die while an answer is on its way, and a gateway that is told to end, as processes of their own (rows X4, X24). */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromConnectError, type TrimtabError } from "#kit/errors.ts";
import { putTestDirection, steeredSpec } from "../support/direction.ts";
import {
  gatewayClient,
  startProcessStack,
  startServiceProcess,
  type ProcessStack,
} from "../support/processes.ts";

setDefaultTimeout(120_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-dead-services-"));
const verified = { verifiers: [{ name: "equations" }] };
const steered = { ...steeredSpec("Tell me about the sea.", {}), maxTokens: 40 };
const { steering: _, ...plain } = steered;
let processes: ProcessStack;

beforeAll(async () => {
  processes = await startProcessStack({ TRIMTAB_STORE: directory });
  await putTestDirection(processes.gateway);
});
afterAll(async () => {
  await processes?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function kill(service: string): Promise<void> {
  const { process } = processes.services[service]!;
  process.kill("SIGKILL");
  await process.exited;
}

/** Streams an answer; `onFirst` happens, and is over, before its second token is read. */
async function streamed(spec: object, onFirst: () => Promise<unknown> | void) {
  let text = "";
  let isSteered = false;
  const failures: string[] = [];
  for await (const { event } of processes.gateway.generate({ spec })) {
    if (event.case === "verdicts") failures.push(...event.value.verdicts.map(({ failure }) => failure));
    if (event.case === "finished") isSteered = event.value.steered;
    if (event.case !== "delta") continue;
    if (text === "") await onFirst();
    text += event.value.text;
  }
  return { text, isSteered, failures };
}

const failureOf = (spec: object): Promise<TrimtabError | undefined> =>
  processes.gateway.complete({ spec }).then(() => undefined, fromConnectError);

test("X4 steering that dies in mid-answer: that answer stays steered to its end, the next is refused, one without is served", async () => {
  const whole = await streamed(steered, () => undefined);
  const survived = await streamed(steered, () => kill("steering"));
  expect(survived).toEqual(whole);
  expect(survived.isSteered).toBe(true);
  expect((await failureOf(steered))?.reason).toMatch(/^(STEERING|SERVICE)_UNAVAILABLE$/);
  expect((await streamed(plain, () => undefined)).text).not.toBe("");
});

test("X4 a verifier that dies in mid-answer: the answer stands, with a verdict that says so and has no score", async () => {
  // Long enough to be still under way when the verifier has died, on a machine that is taken too.
  const spec = { ...plain, ...verified, maxTokens: 160 };
  const whole = await streamed(spec, () => undefined);
  expect(whole.failures).toEqual([""]);
  const survived = await streamed(spec, () => kill("verifier"));
  expect(survived.text).toBe(whole.text);
  expect(survived.failures).toEqual(["SERVICE_UNAVAILABLE"]);
});

test("X24 a gateway told to end lets its streams come to their ends, lets nobody in any more, and ends well", async () => {
  const { gateway: _other, ...behind } = processes.services;
  const addresses = Object.entries(behind).map(([name, { address }]) => [name, address] as const);
  const own = await startServiceProcess("gateway", Object.fromEntries(addresses));
  const client = gatewayClient(own.address);
  const whole = (await client.complete({ spec: plain })).choices[0]?.text;
  const late: Promise<string>[] = [];
  const stream = async (): Promise<string> => {
    let text = "";
    for await (const { event } of client.generate({ spec: plain })) {
      if (event.case !== "delta") continue;
      text += event.value.text;
      if (late.length > 0) continue;
      own.process.kill("SIGTERM");
      // The signal is heard in its own time: whoever comes is answered until then, and refused afterwards.
      late.push(refusedSoon(client));
    }
    return text;
  };
  const texts = await Promise.all(Array.from({ length: 3 }, stream));
  expect(texts).toEqual(texts.map(() => whole ?? ""));
  expect(await Promise.all(late)).toEqual(["SERVICE_UNAVAILABLE"]);
  expect(await own.process.exited).toBe(0);
});

async function refusedSoon(client: ProcessStack["gateway"]): Promise<string> {
  for (;;) {
    const reason = await client.complete({ spec: { ...plain, maxTokens: 1 } }).then(() => "", reasonOf);
    if (reason !== "") return reason;
  }
}
const reasonOf = (error: unknown): string => fromConnectError(error).reason;

test("X4 a tokenizer that dies in mid-answer: the answer is whole, the next is refused with the time to come again", async () => {
  const whole = await streamed(plain, () => undefined);
  expect((await streamed(plain, () => kill("tokenizer"))).text).toBe(whole.text);
  const failure = await failureOf(plain);
  expect(failure?.reason).toBe("SERVICE_UNAVAILABLE");
  expect(failure?.retryAfterMs).toBeGreaterThan(0);
});
