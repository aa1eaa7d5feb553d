/** What browsers and scripts without gRPC use on the HTTP port: Connect as plain JSON, GET for reads, gRPC-Web. */
import { expect, test } from "bun:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { served } from "../support/shared.ts";

const BASE = `http://127.0.0.1:${served.httpPort}`;
const SERVICE = `${BASE}/${GatewayService.typeName}`;
const spec = {
  conversation: { messages: [{ role: "user", content: "Say hello!" }] },
  sampling: { temperature: 0 },
  maxTokens: 16,
};

function postJson(method: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${SERVICE}/${method}`, { method: "POST", headers, body: JSON.stringify(body) });
}

test("a POST of JSON completes, with the text gRPC-Web streams", async () => {
  const answer = (await (await postJson("Complete", { spec })).json()) as { choices: { text: string }[] };
  const client = createClient(GatewayService, createGrpcWebTransport({ baseUrl: BASE, httpVersion: "1.1" }));
  let text = "";
  const { maxTokens, sampling, conversation } = spec;
  const prompt = { case: "conversation" as const, value: conversation };
  for await (const { event } of client.generate({ spec: { prompt, sampling, maxTokens } })) {
    if (event.case === "delta") text += event.value.text;
  }
  expect(text.length).toBeGreaterThan(5);
  expect(answer.choices[0]?.text).toBe(text);
});

test("a read without side effects is a GET that caches may keep", async () => {
  const query = new URLSearchParams({ connect: "v1", encoding: "json", message: "{}" });
  const response = await fetch(`${SERVICE}/ListModels?${query}`);
  expect(response.status).toBe(200);
  const { models } = (await response.json()) as { models: object[] };
  expect(models).toContainEqual(expect.objectContaining({ loaded: true }));
});

test("an unknown field of a JSON request is refused, and an error says what and where", async () => {
  const unknown = await postJson("Complete", { spec, temperature: 1 });
  expect(unknown.status).toBe(400);
  const response = await postJson("Complete", { spec: { ...spec, maxTokens: 1_000_000 } });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: "out_of_range",
    details: [{ debug: { reason: "CONTEXT_OVERFLOW", metadata: { field: "max_tokens" } } }, {}],
  });
});

test("a page of another site is refused, and so is a foreign host name", async () => {
  const origin = await fetch(`${BASE}/v1/models`, { headers: { origin: "https://evil.example" } });
  expect(origin.status).toBe(403);
  const host = await fetch(`${BASE}/v1/models`, { headers: { host: "evil.example" } });
  expect(host.status).toBe(403);
});
