/**
 * Tokens over sockets are on their way to the client in the moment they come, past the iterators that everything else goes through:
 * the answer is the same.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { type Connection, connectTo } from "#kit/clients.ts";
import { type Server, startServer } from "#kit/server.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  type GenerateRequestSchema,
  type GenerateResponse,
  GenerateResponseSchema,
  GatewayService,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createGateway } from "../../gateway/index.ts";
import { chat, refusal } from "./support/asks.ts";
import { simulatedForward } from "./support/simulated-forward.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-straight-"));
const stack = createSimulatedStack();
const servers: Server[] = [];
const connections: Connection[] = [];
const serve = async (name: string, parts: Pick<Parameters<typeof startServer>[0], "services" | "routes">) => {
  const socketPath = join(directory, `${name}.sock`);
  servers.push(await startServer({ name, ...parts, internal: true, grpc: { socketPath } }));
  const connection = connectTo({ socketPath });
  connections.push(connection);
  return connection;
};
let client: typeof stack.client;

beforeAll(async () => {
  const forward = await serve("forward", {
    services: [ForwardService],
    routes: (router) => router.service(ForwardService, simulatedForward(stack.forward)),
  });
  const clients = { ...stack.clients, forward: forward.client(ForwardService) };
  const { routes } = createGateway({ clients });
  client = (await serve("gateway", { services: [GatewayService], routes })).client(GatewayService);
});
afterAll(async () => {
  for (const connection of connections) connection.close();
  for (const server of servers) await server.close({ graceMs: 0 });
  rmSync(directory, { recursive: true });
});

/** Events of one choice after the other, without what differs from run to run. */
async function eventsOf(from: typeof client, request: MessageInitShape<typeof GenerateRequestSchema>) {
  const byChoice = new Map<number, unknown[]>();
  for await (const response of from.generate(request)) {
    const { event } = response;
    const choice = event.case === "delta" || event.case === "finished" ? event.value.choice : -1;
    byChoice.set(choice, [...(byChoice.get(choice) ?? []), plain(response)]);
  }
  return byChoice;
}

function plain(response: GenerateResponse): unknown {
  const { event } = response;
  if (event.case === "started") [event.value.generationId, event.value.seed] = ["", 0n];
  if (event.case === "planned") event.value.planMs = 0;
  if (event.case === "completed") delete event.value.timings;
  return toJson(GenerateResponseSchema, response);
}

test.each([
  ["plain", chat("hello")],
  ["of several choices", chat("hello", { choices: 5 })],
  ["steered beside base", chat("hello!", { ...refusal({ compare: true }), choices: 2 })],
  ["cut at a stop string", chat("hello", { stop: ["I h"] })],
  ["with log-probabilities", chat("hello", { logprobs: true, topLogprobs: 2 })],
  ["judged", chat("hello", { choices: 3, verifiers: [{ name: "words" }] })],
])("an answer %s has the events it has in memory", async (_name, request) => {
  stack.forward.script = () => encode("Sure, I help: déjà vu, 東京. ".repeat(4));
  const straight = await eventsOf(client, request);
  expect(straight).toEqual(await eventsOf(stack.client, request));
  expect([...straight.values()].flat().length).toBeGreaterThan(3);
  expect(stack.forward.alive.size).toBe(0);
});

test("a forward that contradicts itself ends an answer that has begun", async () => {
  stack.forward.lies = (event) =>
    event.event.case === "tokens" && event.event.value.tokens[0]?.id === ",".charCodeAt(0)
      ? [
          {
            ...event,
            event: {
              case: "tokens",
              value: { ...event.event.value, tokens: [{ ...event.event.value.tokens[0], id: 9_999 }] },
            },
          },
        ]
      : [event];
  let text = "";
  const failed = (async () => {
    for await (const { event } of client.generate(chat("hello")))
      if (event.case === "delta") text += event.value.text;
  })();
  expect(await failed.catch((error: Error) => error.message)).toContain("contradicts itself");
  expect(text).toBe("Sure");
  stack.forward.lies = (event) => [event];
});
