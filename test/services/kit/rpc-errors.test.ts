/** Typed errors, deadlines and message limits over four transports, with real sockets. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { EncodeRequestSchema, TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const echo = createEcho();
const transports: Record<string, Transport> = {};
const logged: string[] = [];
let server: Server;

beforeAll(async () => {
  server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes: echo.routes,
    grpc: {},
    http: {},
    maxMessageBytes: 64 * 1024,
    log: {
      log: (_level, message, fields) => void logged.push(`${message} ${fields?.cause}`),
      with() {
        return this;
      },
    },
  });
  const baseUrl = `http://127.0.0.1:${server.httpPort}`;
  transports["in memory"] = connectTo({ routes: echo.routes }).transport;
  transports.grpc = connectTo({ address: `127.0.0.1:${server.grpcPort}` }).transport;
  transports.connect = createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false });
  transports["grpc-web"] = createGrpcWebTransport({ baseUrl, httpVersion: "1.1" });
});
afterAll(() => server.close({ graceMs: 0 }));

const KINDS = ["in memory", "grpc", "connect", "grpc-web"];

async function failure(kind: string, text: string, timeoutMs?: number): Promise<ConnectError> {
  const client = createClient(TokenizerService, transports[kind] as Transport);
  const error = await client
    .encode({ texts: [text] }, timeoutMs ? { timeoutMs } : {})
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

test.each(KINDS)("over %s a typed error arrives with reason, field, limit and retry hint", async (kind) => {
  const refused = await failure(kind, "refuse");
  expect(refused.code).toBe(Code.InvalidArgument);
  expect(refused.findDetails(ErrorInfoSchema)[0]).toMatchObject({
    reason: "FIELD_OUT_OF_RANGE",
    domain: "trimtab",
    metadata: { field: "texts[0]", limit: "29" },
  });
  expect(refused.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field).toBe("texts[0]");
  const same = { reason: "FIELD_OUT_OF_RANGE", field: "texts[0]", limit: "29" };
  expect(fromConnectError(refused)).toMatchObject(same);
  const busy = await failure(kind, "busy");
  expect(busy.code).toBe(Code.ResourceExhausted);
  expect(busy.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 250_000_000 });
  expect(fromConnectError(busy).retryAfterMs).toBe(1_250);
});

test.each(KINDS)("over %s an unexpected error says nothing about the inside", async (kind) => {
  const error = await failure(kind, "bug");
  expect(error.code).toBe(Code.Internal);
  expect(error.rawMessage).toBe("internal error");
});

test("unexpected errors are logged with their cause", () => {
  expect(logged.some((line) => line.includes("secret /path"))).toBe(true);
});

test.each(["grpc", "connect", "grpc-web"])(
  "T6 over %s a handler that ignores its deadline is left behind",
  async (kind) => {
    // The handler never ends: that there is an answer at all is the promise.
    const error = await failure(kind, "stuck", 80);
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(fromConnectError(error).reason).toBe("DEADLINE_EXCEEDED");
  },
);

test("the server itself answers at the deadline, whoever the client is", async () => {
  const response = await post('{"texts":["stuck"]}', { "connect-timeout-ms": "80" });
  expect(response.status).toBe(504);
  expect(((await response.json()) as { code: string }).code).toBe("deadline_exceeded");
});

test.each(["grpc", "connect", "grpc-web"])(
  "T16 over %s a message above the limit is TOO_LARGE",
  async (kind) => {
    const error = await failure(kind, "x".repeat(64 * 1024));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(fromConnectError(error).reason).toBe("TOO_LARGE");
  },
);

const url = () => `http://127.0.0.1:${server.httpPort}/trimtab.tokenizer.v1.TokenizerService/Encode`;
const post = (body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string>) =>
  fetch(url(), { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

test.each([
  ["garbage protobuf", "application/proto", Uint8Array.of(0xff, 0xff, 0xff)],
  ["text that is not UTF-8", "application/proto", Uint8Array.of(0x12, 2, 0xc3, 0x28)],
  ["broken JSON", "application/json", "{"],
  ["an unknown field", "application/json", '{"texst":["a"]}'],
])("T3 %s is the caller's error, with a reason", async (_name, type, body) => {
  const response = await post(body, { "content-type": type });
  expect(response.status).toBe(400);
  const answer = (await response.json()) as { code: string; details: { type: string }[] };
  expect(answer.code).toBe("invalid_argument");
  expect(answer.details[0]?.type).toBe("google.rpc.ErrorInfo");
});

test("T3 garbage over gRPC-Web is the caller's error too", async () => {
  const body = Uint8Array.of(0, 0, 0, 0, 3, 0xff, 0xff, 0xff);
  const response = await post(body, { "content-type": "application/grpc-web+proto" });
  expect(await response.text()).toContain("grpc-status: 3");
});

test("T4 a small gzip body that expands past the limit is refused", async () => {
  const message = create(EncodeRequestSchema, { texts: ["a".repeat(1_000_000)] });
  const body = gzipSync(toBinary(EncodeRequestSchema, message));
  const response = await post(body, { "content-type": "application/proto", "content-encoding": "gzip" });
  expect(response.status).toBe(429);
  expect(((await response.json()) as { code: string }).code).toBe("resource_exhausted");
});

test("well-formed request ids are echoed, others are replaced", async () => {
  const echoed = await post('{"texts":["a"]}', { "x-request-id": "abc-1" });
  expect(echoed.headers.get("x-request-id")).toBe("abc-1");
  const replaced = await post('{"texts":["a"]}', { "x-request-id": "x".repeat(65) });
  expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test("calls are counted by method and code", async () => {
  const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
  expect(text).toContain(
    'trimtab_rpc_calls_total{method="trimtab.tokenizer.v1.TokenizerService/Encode",code="InvalidArgument",service="echo"}',
  );
});
