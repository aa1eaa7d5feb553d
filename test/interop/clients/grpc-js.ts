/** grpc-js, which shares no code with our stack: unary, streaming, cancel, deadline, rich errors, health. */
import { afterAll, expect, test } from "bun:test";
import { create, fromBinary, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { StatusSchema } from "#proto/google/rpc/status_pb.ts";
import { Health } from "#proto/health/v1/health_pb.ts";
import { type GenerateResponse, GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { served } from "../support/shared.ts";

const client = new Client(`127.0.0.1:${served.grpcPort}`, credentials.createInsecure());
afterAll(() => client.close());

type Method<I extends DescMessage, O extends DescMessage> = {
  name: string;
  parent: { typeName: string };
  input: I;
  output: O;
};

const pathOf = (method: { name: string; parent: { typeName: string } }): string =>
  `/${method.parent.typeName}/${method.name}`;
const writer = (schema: DescMessage) => (value: any) => Buffer.from(toBinary(schema, value));
const reader = (schema: DescMessage) => (bytes: Buffer) => fromBinary(schema, bytes) as any;

function unary<I extends DescMessage, O extends DescMessage>(
  method: Method<I, O>,
  input: MessageInitShape<I>,
  deadlineMs = 30_000,
): Promise<any> {
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      pathOf(method),
      writer(method.input),
      reader(method.output),
      create(method.input, input),
      new Metadata(),
      options,
      (error, value) => (error ? reject(error) : resolve(value)),
    ),
  );
}

const { complete, generate, listModels } = GatewayService.method;
const spec = (more: object = {}) => ({
  spec: {
    prompt: { case: "conversation" as const, value: { messages: [{ role: "user", content: "Say hello!" }] } },
    sampling: { temperature: 0 },
    maxTokens: 16,
    ...more,
  },
});

function stream(input: object) {
  return client.makeServerStreamRequest(
    pathOf(generate),
    writer(generate.input),
    reader(generate.output),
    create(generate.input, input),
  );
}

test("a unary call answers, and a stream of the same request gives the same text", async () => {
  const whole = await unary(complete, spec());
  let text = "";
  let last: GenerateResponse["event"]["case"];
  for await (const { event } of stream(spec()) as AsyncIterable<GenerateResponse>) {
    if (event.case === "delta") text += event.value.text;
    last = event.case;
  }
  expect(text.length).toBeGreaterThan(5);
  expect(text).toBe(whole.choices[0].text);
  expect(last).toBe("completed");
});

test("an error carries its reason and field in google.rpc.Status", async () => {
  const error: ServiceError = await unary(complete, spec({ model: "nope" })).catch((thrown) => thrown);
  expect(error.code).toBe(status.NOT_FOUND);
  const [details] = error.metadata.get("grpc-status-details-bin");
  const rich = fromBinary(StatusSchema, details as Buffer);
  const info = rich.details.find((any) => any.typeUrl.endsWith("google.rpc.ErrorInfo"));
  expect(fromBinary(ErrorInfoSchema, info?.value ?? new Uint8Array())).toMatchObject({
    reason: "MODEL_NOT_FOUND",
    domain: "trimtab",
    metadata: { field: "model" },
  });
});

test("a cancelled stream ends as cancelled, and the server goes on", async () => {
  const call = stream(spec({ maxTokens: 0, choices: 4 }));
  const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
  call.once("data", () => call.cancel());
  expect((await ended).code).toBe(status.CANCELLED);
  expect((await unary(listModels, {})).models.length).toBeGreaterThan(0);
});

test("a deadline that has passed is DEADLINE_EXCEEDED", async () => {
  const error: ServiceError = await unary(complete, spec({ maxTokens: 0 }), 1).catch((thrown) => thrown);
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
});

test("the health service says SERVING for the gateway and the whole server", async () => {
  for (const service of ["", GatewayService.typeName]) {
    expect((await unary(Health.method.check, { service })).status).toBe(1);
  }
});
