/** Whatever forward computes for a request, in a session or in one call, it computes under that request's caller. */
import { expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import type { Caller } from "#proto/trimtab/type/v1/caller_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { createGateway, type GatewayClients } from "../../gateway/index.ts";
import { createCallers } from "../../gateway/src/caller.ts";
import { chat, refusal, text } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const authorization = "Bearer mine";
const keyed = { headers: { authorization } };
const own = createCallers(false)(new Headers({ authorization }));

/** A gateway that notes under which caller forward is called. */
function startNoting() {
  const { clients } = createSimulatedStack();
  const seen: { readonly method: string; readonly caller: Partial<Caller> | undefined }[] = [];
  const { score, capture, session } = clients.forward;
  const noting: Pick<GatewayClients["forward"], "score" | "capture" | "session"> = {
    score(request, options) {
      seen.push({ method: "score", caller: request.caller });
      return score(request, options);
    },
    capture(request, options) {
      seen.push({ method: "capture", caller: request.caller });
      return capture(request, options);
    },
    async *session(requests, options) {
      const noted = async function* () {
        for await (const request of requests) {
          seen.push({ method: "session", caller: request.caller });
          yield request;
        }
      };
      yield* session(noted(), options);
    },
  };
  const gateway = createGateway({
    clients: { ...clients, forward: { ...clients.forward, ...noting } },
    gate: createKeyGate({ apiKey: "" }),
  });
  return { seen, gateway, client: connectTo({ routes: gateway.routes }).client(GatewayService) };
}

type Noting = ReturnType<typeof startNoting>;

async function captured(client: Noting["client"], more: object): Promise<void> {
  const request = { input: { case: "text" as const, value: "hello!" }, taps: [{ site: 1, layers: [3] }] };
  for await (const _ of client.capture({ ...request, ...more }, keyed));
}

const proposal = { strategy: "steered-proposal", budget: { candidates: 2 }, verifier: { name: "words" } };
const CASES: readonly [name: string, methods: string, run: (noting: Noting) => Promise<unknown>][] = [
  ["an answer", "session", ({ client }) => client.complete(chat("hello!", refusal()), keyed)],
  ["Fork", "session", ({ client }) => client.fork({ ...text("hello"), continuations: ["a", "b"] }, keyed)],
  ["Score", "score", ({ client }) => client.score({ answers: ["hello"] }, keyed)],
  ["Embed", "capture", ({ client }) => client.embed({ texts: ["hello"] }, keyed)],
  ["Capture, steered", "capture", ({ client }) => captured(client, { steering: { recipe: "refusal" } })],
  [
    "a search weighed by the unsteered model",
    "score session",
    ({ client }) => client.complete(chat("hello!", { scaling: proposal, ...refusal() }), keyed),
  ],
  [
    "an echo",
    "score",
    async ({ gateway }) => {
      const body = { model: "simulated", prompt: "hello", echo: true, logprobs: 1, max_tokens: 0 };
      const headers = { "content-type": "application/json", authorization };
      const request = { method: "POST", headers, body: JSON.stringify(body) };
      expect((await gateway.app.request("/v1/completions", request)).status).toBe(200);
    },
  ],
];

test.each(CASES)("%s names its caller in %s", async (_, methods, run) => {
  const noting = startNoting();
  await run(noting);
  expect([...new Set(noting.seen.map(({ method }) => method))].sort().join(" ")).toBe(methods);
  for (const { caller } of noting.seen) expect(caller).toMatchObject(own);
});
