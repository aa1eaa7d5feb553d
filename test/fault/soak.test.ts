/**
 * Everybody asks for everything and many leave: for half a minute, and for 20 in the long run, on the real model. Every outcome is
 * one that was asked for; afterwards nothing is left; in the long run memory of both processes stays.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { createRandom } from "../model/strings.ts";
import { reportCount } from "../support/counts.ts";
import { putTestDirection } from "../support/direction.ts";
import { startWhole, type Whole } from "../support/whole.ts";
import { residentMib, type Sample, slopeOf } from "./support/memory.ts";
import { createTraffic, EXPLAINED } from "./support/traffic.ts";

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const MINUTES = Number(process.env["TRIMTAB_SOAK_MINUTES"] ?? (isFull ? 20 : 0.5));
/**
 * Until every function is compiled: which takes calls, and on a machine that is taken those take time. Never longer than the soak
 * was to last. With fewer calls memory still grew; with as many it had ended growing, on an idle machine well within the share.
 */
const WARM_SHARE = 0.3;
const WARM_CALLS = isFull ? 1_600 : 0;
/** Memory of keys and values, and prompts that write every page of it before anything is measured: they are longer together. */
const KV_MIB = "48";
const FILLING = { prompts: 5, words: 250 };
const MOST_GROWTH = 1;
const AT_ONCE = 8;
const SEED = 5;
const SAMPLE_MS = 2_000;
const SETTLE_MS = 20_000;
setDefaultTimeout((2 * MINUTES + 5) * 60_000);

const directory = mkdtempSync(join(tmpdir(), "trimtab-soak-"));
let served: Whole;
beforeAll(async () => {
  served = await startWhole(["--threads", "1", "--kv-memory", KV_MIB], { TRIMTAB_STORE: directory });
  const connection = connectTo({ address: `127.0.0.1:${served.grpcPort}` });
  await putTestDirection(connection.client(GatewayService));
  connection.close();
  if (isFull) await fillMemory();
}, 120_000);
afterAll(async () => {
  await served?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const forwardPid = (): number =>
  Number(readFileSync(`/proc/${served.pid}/task/${served.pid}/children`, "utf8").trim().split(" ")[0]);

/** Else the memory would grow as long as pages are written for the first time, which takes as long as the machine is slow. */
async function fillMemory(): Promise<void> {
  const used: number[] = [];
  for (let number = 0; number < FILLING.prompts; number++) {
    const prompt = Array.from({ length: FILLING.words }, (_, at) => `${(number + 1) * (at + 7)}`).join(" ");
    const response = await fetch(`http://127.0.0.1:${served.httpPort}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "smollm2-135m-instruct", prompt, max_tokens: 1 }),
    });
    expect(response.status).toBe(200);
    used.push(((await response.json()) as { usage: { prompt_tokens: number } }).usage.prompt_tokens);
  }
  expect(used.reduce((sum, tokens) => sum + tokens, 0)).toBeGreaterThan(4_000);
}

/** Tells the warm-up from what is measured, which always lasts as long. */
function createPhases(minute: () => number, calls: () => number) {
  let warmMinute: number | undefined;
  return {
    /** Minute at which the warm-up ended. */
    warmMinute(): number | undefined {
      const isWarm = minute() >= MINUTES * WARM_SHARE && (calls() >= WARM_CALLS || minute() >= MINUTES);
      if (isWarm) warmMinute ??= minute();
      return warmMinute;
    },
    isOver(): boolean {
      const began = this.warmMinute();
      return began !== undefined && minute() >= began + MINUTES * (1 - WARM_SHARE);
    },
  };
}

/** Sum of the series of a metric. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${served.httpPort}/metrics`)).text();
  const series = [...text.matchAll(new RegExp(`^trimtab_${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
  return series.reduce((sum, [, value]) => sum + Number(value), 0);
}

test(`a soak of ${MINUTES} minutes with ${AT_ONCE} clients leaves nothing (seed ${SEED})`, async () => {
  const outcomes = new Map<string, number>();
  const isLinux = process.platform === "linux";
  const growth = { gateway: [] as Sample[], forward: [] as Sample[] };
  const began = performance.now();
  const minute = (): number => (performance.now() - began) / 60_000;
  const calls = (): number => [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const phases = createPhases(minute, calls);
  const traffic = createTraffic(served, createRandom(SEED));
  const sampler = setInterval(() => {
    if (!isLinux || phases.warmMinute() === undefined) return;
    growth.gateway.push({ minute: minute(), mib: residentMib(served.pid) });
    growth.forward.push({ minute: minute(), mib: residentMib(forwardPid()) });
  }, SAMPLE_MS);
  const client = async (): Promise<void> => {
    while (!phases.isOver()) {
      const outcome = await traffic.call();
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  clearInterval(sampler);
  traffic.close();
  const slopes = { gateway: slopeOf(growth.gateway), forward: slopeOf(growth.forward) };
  const said = Object.entries(slopes).map(([name, slope]) => `${name} ${slope.toFixed(2)} MiB/min`);
  reportCount(
    "soak",
    calls(),
    `${minute().toFixed(1)} min, ${phases.warmMinute()?.toFixed(1)} of them to warm up, ${said.join(", ")}; ${[...outcomes].map(([o, n]) => `${n} ${o}`).join(", ")}`,
  );
  expect([...outcomes.keys()].filter((outcome) => !EXPLAINED.has(outcome))).toEqual([]);
  const left = [
    "sequences",
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
    "admission_running_tokens",
  ];
  const deadline = performance.now() + SETTLE_MS;
  let values = await Promise.all(left.map(metric));
  while (values.some((value) => value !== 0) && performance.now() < deadline) {
    await Bun.sleep(SAMPLE_MS / 20);
    values = await Promise.all(left.map(metric));
  }
  expect(values).toEqual(left.map(() => 0));
  if (isFull) for (const slope of Object.values(slopes)) expect(slope).toBeLessThanOrEqual(MOST_GROWTH);
});
