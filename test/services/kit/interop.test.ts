/** A foreign gRPC client (grpc-js) against our listener: answers, details, deadlines, keys, cancels. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { type Server, startServer } from "#kit/server.ts";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { StatusSchema } from "#proto/google/rpc/status_pb.ts";
import { HealthCheckRequestSchema, HealthCheckResponseSchema } from "#proto/health/v1/health_pb.ts";
import {
  EncodeRequestSchema,
  EncodeResponseSchema,
  GetVocabularyRequestSchema,
  GetVocabularyResponseSchema,
} from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const KEY = "test-key";
const SERVICE = "trimtab.tokenizer.v1.TokenizerService";
const echo = createEcho();
let server: Server;
let address: string;

beforeAll(async () => {
  const gate = createKeyGate({ apiKey: KEY });
  server = await startServer({ name: "echo", services: ECHO_SERVICES, routes: echo.routes, grpc: {}, gate });
  address = `127.0.0.1:${server.grpcPort}`;
});
afterAll(() => server.close({ graceMs: 0 }));

/** A grpc-js client of one method; serialisation by protobuf-es. */
function method<I extends DescMessage, O extends DescMessage>(
  path: string,
  input: I,
  output: O,
  responseStream: boolean,
) {
  const definition = {
    path,
    requestStream: false,
    responseStream,
    requestSerialize: (value: MessageInitShape<I>) => Buffer.from(toBinary(input, create(input, value))),
    requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes),
    responseSerialize: (value: MessageShape<O>) => Buffer.from(toBinary(output, value)),
    responseDeserialize: (bytes: Buffer) => fromBinary(output, bytes),
  };
  const Client = makeGenericClientConstructor({ call: definition }, "client");
  return new Client(address, credentials.createInsecure());
}

const metadata = new Metadata();
metadata.set("authorization", `Bearer ${KEY}`);

function encode(text: string, deadlineMs = 20_000, meta = metadata) {
  const client = method(`/${SERVICE}/Encode`, EncodeRequestSchema, EncodeResponseSchema, false);
  return new Promise<MessageShape<typeof EncodeResponseSchema>>((resolve, reject) => {
    const options = { deadline: Date.now() + deadlineMs };
    (client as never as { call: (...args: unknown[]) => void }).call(
      { texts: [text] },
      meta,
      options,
      (e: unknown, r: never) => (e ? reject(e) : resolve(r)),
    );
  });
}
const failed = (text: string, deadlineMs?: number, meta?: Metadata) =>
  encode(text, deadlineMs, meta).catch((e: unknown) => e) as Promise<ServiceError>;

test("grpc-js gets answers, and typed errors with their details", async () => {
  expect((await encode("hé")).encodings[0]?.ids).toEqual([104, 195, 169]);
  const error = await failed("refuse");
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  const details = error.metadata.get("grpc-status-details-bin")[0] as Buffer;
  const info = fromBinary(StatusSchema, details).details[0]?.value ?? new Uint8Array();
  expect(fromBinary(ErrorInfoSchema, info)).toMatchObject({
    reason: "FIELD_OUT_OF_RANGE",
    domain: "trimtab",
  });
});

test("T8 grpc-js sees deadlines, missing keys, unknown methods and its own cancels as gRPC defines them", async () => {
  expect((await failed("stuck", 100)).code).toBe(status.DEADLINE_EXCEEDED);
  expect((await failed("a", undefined, new Metadata())).code).toBe(status.UNAUTHENTICATED);
  const wrong = new Metadata();
  wrong.set("authorization", `Bearer ${KEY}x`);
  expect((await failed("a", undefined, wrong)).code).toBe(status.UNAUTHENTICATED);
  const before = echo.seen.aborted;
  const client = method(
    `/${SERVICE}/GetVocabulary`,
    GetVocabularyRequestSchema,
    GetVocabularyResponseSchema,
    true,
  );
  const stream = (
    client as never as { call: (...args: unknown[]) => import("@grpc/grpc-js").ClientReadableStream<unknown> }
  ).call({}, metadata);
  const code = new Promise<number | undefined>((resolve) =>
    stream.on("error", (e: ServiceError) => resolve(e.code)),
  );
  await new Promise((resolve) => stream.once("data", resolve));
  stream.cancel();
  expect(await code).toBe(status.CANCELLED);
  await echo.until(() => echo.seen.aborted > before);
});

test("health answers without a key", async () => {
  const client = method(
    "/grpc.health.v1.Health/Check",
    HealthCheckRequestSchema,
    HealthCheckResponseSchema,
    false,
  );
  const answer = await new Promise<unknown>((resolve, reject) =>
    (client as never as { call: (...args: unknown[]) => void }).call(
      { service: SERVICE },
      (e: unknown, r: unknown) => (e ? reject(e) : resolve(r)),
    ),
  );
  expect(answer).toMatchObject({ status: 1 });
});
