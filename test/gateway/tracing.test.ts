/** One trace from the client's context through all services: a span a request, choice, candidate, step and call; no text in it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { startTracing, TRACE_HEADER } from "#kit/tracing.ts";
import { chat, chatBody, refusal, until } from "./support/asks.ts";
import { answering } from "./support/answering.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const headers = { [TRACE_HEADER]: `00-${TRACE}-${PARENT}-01` };
const exporter = new InMemorySpanExporter();

beforeAll(() => {
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }));
});
afterAll(() => trace.disable());
beforeEach(() => exporter.reset());

const parentOf = (span: ReadableSpan | undefined): ReadableSpan | undefined =>
  exporter.getFinishedSpans().find((one) => one.spanContext().spanId === span?.parentSpanContext?.spanId);
const named = (part: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter(({ name }) => name.includes(part));

test("a steered request over gRPC is one trace, and every call of another service is within its generation", async () => {
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello!", refusal({ compare: true })), { headers });
  // The session with forward is closed after the answer.
  await until(() => named("ForwardService/Session").length === 1);
  const spans = exporter.getFinishedSpans();
  expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([TRACE]));
  const [complete] = named("GatewayService/Complete");
  expect(complete?.parentSpanContext?.spanId).toBe(PARENT);
  const [generation] = named("generation");
  expect(parentOf(generation)).toBe(complete!);
  for (const call of ["TokenizerService/RenderChat", "SteeringService/Plan", "ForwardService/Session"]) {
    expect(named(call).map((span) => parentOf(span)?.name)).toEqual(["generation"]);
  }
  expect(named("choice").map((span) => parentOf(span)?.name)).toEqual(["generation", "generation"]);
  expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain("hello");
});

test("over HTTP the client's context is carried on, and a failure is on its span", async () => {
  const stack = createSimulatedStack();
  const all = { "content-type": "application/json", ...headers };
  await stack.post("/v1/chat/completions", chatBody("hello", { model: "nope" }), { headers: all });
  const [generation] = named("generation");
  expect(generation?.parentSpanContext?.spanId).toBe(PARENT);
  expect(generation?.status.message).toBe("MODEL_NOT_FOUND");
});

test("a search has a span a candidate and a span a step within it, whether its client asks for its steps or not", async () => {
  const stack = answering(["one two three", "four five six"]);
  const scaling = {
    strategy: "best-of-n",
    budget: { candidates: 2 },
    verifier: { name: "words" },
  };
  await stack.client.complete(chat("hello", { scaling, maxTokens: 16 }), { headers });
  expect(named("candidate").length).toBe(2);
  expect(named("step").length).toBeGreaterThanOrEqual(2);
  for (const step of named("step")) expect(parentOf(step)?.name).toBe("candidate");
});

test("a malformed context begins a trace of its own, and without a collector nothing is exported", async () => {
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello"), { headers: { [TRACE_HEADER]: "00-nonsense-01" } });
  expect(named("Complete")[0]?.parentSpanContext).toBeUndefined();
  await (
    await startTracing("test")
  )();
  expect(exporter.getFinishedSpans().length).toBeGreaterThan(0);
});

test("with a collector in the environment spans leave by OTLP, under the name of their service", async () => {
  trace.disable();
  const bodies: string[] = [];
  const collector = Bun.serve({
    port: 0,
    async fetch(request) {
      bodies.push(`${new URL(request.url).pathname} ${await request.text()}`);
      return new Response();
    },
  });
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = `http://127.0.0.1:${collector.port}`;
  const end = await startTracing("gateway");
  delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  const stack = createSimulatedStack();
  await stack.client.complete(chat("hello"));
  await end();
  await collector.stop(true);
  expect(bodies.join()).toContain("/v1/traces");
  expect(bodies.join()).toContain("trimtab-gateway");
  expect(bodies.join()).toContain("generation");
});
