/**
 * Traces over all services: W3C `traceparent` in, spans, `traceparent` on to every call made meanwhile. Off unless
 * `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; then spans leave by OTLP over HTTP. A context is passed by hand, in the
 * headers of calls, so that nothing depends on what follows asynchronous work. Spans hold ids, names and numbers, no texts.
 */
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { createContextKey, type Interceptor } from "@connectrpc/connect";
import { fromConnectError } from "./errors.ts";
import { endings, watchedCall } from "./streams.ts";

/** Header of the W3C trace context. */
export const TRACE_HEADER = "traceparent";
/** Context value with the trace context of the call being served, as its header. */
export const traceKey = createContextKey("", { description: "traceparent" });

const NAME = "trimtab";
const HEADER = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A span under way. */
export interface RunningSpan {
  /** What calls made within it carry; the given one when nothing is traced. */
  readonly traceparent: string;
  /** Whether anybody will see it. */
  readonly isRecording: boolean;
  /** Begins a span within it. */
  child(name: string, attributes?: Attributes): RunningSpan;
  set(attributes: Attributes): void;
  /** It is over, with an error or without. Idempotent. */
  end(error?: unknown): void;
}

/** Begins a span within the one that a `traceparent` names, if it names one. */
export function startSpan(
  name: string,
  traceparent: string | null | undefined,
  options: { readonly kind?: SpanKind; readonly attributes?: Attributes } = {},
): RunningSpan {
  return running(name, contextOf(traceparent), traceparent ?? "", options);
}

function running(name: string, parent: Context, given: string, options: object): RunningSpan {
  const span = trace.getTracer(NAME).startSpan(name, options, parent);
  const context = trace.setSpan(parent, span);
  return {
    traceparent: span.isRecording() ? headerOf(span) : given,
    isRecording: span.isRecording(),
    child: (childName, attributes = {}) => running(childName, context, given, { attributes }),
    set: (attributes) => void span.setAttributes(attributes),
    end(error) {
      if (error !== undefined) {
        const { reason } = fromConnectError(error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
      }
      span.end();
    },
  };
}

/** Headers that carry a trace context on; none without one. */
export function traceHeaders(traceparent: string | null | undefined): Record<string, string> {
  return traceparent ? { [TRACE_HEADER]: traceparent } : {};
}

function contextOf(traceparent: string | null | undefined): Context {
  const [, traceId, spanId, flags] = HEADER.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? "0", 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function headerOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** Server side: a span a call, to the end of its stream. */
export const traceCalls: Interceptor = (next) => async (request) => {
  const attributes = { "rpc.system": "grpc", "rpc.method": request.method.name };
  const given = request.header.get(TRACE_HEADER);
  const name = `${request.service.typeName}/${request.method.name}`;
  const span = startSpan(name, given, { kind: SpanKind.SERVER, attributes });
  request.contextValues.set(traceKey, span.traceparent);
  const watch = endings(span.end, () => undefined);
  return watchedCall(next, request, watch);
};

/**
 * Starts to export spans of this process as `service`, if the environment names a collector.
 * @returns what sends the last spans, at the end of the process.
 */
export async function startTracing(service: string): Promise<() => Promise<void>> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = process.env;
  if (endpoint === undefined && own === undefined) return () => Promise.resolve();
  // Loaded only where it is wanted: most processes are not traced.
  const [{ BatchSpanProcessor, TracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": `trimtab-${service}` }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  trace.setGlobalTracerProvider(provider);
  return () => provider.shutdown();
}
