/** Every other RPC of the gateway: what it answers, and what it refuses. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, refusal } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const messages = [{ role: "user", content: "hello!" }];

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

test("Tokenize answers with ids and their spellings, special tokens spelled out", async () => {
  const { client } = createSimulatedStack();
  const plain = await client.tokenize({ input: { case: "text", value: "a help" } });
  expect(plain.ids).toEqual(encode("a help"));
  expect(plain.tokens).toEqual(["a", " ", "help"]);
  const rendered = await client.tokenize({ input: { case: "conversation", value: { messages } } });
  expect(rendered.tokens[0]).toBe("<|im_start|>");
});

test("Detokenize is Tokenize backwards; special tokens have a spelling and no text", async () => {
  const { client } = createSimulatedStack();
  const { ids } = await client.tokenize({ input: { case: "text", value: "a help" } });
  expect(await client.detokenize({ ids })).toMatchObject({ text: "a help", tokens: ["a", " ", "help"] });
  const rendered = await client.tokenize({ input: { case: "conversation", value: { messages } } });
  const back = await client.detokenize({ ids: rendered.ids });
  expect([back.tokens[0], back.text.includes("<|im_start|>")]).toEqual(["<|im_start|>", false]);
  expect(await client.detokenize({})).toMatchObject({ text: "", tokens: [] });
  const unknown = client.detokenize({ ids: [1, 4_000_000_000] });
  expect(fromConnectError(await unknown.catch((error: unknown) => error))).toMatchObject({
    reason: "FIELD_OUT_OF_RANGE",
    field: "ids[1]",
  });
});

test("Capture streams activations", async () => {
  const { client } = createSimulatedStack();
  const input = { case: "text", value: "hi!" } as const;
  const answers = await all(client.capture({ input, taps: [{ site: 1, layers: [3] }] }));
  expect(answers.flatMap((answer) => answer.activations.map((one) => one.layer))).toEqual([3]);
});

test("Score scores the answer's tokens and nothing before them, steered through one plan", async () => {
  const stack = createSimulatedStack();
  const answers = ["yes", "no thanks"];
  const { answers: scored } = await stack.client.score({
    conversation: { messages },
    answers,
    steering: refusal().steering?.use,
  });
  expect(scored.map((item) => item.tokens.map((token) => token.id))).toEqual(answers.map(encode));
  expect(stack.steering.calls.filter((name) => name === "Plan")).toHaveLength(1);
});

test("an answer given as token ids is scored and read as those tokens, half a character too", async () => {
  const { client } = createSimulatedStack();
  const ids = encode("!👋").slice(0, -2);
  const conversation = { messages: [{ role: "user", content: "hello" }] };
  const { answers } = await client.score({ conversation, answerIds: [{ ids }] });
  expect(answers.map((item) => item.tokens.map((token) => token.id))).toEqual([ids]);
  // Without a conversation the ids are the whole text, of which the first token is given.
  const alone = await client.score({ answerIds: [{ ids }] });
  expect(alone.answers[0]?.tokens.map((token) => token.id)).toEqual(ids.slice(1));
  const marksRead = async (answerIds: { ids: number[] }) => {
    const input = { case: "conversation", value: conversation } as const;
    const [read] = await all(client.capture({ input, answerIds, taps: [{ site: 1 }] }));
    return new Float32Array(read?.activations[0]?.values?.data.slice().buffer ?? [])[0];
  };
  expect([await marksRead({ ids: [] }), await marksRead({ ids })]).toEqual([0, 1]);
});

test("Fork answers with one choice a continuation, each beginning with it", async () => {
  const { client, forward } = createSimulatedStack();
  forward.script = ({ prompt }) => encode(` after ${prompt.slice(-2)}`);
  const answer = await client.fork({ ...chat("hello"), continuations: ["ab", "cd"] });
  expect(answer.choices.map((choice) => choice.text)).toEqual(["ab after ab", "cd after cd"]);
  expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1]);
  expect([...forward.alive]).toEqual([]);
});

test("lists name what exists", async () => {
  const { client } = createSimulatedStack();
  expect((await client.listModels({})).models.map((model) => model.name)).toEqual(["simulated"]);
  expect((await client.listRecipes({})).recipes.map((recipe) => recipe.name)).toEqual(["refusal", "candour"]);
  expect((await client.listVerifiers({})).verifiers.map((verifier) => verifier.name)).toEqual([
    "words",
    "steps",
    "pairs",
    "peaks",
    "asker",
    "probe",
    "deep_probe",
  ]);
  const { strategies } = await client.listStrategies({});
  expect(strategies[0]?.name).toBe("none");
  expect(JSON.parse(strategies[0]?.parametersSchema ?? "")).toMatchObject({ type: "object" });
});

test("artifacts pass through", async () => {
  const { client } = createSimulatedStack();
  const stored = await client.putArtifact({ put: { name: "mine", kind: 1, data: Uint8Array.of(1) } });
  expect(stored.artifact?.name).toBe("mine");
  const parts = await all(client.getArtifact({ reference: "mine" }));
  expect(parts.flatMap((part) => [...part.chunk])).toEqual([1, 2, 3]);
  expect((await client.listArtifacts({})).artifacts).toHaveLength(1);
  expect((await client.importArtifact({ import: { name: "mine", format: 1 } })).artifact?.name).toBe("mine");
  expect([...(await client.exportArtifact({ reference: "mine", format: 1 })).data]).toEqual([9]);
  await client.deleteArtifact({ name: "mine" });
  const vector = await client.extractVector({ name: "mine", positive: ["a"], negative: ["b"] });
  expect(vector.artifact?.name).toBe("mine");
});

test("builds pass through, and a finished build is used at once", async () => {
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello!", refusal()));
  const builds = await all(stack.client.buildRecipe({ name: "refusal" }));
  expect(builds.at(-1)?.build?.recipe?.built).toBe(true);
  await stack.client.complete(chat("hello!", refusal()));
  expect(stack.steering.calls.filter((name) => name === "GetRequirements")).toHaveLength(2);
  expect((await stack.client.getBuild({ id: "b1" })).build?.id).toBe("b1");
  expect((await stack.client.cancelBuild({ id: "b1" })).build?.state).toBe(4);
});

test("strategies are listed with schemas that their defaults fit, and HTTP lists the same", async () => {
  const stack = createSimulatedStack();
  const { strategies } = await stack.client.listStrategies({});
  expect(strategies.map(({ name }) => name)).toContain("best-of-n");
  for (const { parametersSchema, costModel } of strategies) {
    expect(JSON.parse(parametersSchema)).toMatchObject({ type: "object", additionalProperties: false });
    expect(costModel).not.toBe("");
  }
  const listed = (await (await stack.gateway.app.request("/v1/strategies")).json()) as {
    data: { name: string }[];
  };
  expect(listed.data.map(({ name }) => name)).toEqual(strategies.map(({ name }) => name));
});

test("every RPC of the schema has a handler", () => {
  const { gateway } = createSimulatedStack();
  let registered: string[] = [];
  const router = { service: (_service: unknown, handlers: object) => (registered = Object.keys(handlers)) };
  gateway.routes(router as never);
  expect(registered.sort()).toEqual(GatewayService.methods.map((method) => method.localName).sort());
});
