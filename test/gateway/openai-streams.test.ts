/** Event streams: their order and end, errors, silence, and clients that leave or do not read. */
import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { eventStream } from "../../gateway/src/openai/sse.ts";
import { chatBody, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const CHAT = "/v1/chat/completions";

/** The payloads of an event stream: parsed JSON, or the bare text. */
async function events(response: Response): Promise<any[]> {
  const lines = (await response.text()).split("\n\n").filter((line) => line !== "");
  return lines.map((line) => {
    const data = line.replace(/^data: /, "");
    return data.startsWith("{") ? JSON.parse(data) : data;
  });
}

test("a stream begins with the role, ends with finish_reason, usage and [DONE]", async () => {
  const { post } = createSimulatedStack();
  const options = { stream: true, stream_options: { include_usage: true } };
  const response = await post(CHAT, chatBody("hello", options));
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const all = await events(response);
  expect(all[0].choices[0].delta).toMatchObject({ role: "assistant", content: "" });
  const text = all.slice(1, -3).map((chunk) => chunk.choices[0].delta.content);
  expect(text.join("")).toBe("Sure, I help.");
  expect(all.at(-3).choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
  expect(all.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 11 } });
  expect(all.at(-1)).toBe("[DONE]");
  expect(new Set(all.slice(0, -1).map((chunk) => chunk.id)).size).toBe(1);
});

test("without include_usage no chunk speaks of usage", async () => {
  const { post } = createSimulatedStack();
  const all = await events(await post(CHAT, chatBody("hello", { stream: true })));
  expect(all.slice(0, -1).filter((chunk) => "usage" in chunk)).toEqual([]);
  expect(all.at(-2).choices[0].finish_reason).toBe("stop");
});

test("a steered stream says what was decided first, and what came of it last", async () => {
  const { post } = createSimulatedStack();
  const more = { stream: true, steering: { recipe: "refusal", compare: true }, verifiers: ["words"] };
  const all = await events(await post(CHAT, chatBody("hello!", more)));
  const of = (index: number) =>
    all.filter((chunk) => chunk.choices?.[0]?.index === index).map((chunk) => chunk.choices[0]);
  expect(of(1)[0].trimtab).toMatchObject({ gate: 0.9, layer_weights: [0, 0, 1, 0] });
  expect(of(1).at(-1)).toMatchObject({
    finish_reason: "stop",
    trimtab: { steered: true, proof: [{ layer: 2 }] },
  });
  expect(of(1).at(-1).trimtab.verdicts[0].label).toBe("I ca");
  expect(of(0).at(-1).trimtab).toMatchObject({ steered: false });
  expect(of(0)[0].trimtab.gate).toBeUndefined();
});

test("an error before the first token keeps its status", async () => {
  const stack = createSimulatedStack();
  stack.steering.before = () => Promise.reject(new Error("boom"));
  const response = await stack.post(
    CHAT,
    chatBody("hello!", { stream: true, steering: { recipe: "refusal" } }),
  );
  expect(response.status).toBe(503);
});

test("an error in mid-stream is an error event, and no [DONE] follows", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = (_id, index) => {
    if (index === 3) throw new ConnectError("gone", Code.Unavailable);
  };
  const all = await events(await stack.post(CHAT, chatBody("hello", { stream: true })));
  expect(all.at(-1)).toMatchObject({ error: { type: "service_unavailable_error" } });
  expect(all.at(-2).choices[0].delta.content).toBe("r");
});

test("G23 a client that leaves a stream frees its sequences within 100 ms", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = (_id, index) => (index < 2 ? undefined : new Promise(() => undefined));
  const response = await stack.post(CHAT, chatBody("hello", { stream: true, n: 3 }));
  const reader = response.body?.getReader();
  await reader?.read();
  expect(stack.forward.alive.size).toBe(3);
  await reader?.cancel();
  expect(await until(() => stack.forward.alive.size === 0)).toBeLessThan(100);
  await until(() => stack.gateway.running() === 0);
});

test("a client that leaves before the answer frees its sequences", async () => {
  const stack = createSimulatedStack();
  stack.forward.beforeToken = () => new Promise(() => undefined);
  const leave = new AbortController();
  const response = stack.post(CHAT, chatBody("hello"), { signal: leave.signal });
  await until(() => stack.forward.alive.size === 1);
  leave.abort();
  await until(() => stack.forward.alive.size === 0);
  await response.catch(() => undefined);
});

const QUICK = { pingMs: 5, headersMs: 5, readerStallMs: 30 };

test("silence is filled with comments, and headers do not wait for the first token for ever", async () => {
  const held = Promise.withResolvers<void>();
  async function* late(): AsyncGenerator<object, void> {
    await held.promise;
    yield { a: 1 };
  }
  const response = await eventStream(late, () => undefined, undefined, QUICK);
  const reader = response.body?.getReader();
  const decode = async () => new TextDecoder().decode((await reader?.read())?.value);
  /** The next that is no comment: on a slow machine there may be one anywhere. */
  const said = async (): Promise<string> => {
    for (;;) {
      const next = await decode();
      if (!next.startsWith(":")) return next;
    }
  };
  expect(await decode()).toBe(": ping\n\n");
  held.resolve();
  expect(await said()).toBe('data: {"a":1}\n\n');
  expect(await said()).toBe("data: [DONE]\n\n");
});

test("G22 a client that does not read is left, and nothing is produced for it meanwhile", async () => {
  let produced = 0;
  let left = 0;
  async function* endless(): AsyncGenerator<object, void> {
    for (;;) yield { produced: produced++ };
  }
  await eventStream(endless, () => left++, undefined, QUICK);
  await until(() => left === 1);
  expect(produced).toBeLessThan(5);
});
