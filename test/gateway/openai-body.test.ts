/** What is refused before a body is understood: encodings, media types, keys, routes (rows G1-G8, G25-G28). */
import { expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { TrimtabError } from "#kit/errors.ts";
import { createGateway } from "../../gateway/index.ts";
import { readJsonObject } from "../../gateway/src/openai/body.ts";
import { problemOf } from "../../gateway/src/openai/problems.ts";
import { chatBody, type Expected, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const stack = createSimulatedStack();
const CHAT = "/v1/chat/completions";

const INVALID_JSON: Expected = [400, "invalid_json", null];
const raw: readonly (readonly [string, BodyInit, Expected])[] = [
  ["G1 an empty body", "", INVALID_JSON],
  ["G1 no JSON", "{model:", INVALID_JSON],
  ["G1 null", "null", INVALID_JSON],
  ["G1 a list", "[]", INVALID_JSON],
  ["G1 a text", '"x"', INVALID_JSON],
  ["G2 nesting of 1,000", "[".repeat(1_000) + "]".repeat(1_000), INVALID_JSON],
  ["G2 nesting of 1,000,000", `{"a":${"[".repeat(1_000_000)}`, INVALID_JSON],
  ["G8 duplicate keys", '{"model":"a","model":"b"}', INVALID_JSON],
  ["G8 __proto__", '{"__proto__":{"x":1}}', INVALID_JSON],
  ["G3 a body over the limit", `"${"a".repeat(4 * 1024 * 1024)}"`, [413, "request_too_large", null]],
  ["G6 bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0xfe, 0x22), [400, "invalid_utf8", null]],
  ["G6 overlong UTF-8", Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), [400, "invalid_utf8", null]],
  ["G6 a byte order mark", "\ufeff{}", [400, "invalid_utf8", null]],
  [
    "G7 half a surrogate pair",
    '{"messages":[{"content":"\\ud800"}]}',
    [400, "invalid_unicode", "messages[0].content"],
  ],
];

test.each(raw)("%s as a body", async (_name, body, expected) => {
  expect(await outcome(await stack.post(CHAT, "", { body }))).toEqual(expected);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

const good = JSON.stringify(chatBody("hello"));

test.each([
  ["G4 gzip", { "content-type": "application/json", "content-encoding": "gzip" }, "unsupported_encoding"],
  ["G5 plain text", { "content-type": "text/plain" }, "unsupported_media_type"],
  ["no content type", {}, "unsupported_media_type"],
])("%s is refused with 415", async (_name, headers, code) => {
  const response = await stack.post(CHAT, "", { body: new TextEncoder().encode(good), headers });
  expect(await outcome(response)).toEqual([415, code, null]);
});

test("G3 a body that lies about its length is still limited", async () => {
  const headers = { "content-type": "application/json", "content-length": "10" };
  const body = new TextEncoder().encode(`"${"a".repeat(5 * 1024 * 1024)}"`);
  expect((await stack.post(CHAT, "", { body, headers })).status).toBe(413);
});

test("G3 a body that never ends is answered with 408", async () => {
  const endless = new ReadableStream({ pull: () => new Promise(() => undefined) });
  const headers = { "content-type": "application/json" };
  const request = new Request("http://localhost/", { method: "POST", body: endless, headers });
  const thrown: unknown = await readJsonObject(request, 10).catch((error: unknown) => error);
  expect(problemOf(thrown)).toMatchObject({ status: 408, body: { error: { code: "request_timeout" } } });
});

test.each([
  ["no key", {}],
  ["an empty key", { authorization: "Bearer " }],
  ["another scheme", { authorization: "Basic secret-key" }],
  ["a wrong tail", { authorization: "Bearer secret-kez" }],
  ["a long key", { authorization: `Bearer ${"k".repeat(8_192)}` }],
])("G25 %s: 401, always the same body", async (_name, headers) => {
  const guarded = createSimulatedStack({ apiKey: "secret-key" });
  const response = await guarded.post(CHAT, good, {
    headers: { "content-type": "application/json", ...headers },
  });
  expect(await outcome(response)).toEqual([401, "invalid_api_key", "authorization"]);
});

test("G25 the right key is let in; the page and the health check need none", async () => {
  const guarded = createSimulatedStack({ apiKey: "secret-key" });
  const headers = { "content-type": "application/json", authorization: "Bearer secret-key" };
  expect((await guarded.post(CHAT, good, { headers })).status).toBe(200);
  expect((await guarded.gateway.app.request("/health")).status).toBe(200);
  expect((await guarded.gateway.app.request("/")).status).toBe(200);
  expect((await guarded.gateway.app.request("/v1/models")).status).toBe(401);
});

test("an engine that does not answer makes the health check fail, not wait", async () => {
  const { clients } = createSimulatedStack();
  const late = new TrimtabError("DEADLINE_EXCEEDED", "late");
  const listModels = (_: object, { timeoutMs }: { timeoutMs?: number } = {}) =>
    new Promise<never>((_, reject) => timeoutMs !== undefined && setTimeout(reject, timeoutMs, late));
  const wedged = createGateway({
    clients: { ...clients, forward: { ...clients.forward, listModels } },
    gate: createKeyGate({ apiKey: "" }),
  });
  expect(await outcome(await wedged.app.request("/health"))).toEqual([503, "server_is_overloaded", null]);
  wedged.close();
});

test("G27 a well-formed request id is echoed, any other replaced", async () => {
  const idOf = async (id: string): Promise<string | null> => {
    const response = await stack.gateway.app.request("/health", { headers: { "x-request-id": id } });
    return response.headers.get("x-request-id");
  };
  expect(await idOf("abc-1.2_3")).toBe("abc-1.2_3");
  for (const bad of ["x".repeat(65), "a b", "a/b", "<x>"]) {
    expect(await idOf(bad)).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test.each([
  ["GET", "/v1/chat/completions", 405],
  ["DELETE", "/v1/models", 405],
  ["POST", "/v1/chat/completions/", 404],
  ["POST", "//v1/chat/completions", 404],
  ["GET", "/v1/%2e%2e/metrics", 404],
  ["GET", "/debug/vars", 404],
  ["GET", "/v1/embeddings", 405],
  ["POST", "/v1/responses", 501],
])("G28 %s %s answers %d with a JSON error", async (method, path, status) => {
  const response = await stack.gateway.app.request(path, { method });
  expect(response.status).toBe(status);
  expect(response.headers.has("allow")).toBe(status === 405);
  expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
});

test("errors carry no stack, path or host name, and say whether to retry", async () => {
  stack.steering.before = () => Promise.reject(new Error("at secret.ts:12"));
  const response = await stack.post(CHAT, chatBody("hello!", { steering: { recipe: "refusal" } }));
  stack.steering.before = () => undefined;
  const text = await response.text();
  expect(response.status).toBe(503);
  expect(response.headers.get("x-should-retry")).toBe("true");
  expect(Number(response.headers.get("retry-after-ms"))).toBeGreaterThan(0);
  expect(text).toContain("steering_unavailable");
  expect(text).not.toMatch(/secret|\.ts|stack/);
});
