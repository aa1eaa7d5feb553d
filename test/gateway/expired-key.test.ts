/** A key whose time is over, over gRPC, Connect and the OpenAI API: refused with a reason of its own; others go on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import type { Server } from "#kit/server.ts";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, chatBody } from "./support/asks.ts";
import { keyed, startKeyedStack } from "./support/keyed-stack.ts";

const EXPIRES = "2030-05-01T12:00:00Z";
let nowMs = Date.parse(EXPIRES) - 1;
const keys = [keyed("lent", { expires: EXPIRES }), keyed("own")];
const gate = createKeyGate({ apiKey: "", keys, now: () => nowMs });
let server: Server;

beforeAll(async () => {
  ({ server } = await startKeyedStack(gate));
});
afterAll(() => server.close({ graceMs: 0 }));

async function overGrpc(name: string) {
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` }, { apiKey: `key-of-${name}` });
  try {
    await connection.client(GatewayService).complete(chat("hello"));
    return "answered";
  } catch (error) {
    const failure = ConnectError.from(error);
    const info = failure.findDetails(ErrorInfoSchema)[0];
    return { code: Code[failure.code], reason: info?.reason, limit: info?.metadata["limit"] };
  } finally {
    connection.close();
  }
}

async function overHttp(name: string, path: string, body: unknown) {
  const headers = { "content-type": "application/json", authorization: `Bearer key-of-${name}` };
  const url = `http://127.0.0.1:${server.httpPort}${path}`;
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const again = answer.headers.get("x-should-retry");
  return { status: answer.status, again, body: await answer.text() };
}

const openai = (name: string) => overHttp(name, "/v1/chat/completions", chatBody("hello"));
const connect = (name: string) => overHttp(name, "/trimtab.gateway.v1.GatewayService/ListModels", {});

test("until its time a key answers; from then on it says that it expired, when, and not to try again", async () => {
  expect(await overGrpc("lent")).toBe("answered");
  expect((await openai("lent")).status).toBe(200);
  nowMs = Date.parse(EXPIRES);
  const refusal = { code: "Unauthenticated", reason: "KEY_EXPIRED", limit: EXPIRES };
  expect(await overGrpc("lent")).toEqual(refusal);
  const { status, again, body } = await openai("lent");
  expect([status, again]).toEqual([401, "false"]);
  const { error } = JSON.parse(body);
  expect(error).toMatchObject({ type: "authentication_error", code: "expired_api_key" });
  expect(error.message).toContain(EXPIRES);
  const unary = await connect("lent");
  expect([unary.status, JSON.parse(unary.body).code]).toEqual([401, "unauthenticated"]);
});

test("another key is as good as before, and one that never was learns nothing of times", async () => {
  expect(await overGrpc("own")).toBe("answered");
  expect((await openai("own")).status).toBe(200);
  const { status, body } = await openai("nobody");
  expect([status, JSON.parse(body).error.code]).toEqual([401, "invalid_api_key"]);
  expect(body).not.toContain("2030");
});
