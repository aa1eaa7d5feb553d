/**
 * Many calls of every kind at once, from four client stacks over real sockets (connect-node over HTTP/2, grpc-js, grpcio in a process
 * of its own, fetch), some of them bad, some left early: every outcome is one that was asked for, and nothing is left of any of them.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, status } from "@grpc/grpc-js";
import { type Connection, connectTo } from "#kit/clients.ts";
import { createMetrics } from "#kit/metrics.ts";
import { startServer, type Server } from "#kit/server.ts";
import {
  CompleteRequestSchema,
  CompleteResponseSchema,
  GatewayService,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, chatBody, refusal, until } from "../gateway/support/asks.ts";
import { createSimulatedStack } from "../gateway/support/simulated-services.ts";
import { reportCount } from "../support/counts.ts";
import { connectReason, named } from "./support/outcomes.ts";
import { grpcioCalls } from "./support/grpcio-calls.ts";
import { openFiles } from "./support/memory.ts";

setDefaultTimeout(15 * 60_000);
const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const CALLS = isFull ? 20_000 : 600;
const AT_ONCE = 64;
/** Of them by grpcio. */
const GRPCIO_SHARE = 1 / 4;
const metrics = createMetrics("gateway");
/** Overload is another test's: here everybody is let in. */
const stack = createSimulatedStack({ metrics, admission: { running: 2 * AT_ONCE, runningTokens: 2 ** 20 } });
let server: Server;
let connection: Connection;
let grpcJs: Client;

beforeAll(async () => {
  const { routes, app } = stack.gateway;
  const base = { name: "gateway", services: [GatewayService], routes, metrics, internal: true };
  server = await startServer({ ...base, grpc: { port: 0 }, http: { port: 0, app } });
  connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
  grpcJs = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
});
afterAll(async () => {
  connection.close();
  grpcJs.close();
  await server.close({ graceMs: 0 });
});

/** Reads a stream to its n-th event, then leaves. */
async function leaveAfter(events: number): Promise<string> {
  const leave = new AbortController();
  let seen = 0;
  try {
    const call = { signal: leave.signal };
    for await (const _ of connection.client(GatewayService).generate(chat("hello!", refusal()), call)) {
      if (++seen === events) leave.abort();
    }
    return "ok";
  } catch (error) {
    return named(error);
  }
}

function grpcStatus(request: object): Promise<string> {
  const method = "/trimtab.gateway.v1.GatewayService/Complete";
  return new Promise((resolve) => {
    grpcJs.makeUnaryRequest(
      method,
      (value: object) => Buffer.from(toBinary(CompleteRequestSchema, create(CompleteRequestSchema, value))),
      (bytes) => fromBinary(CompleteResponseSchema, bytes),
      request,
      (error) => {
        const name = error ? (status[error.code] ?? "") : "ok";
        resolve(error?.code === status.INTERNAL ? `${name} ${error.details}` : name);
      },
    );
  });
}

async function httpStatus(body: object): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return text.includes("data: ") && !text.includes("[DONE]") ? "cut" : String(response.status);
}

const client = () => connection.client(GatewayService);
/** Calls, and what may become of each. */
const KINDS: readonly (readonly [call: (i: number) => Promise<string>, expected: readonly string[]])[] = [
  [() => connectReason(client().complete(chat("hello"))), ["ok"]],
  [() => connectReason(client().complete(chat("hello!", refusal({ compare: true })))), ["ok"]],
  [() => connectReason(client().complete(chat("hello", { model: "nope" }))), ["MODEL_NOT_FOUND"]],
  [() => connectReason(client().complete(chat("hello", { choices: 65 }))), ["FIELD_OUT_OF_RANGE"]],
  [() => connectReason(client().tokenize({ input: { case: "text", value: "hello" } })), ["ok"]],
  [() => connectReason(client().score({ prompt: undefined, answers: ["ab"] } as never)), ["ok"]],
  [(i) => leaveAfter(1 + (i % 5)), ["ok", "CANCELLED"]],
  [() => connectReason(client().complete(chat("hello"), { timeoutMs: 1 })), ["ok", "DEADLINE_EXCEEDED"]],
  [() => grpcStatus(chat("hello")), ["ok"]],
  [() => grpcStatus({}), ["INVALID_ARGUMENT"]],
  [() => httpStatus(chatBody("hello")), ["200"]],
  [() => httpStatus(chatBody("hello!", { stream: true, n: 2, steering: { recipe: "refusal" } })), ["200"]],
  [() => httpStatus(chatBody("hello", { temperature: 9 })), ["400"]],
];

async function run(calls: number, atOnce: number): Promise<Map<string, number>> {
  const unexplained = new Map<string, number>();
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < calls) {
      const i = next++;
      const kind = i % KINDS.length;
      const [call, expected] = KINDS[kind]!;
      const outcome = await call(i);
      if (expected.includes(outcome)) continue;
      const name = `kind ${kind}: ${outcome}`;
      unexplained.set(name, (unexplained.get(name) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return unexplained;
}

test(`X22 ${CALLS} mixed calls, ${AT_ONCE} at once, from four client stacks: every outcome is one that was asked for`, async () => {
  await run(4 * AT_ONCE, AT_ONCE);
  await until(() => stack.gateway.running() === 0);
  const filesBefore = openFiles();
  const theirs = grpcioCalls(`127.0.0.1:${server.grpcPort}`, CALLS * GRPCIO_SHARE, AT_ONCE * GRPCIO_SHARE);
  const ours = run(CALLS * (1 - GRPCIO_SHARE), AT_ONCE * (1 - GRPCIO_SHARE));
  const unexplained = new Map([...(await ours), ...((await theirs) ?? [["there is no Python", 0]])]);
  reportCount(
    "mixed calls",
    CALLS,
    `${AT_ONCE} at once, ${[...unexplained].map(([name, count]) => `${count} ${name}`).join(", ") || "0 unexplained"}`,
  );
  expect([...unexplained].filter(([, count]) => count > 0)).toEqual([]);
  await until(() => stack.forward.alive.size === 0 && stack.gateway.running() === 0);
  const { body } = await metrics.expose();
  expect(body).toMatch(/trimtab_admission_running_tokens\{[^}]*\} 0\n/);
  expect(body).toMatch(/trimtab_rpc_running\{[^}]*\} 0\n/);
  // Sockets of the HTTP client may stay open for the next request; those of calls do not add up.
  expect(openFiles() - filesBefore).toBeLessThanOrEqual(AT_ONCE);
});
