/** What a model's chat template does wrong, as clients hear of it over every API: rows J1, J3, J6 and J7 behind the gateway. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { Hono } from "hono";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { mountConnect } from "#kit/listeners.ts";
import { serverInterceptors } from "#kit/interceptors.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createGateway, type Gateway } from "../../gateway/index.ts";
import { createTokenizerService, type TokenizerServiceRoom } from "../../services/tokenizer/index.ts";
import { bytePairMetadata, writeVocabulary } from "../support/vocabularies.ts";
import { chat, chatBody } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

setDefaultTimeout(120_000);
/** The first word of a conversation chooses what the template does. */
const TEMPLATE = `{% set word = messages[0].content %}
{%- if word == 'spin' %}{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}
{%- elif word == 'raise' %}{{ raise_exception('roles must alternate <b>\\n' + word) }}
{%- elif word == 'flood' %}{% for i in range(4000) %}{{ '${"x".repeat(1_000)}' }}{% endfor %}
{%- elif word == 'drop' %}{% else %}{{ word }}{% endif %}`;

const ROWS = [
  ["J1 a template that spins", "spin", "TEMPLATE_LIMIT", "template_limit"],
  ["J3 what it raises", "raise", "TEMPLATE_INVALID", "template_invalid"],
  ["J6 more text than a prompt may have", "flood", "TEMPLATE_LIMIT", "template_limit"],
  ["J7 a template that writes nothing", "drop", "TEMPLATE_INVALID", "template_invalid"],
] as const;

let path: string;
let room: TokenizerServiceRoom;
let gateway: Gateway;
let web: Hono;
let real: Client<typeof TokenizerService>;
beforeAll(async () => {
  path = await writeVocabulary("errors", bytePairMetadata({ "tokenizer.chat_template": TEMPLATE }));
  room = await createTokenizerService({ modelPath: path });
  const router = { interceptors: serverInterceptors() };
  real = createClient(TokenizerService, createRouterTransport(room.routes, { router }));
  const { clients } = createSimulatedStack();
  // The simulated model has another digest: the tokenizer has one model only, whatever it is called.
  const tokenizer = {
    ...clients.tokenizer,
    renderChat: ((request, options) =>
      real.renderChat({ ...request, modelDigest: "" }, options)) as typeof real.renderChat,
  };
  gateway = createGateway({ clients: { ...clients, tokenizer }, gate: createKeyGate({ apiKey: "" }) });
  web = new Hono();
  mountConnect(web, { routes: gateway.routes, interceptors: serverInterceptors() });
  web.mount("/", gateway.app.fetch);
});
afterAll(() => {
  room.close();
  rmSync(path);
});

const post = (url: string, body: object, type = "application/json"): Promise<Response> =>
  Promise.resolve(
    web.request(url, {
      method: "POST",
      headers: { "content-type": type },
      body: JSON.stringify(body),
    }),
  );

interface Refusal {
  readonly error: { readonly code: string; readonly type: string; readonly message: string };
}

describe.each(ROWS)("%s", (_name, word, reason, code) => {
  test.each([false, true])("is a 400 of the OpenAI API (stream: %p)", async (stream) => {
    const response = await post("/v1/chat/completions", chatBody(word, { stream }));
    const text = await response.text();
    // On a machine whose cores are all taken the headers of a stream have left before, and the error is its last event.
    const isLate = stream && response.status === 200;
    const { error } = JSON.parse(text.slice(isLate ? text.lastIndexOf("data: ") + 6 : 0)) as Refusal;
    expect([error.code, error.type]).toEqual([code, "invalid_request_error"]);
    if (!isLate) expect(response.status).toBe(400);
    expect(error.message).toMatch(/^[^\n]{1,300}$/);
  });

  test("is the same reason over gRPC", async () => {
    const client = connectTo({ routes: gateway.routes }).client(GatewayService);
    expect(await client.complete(chat(word)).then(() => "answered", fromConnectError)).toMatchObject({
      reason,
    });
  });

  test("is a 400 of Connect", async () => {
    const spec = {
      model: "simulated",
      maxTokens: 4,
      conversation: { messages: [{ role: "user", content: word }] },
    };
    const response = await post("/trimtab.gateway.v1.GatewayService/Complete", { spec });
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain(reason);
  });
});

test("J1 the next conversation is rendered", async () => {
  const { text } = await real.renderChat({ messages: [{ role: "user", content: "hello" }] });
  expect(text).toBe("hello");
});
