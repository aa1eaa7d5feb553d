/** What a request takes of its key's rate: what it used, not what it might have. */
import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chatBody, until } from "./support/asks.ts";
import { keyed } from "./support/keyed-stack.ts";
import { createSimulatedStack, type SimulatedStack } from "./support/simulated-services.ts";

const CHAT = "/v1/chat/completions";
// No time passes, in which tokens would come back.
beforeAll(() => void spyOn(performance, "now").mockReturnValue(0));
afterAll(() => spyOn(performance, "now").mockRestore());
// Ten seconds of the rate at once: 100 tokens.
const gate = createKeyGate({ apiKey: "", keys: [keyed("slow", { tokensPerSecond: 10 })] });
const headers = { "content-type": "application/json", authorization: "Bearer key-of-slow" };
const LONG = { max_tokens: 80 };

/** A stack that answers with a letter a token for as long as it may. */
function talkative(): SimulatedStack {
  const stack = createSimulatedStack({ gate });
  stack.forward.script = () => new Array<number>(200).fill(97);
  return stack;
}

const ask = (stack: SimulatedStack, more: object, init: RequestInit = {}) =>
  stack.post(CHAT, chatBody("hello", { ...LONG, ...more }), { headers, ...init });

/** Asks for a long answer and leaves when so many tokens of it were computed. */
async function leaveAfter(stack: SimulatedStack, tokens: number, more: object = {}): Promise<void> {
  const leaving = new AbortController();
  const { beforeToken } = stack.forward;
  stack.forward.beforeToken = async (_sequence, index) => {
    if (index === tokens) leaving.abort();
    if (index >= tokens) await Promise.withResolvers<void>().promise;
  };
  await ask(stack, more, { signal: leaving.signal })
    .then((response) => response.text())
    .catch(() => undefined);
  await until(() => stack.gateway.running() === 0);
  stack.forward.beforeToken = beforeToken;
}

test("a client that leaves is charged its prompt and what it got", async () => {
  for (const stream of [false, true]) {
    const early = talkative();
    await leaveAfter(early, 3, { stream });
    expect((await ask(early, { max_tokens: 60 })).status).toBe(200);
    const late = talkative();
    await leaveAfter(late, 79, { stream });
    expect((await ask(late, { max_tokens: 60 })).status).toBe(429);
  }
});

test("what is refused before it is begun takes nothing", async () => {
  const stack = talkative();
  for (let i = 0; i < 3; i++) expect((await ask(stack, { model: "nope" })).status).toBe(404);
  expect((await ask(stack, {})).status).toBe(200);
  expect((await ask(stack, {})).status).toBe(429);
});

test("nor does what is read and scored", async () => {
  const { routes } = talkative().gateway;
  const client = connectTo({ routes }, { apiKey: "key-of-slow" }).client(GatewayService);
  const reasonOf = (call: Promise<unknown>) =>
    call.then(
      () => "none",
      (error: unknown) => fromConnectError(error).reason,
    );
  const conversation = { messages: [{ role: "user", content: "x".repeat(240) }] };
  const capture = async (model: string) => {
    for await (const _ of client.capture({ model, input: { case: "conversation", value: conversation } }));
  };
  const wrong = ["FIELD_REQUIRED", "FIELD_REQUIRED", "MODEL_NOT_FOUND", "MODEL_NOT_FOUND"];
  const score = (model: string) => reasonOf(client.score({ model, conversation, answers: ["yes"] }));
  const reasons: string[] = [];
  for (let i = 0; i < 2; i++) reasons.push(await reasonOf(capture("")));
  for (let i = 0; i < 2; i++) reasons.push(await score("nope"));
  expect(reasons).toEqual(wrong);
  expect([await score(""), await score("")]).toEqual(["none", "RATE_LIMITED"]);
});

test("a search that is left counts as what it may spend", async () => {
  const stack = talkative();
  const scaling = { strategy: "best-of-n", budget: { candidates: 2 }, verifier: "words" };
  await leaveAfter(stack, 3, { scaling, max_tokens: 40 });
  expect((await ask(stack, {})).status).toBe(429);
});
