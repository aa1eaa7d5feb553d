/** Fork computes the prompt its children have in common once, and bills what it computed. */
import { PAGE_TOKENS } from "#kernels";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createKeyGate } from "#kit/auth.ts";
import { createMetrics } from "#kit/metrics.ts";
import { createGateway } from "../../gateway/index.ts";
import { createForwardService, type RunningForwardService } from "../../services/forward/index.ts";
import { createTokenizerService, type TokenizerServiceRoom } from "../../services/tokenizer/index.ts";
import { chat, refusal, text } from "./support/asks.ts";
import { keyed } from "./support/keyed-stack.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const PROMPT = "The quick brown fox jumps over the lazy dog, and then it looks around. ".repeat(3);
const CONTINUATIONS = ["Red is", "Green things are", "Blue"];

let forward: RunningForwardService;
let tokenizer: TokenizerServiceRoom;
beforeAll(async () => {
  forward = await createForwardService({ modelPath: defaultModelPath(), threads: 1 });
  tokenizer = await createTokenizerService({ modelPath: defaultModelPath() });
}, 120_000);
afterAll(async () => {
  await forward.close();
  tokenizer.close();
});

test("prefilled tokens are the prompt plus the continuations; each child answers as it would alone", async () => {
  const services = {
    ...createSimulatedStack().clients,
    forward: connectTo({ routes: forward.routes }).client(ForwardService),
    tokenizer: connectTo({ routes: tokenizer.routes }).client(TokenizerService),
  };
  const gateway = createGateway({ clients: services, gate: createKeyGate({ apiKey: "" }) });
  const client = connectTo({ routes: gateway.routes }).client(GatewayService);
  const count = async (value: string) =>
    (await client.tokenize({ input: { case: "text", value } })).ids.length;
  const promptTokens = await count(PROMPT);
  const own = await Promise.all(CONTINUATIONS.map(count));
  const ownTokens = own.reduce((sum, tokens) => sum + tokens, 0);
  const more = { maxTokens: 4, sampling: { temperature: 0 } };

  const { choices, usage } = await client.fork({ ...text(PROMPT, more), continuations: CONTINUATIONS });
  expect(usage?.promptTokens).toBe(CONTINUATIONS.length * promptTokens + ownTokens);
  // The last token of each is computed with its first answer token.
  expect(usage?.prefilledTokens).toBe(promptTokens + ownTokens - CONTINUATIONS.length);
  expect(usage?.reusedTokens).toBe((CONTINUATIONS.length - 1) * promptTokens);

  for (const [index, continuation] of CONTINUATIONS.entries()) {
    const alone = await client.fork({ ...text(PROMPT, more), continuations: [continuation] });
    // Forward has the full pages of these very tokens from the answers before.
    const computed = promptTokens + (own[index] ?? 0) - 1;
    expect(alone.usage?.reusedTokens).toBe(PAGE_TOKENS * Math.floor(computed / PAGE_TOKENS));
    expect(choices[index]?.text).toBe(alone.choices[0]?.text ?? "none");
  }
  const { model } = await services.forward.getModel({});
  expect(model?.kvMemory?.sequences).toBe(0);
}, 120_000);

test("children run on one session, are planned apart and may need a second prompt of their own", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.fork({
    ...chat("hello", refusal({}, { scope: 1 })),
    continuations: ["yes!", "no", "oh!"],
  });
  const [base, steered] = ["Sure, I help.", "I cannot help with that."];
  expect(answer.choices.map((choice) => choice.text)).toEqual([
    `yes!${steered}`,
    `no${base}`,
    `oh!${steered}`,
  ]);
  expect(stack.forward.sessions).toBe(1);
  expect(stack.forward.commands.slice(0, 3).map(({ command }) => command.case)).toEqual(
    Array(3).fill("open"),
  );
  expect([...stack.forward.alive]).toEqual([]);
});

test("one child that fails ends all, and nothing is left behind", async () => {
  const stack = createSimulatedStack();
  const longest = "a".repeat(600);
  const failure = await stack.client
    .fork({ ...chat("hello"), continuations: ["fine", longest] })
    .catch((error: unknown) => String(error));
  expect(failure).toContain("context");
  expect([...stack.forward.alive]).toEqual([]);
  expect(stack.gateway.running()).toBe(0);
});

test("children are counted like any answers, and a key is charged what they took", async () => {
  // Ten seconds of the rate at once: 300 tokens, as many as the children might take.
  const gate = createKeyGate({ apiKey: "", keys: [keyed("slow", { tokensPerSecond: 30 })] });
  const metrics = createMetrics("gateway");
  const { gateway } = createSimulatedStack({ gate, metrics });
  const client = connectTo({ routes: gateway.routes }, { apiKey: "key-of-slow" }).client(GatewayService);
  const fork = () => client.fork({ ...chat("hello", { maxTokens: 140 }), continuations: ["a", "b"] });
  const { usage } = await fork();
  const { body } = await metrics.expose();
  expect(body).toMatch(/trimtab_generations_total\{outcome="ok",.*\} 2\n/);
  expect(body).toContain(`kind="generated",service="gateway"} ${usage?.completionTokens}\n`);
  const left = 300 - (usage?.promptTokens ?? 0) - (usage?.completionTokens ?? 0);
  const next = (maxTokens: number) => client.complete(chat("hello", { maxTokens }));
  expect((await next(left - 10)).choices).toHaveLength(1);
});

test("what was guessed ahead for all children is in the bill", async () => {
  const stack = createSimulatedStack();
  stack.forward.lies = (sent) => {
    const { event } = sent;
    if (event.case === "finished") Object.assign(event.value, { draftedTokens: 5, acceptedTokens: 3 });
    return [sent];
  };
  const speculation = { source: { case: "promptLookup" as const, value: {} } };
  const { usage } = await stack.client.fork({ ...chat("hello", { speculation }), continuations: ["a", "b"] });
  expect(usage).toMatchObject({ draftedTokens: 10, acceptedTokens: 6 });
});
