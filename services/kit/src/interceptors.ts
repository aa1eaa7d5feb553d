/**
 * What every call passes: on the server request id, deadline and error mapping; on the client the normalisation of
 * transport errors that mean "the service is gone".
 */
import {
  Code,
  ConnectError,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { fromConnectError, toConnectError, TrimtabError } from "./errors.ts";
import { RPC_LIMITS } from "./limits.ts";
import type { Logger } from "./log.ts";
import { abortable, endings, watchedCall } from "./streams.ts";
import { traceCalls, traceHeaders, traceKey } from "./tracing.ts";

/** Header that carries the request id, in both directions. */
export const REQUEST_ID_HEADER = "x-request-id";
/** Context value with the moment a call must be over, on the monotonic clock; absent without a deadline. */
export const deadlineKey = createContextKey<number | undefined>(undefined, { description: "deadline" });
/** Context value with the id of the request being served. */
export const requestIdKey = createContextKey("", { description: "request id" });

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The caller's request id if it is well-formed, else a new one. */
export function acceptRequestId(given: string | null | undefined): string {
  return given && REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** Options of {@link serverInterceptors}. */
export interface ServerInterceptorOptions {
  readonly log?: Logger;
  /** Deadline of unary and server-streaming calls without one. */
  readonly maxTimeoutMs?: number;
}

/** The chain of a server, outermost first: request id, trace, log, error mapping, deadline. */
export function serverInterceptors(options: ServerInterceptorOptions = {}): Interceptor[] {
  return [
    requestId,
    traceCalls,
    logCalls(options.log),
    mapErrors(options.log),
    enforceDeadline(options.maxTimeoutMs ?? RPC_LIMITS.maxTimeoutMs),
  ];
}

const requestId: Interceptor = (next) => async (request) => {
  const id = acceptRequestId(request.header.get(REQUEST_ID_HEADER));
  request.contextValues.set(requestIdKey, id);
  const response = await next(request);
  response.header.set(REQUEST_ID_HEADER, id);
  return response;
};

const leftEarly = (): TrimtabError => new TrimtabError("CANCELLED", "left early");

/** One line a call at level `info`, at its end: what it was, how it ended, how long it took, under which request id. */
function logCalls(log: Logger | undefined): Interceptor {
  return (next) => async (request) => {
    const begun = performance.now();
    const end = (error?: unknown): void =>
      log?.log("info", "call", {
        rpc: `${request.service.typeName}/${request.method.name}`,
        outcome: error === undefined ? "ok" : fromConnectError(error).reason,
        ms: Math.round(performance.now() - begun),
        requestId: request.contextValues.get(requestIdKey),
      });
    return watchedCall(next, request, endings(end, leftEarly));
  };
}

/** Every error leaves as a ConnectError with our details; unexpected ones are logged with their cause. */
function mapErrors(log: Logger | undefined): Interceptor {
  return (next) => async (request) => {
    const map = (error: unknown): ConnectError => {
      const mapped = toConnectError(
        normaliseFramework(request.signal.aborted ? endReason(request.signal, error) : error),
      );
      if (mapped.code === Code.Internal || mapped.code === Code.Unknown) {
        log?.log("error", "call failed", {
          rpc: `${request.service.typeName}/${request.method.name}`,
          requestId: request.contextValues.get(requestIdKey),
          cause: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      }
      return mapped;
    };
    return watchedCall(next, request, { failed: map });
  };
}

/**
 * What an error means once its call has ended: the end's own reason if the handler stopped because of it. A client that
 * left or whose deadline passed resets the stream, which connect-es reports as an error of ours.
 */
function endReason(signal: AbortSignal, error: unknown): unknown {
  const isConsequence = error === signal.reason || fromConnectError(error).reason === "CANCELLED";
  if (!isConsequence) return error;
  const reason: unknown = signal.reason;
  const isReset = reason instanceof ConnectError && reason.rawMessage.startsWith("http/2 stream closed");
  return reason instanceof ConnectError && !isReset
    ? reason
    : new TrimtabError("CANCELLED", "the call was cancelled");
}

/** Errors connect-es itself raises for malformed input carry INTERNAL; they are the caller's. */
export function normaliseFramework(error: unknown): unknown {
  if (!(error instanceof ConnectError) || error.code !== Code.Internal) return error;
  if (!/^parse binary|^protocol error/.test(error.rawMessage)) return error;
  return new TrimtabError("INVALID_ARGUMENT", `malformed message: ${error.rawMessage}`, { cause: error });
}

/** A call is answered when its deadline passes or its client leaves, whatever its handler does. */
function enforceDeadline(maxTimeoutMs: number): Interceptor {
  return (next) => async (request) => {
    const { methodKind } = request.method;
    if (methodKind === "unary" || methodKind === "client_streaming") {
      return within(maxTimeoutMs, request.signal, (signal) => next({ ...request, signal }));
    }
    const response = await within(undefined, request.signal, () => next(request));
    if (!response.stream) return response;
    return { ...response, message: abortable(response.message, request.signal) };
  };
}

/**
 * What `run` gives; or the reason of `outer`, or a deadline, whichever comes first: that aborts the signal `run` was given. Without
 * `AbortSignal.any`, whose signals are told of the end of every call.
 */
function within<T>(
  limitMs: number | undefined,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = (reason: unknown): void => {
    reject(reason);
    inner.abort(reason);
  };
  const onAbort = (): void => stop(outer.reason);
  const expire = (): void => stop(new ConnectError("the deadline has passed", Code.DeadlineExceeded));
  const timer = limitMs === undefined ? undefined : setTimeout(expire, limitMs);
  if (outer.aborted) onAbort();
  else outer.addEventListener("abort", onAbort);
  run(inner.signal).then(resolve, reject);
  return promise.finally(() => {
    clearTimeout(timer);
    outer.removeEventListener("abort", onAbort);
  });
}

const GONE = new Set([
  ...["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ERR_HTTP2_GOAWAY_SESSION"],
  // The whole connection failed: whoever answers there does not speak HTTP/2.
  "ERR_HTTP2_ERROR",
]);

/**
 * Client side: a service that died in mid-call appears as `canceled`, a lost connection as `internal` or `aborted`;
 * all of them become `unavailable`, so that retries and breakers see one thing. A service that ends a call at its deadline looks the
 * same, and may be heard of before the timer here: then it is the deadline.
 */
export const normaliseClientErrors: Interceptor = (next) => async (request) => {
  const deadline = performance.now() + millisecondsOf(request.header.get(DEADLINE_HEADER));
  const map = (error: unknown): unknown => {
    if (!(error instanceof ConnectError) || request.signal.aborted || error.isWireError) return error;
    if (!isGone(error)) return error;
    const [text, code] =
      performance.now() >= deadline
        ? (["the deadline has passed", Code.DeadlineExceeded] as const)
        : ([GONE_MESSAGE, Code.Unavailable] as const);
    return new ConnectError(text, code, undefined, undefined, error);
  };
  return watchedCall(next, request, { failed: map });
};

const DEADLINE_HEADER = "grpc-timeout";

/** A deadline as connect-es writes it, in milliseconds; infinite without one. */
function millisecondsOf(timeout: string | null): number {
  const digits = /^(\d+)m$/.exec(timeout ?? "")?.[1];
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits);
}

/** Codes of handshakes that failed: the peer's certificate, or its refusal of ours. */
const NOT_BELIEVED = /^(ERR_SSL_|ERR_TLS_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
const GONE_MESSAGE = "the service is unavailable or went away in mid-call";

function isGone(error: ConnectError): boolean {
  if (error.code === Code.Canceled || error.code === Code.Aborted) return true;
  if (
    error.code === Code.Unavailable ||
    /session closed|sentinel completed|missing trailer|too many invalid/i.test(error.rawMessage)
  ) {
    return true;
  }
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    const code = String((cause as NodeJS.ErrnoException).code);
    if (GONE.has(code) || NOT_BELIEVED.test(code)) return true;
  }
  return false;
}

/** Options for a call made while serving another: same cancellation, remaining time, same request id and trace. */
export function forwardCall(context: HandlerContext): {
  signal: AbortSignal;
  timeoutMs?: number;
  headers: Record<string, string>;
} {
  const deadline = context.values.get(deadlineKey);
  // The context's own remaining time follows the clock of the wall, which may jump.
  const timeoutMs = deadline === undefined ? context.timeoutMs() : Math.ceil(deadline - performance.now());
  return {
    signal: context.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, timeoutMs) }),
    headers: {
      [REQUEST_ID_HEADER]: context.values.get(requestIdKey),
      ...traceHeaders(context.values.get(traceKey)),
    },
  };
}
