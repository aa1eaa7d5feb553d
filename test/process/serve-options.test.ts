/** What `trimtab serve` can be told about its engine and its callers, seen from outside, on the real model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { connectTo } from "#kit/clients.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
const CONTEXT = 512;
const PAGE = 32;
const PAGE_BYTES = 414_720;
const KV_MIB = 24;
let stack: Stack;

beforeAll(async () => {
  process.env["TRIMTAB_API_KEY"] = "alice-key bob-key";
  stack = await startStack({
    ...{ modelPath: defaultModelPath(), threads: 1, host: "127.0.0.1", grpcPort: 0, httpPort: 0 },
    engine: { kvMemory: KV_MIB, context: CONTEXT, batchTokens: 64 },
  });
}, 120_000);
afterAll(async () => {
  delete process.env["TRIMTAB_API_KEY"];
  await stack?.close();
});

/** Full pages are found again, and the last token is computed in any case. */
const reusable = (tokens: number) => Math.min(Math.floor(tokens / PAGE) * PAGE, tokens - 1);

const QUESTION = `${"The sea is deep and wide. ".repeat(6)}What is it?`;

async function ask(key: string, content = QUESTION) {
  const response = await fetch(`http://127.0.0.1:${stack.httpPort}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "smollm2-135m-instruct",
      messages: [{ role: "user", content }],
      max_tokens: 4,
      temperature: 0,
    }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}
interface Answer {
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { cached_tokens: number };
  };
  readonly choices?: readonly { readonly message: { readonly content: string } }[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function metrics(): Promise<(name: string) => number> {
  const headers = { authorization: "Bearer alice-key" };
  const text = await (await fetch(`http://127.0.0.1:${stack.httpPort}/metrics`, { headers })).text();
  return (name) =>
    Number(new RegExp(`^trimtab_${name}\\{[^}]*model_name=[^}]*\\} (\\S+)$`, "m").exec(text)?.[1]);
}

/** The metrics when nothing runs any more: the session with the engine ends after the answer. */
async function metricsAtRest(): ReturnType<typeof metrics> {
  for (;;) {
    const value = await metrics();
    if (value("sequences") === 0 && value("num_requests_running") === 0) return value;
    await Bun.sleep(20);
  }
}

test("a prompt asked twice with one key is cached for that key, and for no other; usage says so", async () => {
  const first = await ask("alice-key");
  const again = await ask("alice-key");
  const other = await ask("bob-key");
  const cached = (answer: Answer) => answer.usage?.prompt_tokens_details.cached_tokens;
  expect([cached(first.body), cached(other.body)]).toEqual([0, 0]);
  const promptTokens = first.body.usage?.prompt_tokens ?? 0;
  expect(cached(again.body)).toBe(reusable(promptTokens));
  expect(again.body.choices).toEqual(first.body.choices);
  expect(other.body.choices?.[0]?.message).toEqual(first.body.choices![0]!.message);
  expect((await ask("mallory-key")).status).toBe(401);
});

test("the gRPC usage counts the same, and a call with the other key does not wait for it", async () => {
  const prompt = { case: "text" as const, value: QUESTION };
  const usage = async (apiKey: string) => {
    const connection = connectTo({ address: `127.0.0.1:${stack.grpcPort}` }, { apiKey });
    const call = connection.client(GatewayService).complete({ spec: { prompt, maxTokens: 2 } });
    return await call.then(({ usage: used }) => used).finally(() => connection.close());
  };
  const [first, again, other] = [await usage("alice-key"), await usage("alice-key"), await usage("bob-key")];
  expect([first?.reusedTokens, other?.reusedTokens]).toEqual([0, 0]);
  expect(again?.reusedTokens).toBe(reusable(again?.promptTokens ?? 0));
});

test("the engine has the memory and the context it was given, and says so when they are too small", async () => {
  const value = await metrics();
  expect(value("kv_pages")).toBe(Math.floor((KV_MIB * 2 ** 20) / PAGE_BYTES));
  const tooLong = await ask("alice-key", "word ".repeat(CONTEXT));
  expect(tooLong).toMatchObject({ status: 400, body: { error: { code: "context_length_exceeded" } } });
  expect(tooLong.body.error?.message).toContain(String(CONTEXT));
});

test("the gateway's metrics show what the engine holds and has done", async () => {
  const before = await metrics();
  const { body } = await ask("alice-key");
  const after = await metricsAtRest();
  const grown = (name: string) => after(name) - before(name);
  expect(grown("generation_tokens_total")).toBe(4);
  expect(grown("prefix_cache_hits_total")).toBe(body.usage?.prompt_tokens_details.cached_tokens ?? -1);
  expect(grown("prompt_tokens_total")).toBeGreaterThanOrEqual(grown("prefix_cache_queries_total"));
  expect([after("num_requests_running"), after("num_requests_waiting"), after("sequences")]).toEqual([
    0, 0, 0,
  ]);
  expect(after("kv_cache_usage_perc")).toBe(0);
  expect(after("kv_pages_free")).toBe(after("kv_pages"));
  expect(after("kv_pages_cached")).toBeGreaterThan(0);
});

test("the engine's process holds no more than weights, configured KV memory and 150 MB", async () => {
  const value = await metrics();
  const status = readFileSync(`/proc/${stack.forwardPid()}/status`, "utf8");
  const residentBytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  const mb = (bytes: number) => Math.round(bytes / 1e6);
  const [weights, kv] = [value("weight_bytes"), value("kv_bytes")];
  console.log(
    `resident ${mb(residentBytes)} MB (peak ${mb(peakBytes)}): weights ${mb(weights)}, KV ${mb(kv)}`,
  );
  expect(residentBytes).toBeLessThanOrEqual(weights + kv + 150e6);
});

test("flags out of range are refused with the range", async () => {
  for (const [flag, value] of [
    ["--kv-memory", "0"],
    ["--batch-tokens", "5000"],
  ] as const) {
    const result = await runCommand(["serve", flag, value]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/a whole number from 1 to \d+ is needed/);
  }
});
