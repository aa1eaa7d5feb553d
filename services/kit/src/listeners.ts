/**
 * One set of Connect routes behind two kinds of listeners: native gRPC on `node:http2` (TCP or Unix socket), and
 * Connect, gRPC-Web, pages and metrics on `Bun.serve` through a Hono app. Both drain.
 * Responses are never compressed (tensors; short messages); gzip requests are accepted within the message limit.
 */
import type { Registry } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { compressionGzip, universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import {
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import type { Hono } from "hono";
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { checkHost } from "./auth.ts";
import { directKey, writeDirectly } from "./direct-messages.ts";
import { createDrain, endsWithin, LAST_WORDS_MS, shuttingDown } from "./drain.ts";
import { toOpenAiError, TrimtabError } from "./errors.ts";
import { mapFrameworkErrors } from "./framework-errors.ts";
import { writeAnswer } from "./grpc-answers.ts";
import { REQUEST_ID_HEADER } from "./interceptors.ts";
import { createHttp2Server, type Http2Listener } from "./http2-server.ts";
import { RPC_LIMITS } from "./limits.ts";
import type { Logger } from "./log.ts";
import { heardStream, type HttpEnvironment } from "./stream-end.ts";
import type { TlsIdentity } from "./tls.ts";

/** A listening server. */
export interface Listener {
  /** The TCP port actually bound; 0 for a Unix socket. */
  readonly port: number;
  /** Stops accepting, lets calls finish for `graceMs`, then ends them with UNAVAILABLE. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** What both listeners need to know of the routes. */
export interface RouteOptions {
  readonly routes: (router: ConnectRouter) => void;
  readonly interceptors?: Interceptor[];
  /** Runs before a request body is read; throws a ConnectError to refuse. */
  readonly requestGate?: (context: HandlerContext) => void | Promise<void>;
  readonly maxMessageBytes?: number;
  /** Largest message sent; default: as large as one received. */
  readonly maxAnswerBytes?: number;
  readonly maxTimeoutMs?: number;
  /** Types that `google.protobuf.Any` may hold in JSON. */
  readonly registry?: Registry;
  /** What handlers' answers pass through last; default: errors of the framework get our details. */
  readonly answer?: (handler: UniversalHandlerFn) => UniversalHandlerFn;
}

/** Where a gRPC listener listens: a Unix socket, or host and port (0 picks a free one). */
export interface GrpcListenerOptions extends RouteOptions {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  /** Callers must show a certificate of its authority. */
  readonly tls?: TlsIdentity | undefined;
  /** Only our own services connect: many cancels are normal. */
  readonly internal?: boolean;
  readonly sessionIdleMs?: number;
  readonly maxConnections?: number;
}

const HTTP_NOT_FOUND = 404;
/** Types of answers that come in pieces. */
const STREAMED = /^(text\/event-stream|application\/(connect\+|grpc))/;

/** Starts a native gRPC listener (h2c, or TLS). @throws TrimtabError SERVICE_UNAVAILABLE if the address cannot be bound. */
export async function createGrpcListener(options: GrpcListenerOptions): Promise<Listener> {
  const drain = createDrain();
  const handlers = handlersOf(options, drain.signal, { grpc: true });
  const server = createHttp2Server(options);
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    if (sessions.size >= (options.maxConnections ?? RPC_LIMITS.connections)) return session.destroy();
    sessions.add(session);
    session.setTimeout(options.sessionIdleMs ?? RPC_LIMITS.sessionIdleMs, () => session.destroy());
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  server.on("request", (request, response) => {
    const handler = handlers.get(request.url.split("?", 1)[0] ?? "");
    if (!handler) {
      response.writeHead(HTTP_NOT_FOUND);
      response.end();
      return;
    }
    // Health watches and reflection never end by themselves: a drain does not wait for them.
    const kind = request.url.startsWith("/grpc.") ? "lingering" : undefined;
    void drain.track(() => answer(handler, request, response), kind);
  });
  await listen(server, options);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? (address as AddressInfo).port : 0,
    close: drain.once(async (graceMs) => {
      server.close();
      for (const session of sessions) session.close();
      await drain.finish(graceMs);
      for (const session of sessions) session.destroy();
      if (options.socketPath !== undefined) removeSocket(options.socketPath);
    }),
  };
}

async function answer(
  { handle, isUnary }: Route,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  try {
    const values = createContextValues();
    if (!isUnary) values.set(directKey, response);
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    // Not every runtime reports the end of a response whose stream was reset: its close counts as well.
    const answered = await handle(universal);
    await Promise.race([writeAnswer(answered, isUnary, request, response), closed]);
  } catch {
    // The peer is gone or broke the protocol: there is nobody to answer. Handlers learn of it through their signal.
    response.stream?.destroy();
  }
}

function listen(server: Http2Listener, options: GrpcListenerOptions): Promise<void> {
  const { socketPath, host = "127.0.0.1", port = 0 } = options;
  if (socketPath !== undefined) removeSocket(socketPath);
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new TrimtabError(
          "SERVICE_UNAVAILABLE",
          `cannot listen on ${socketPath ?? `${host}:${port}`}: ${cause.code}`,
          {
            field: socketPath === undefined ? "port" : "socketPath",
            cause,
          },
        ),
      ),
    );
    if (socketPath === undefined) server.listen(port, host, resolve);
    else server.listen(socketPath, resolve);
  });
}

/** A socket file left by a process that was killed would make the address busy. */
function removeSocket(socketPath: string): void {
  if (existsSync(socketPath) && lstatSync(socketPath).isSocket()) unlinkSync(socketPath);
}

/** Options of {@link createHttpListener}. */
export interface HttpListenerOptions {
  readonly app: Hono;
  readonly host?: string;
  readonly port?: number;
  /** Largest request body of any route. */
  readonly maxBodyBytes?: number;
  /** A connection that asks for nothing is closed after so long; default {@link RPC_LIMITS}. */
  readonly idleSeconds?: number;
  /** One line a request at level `info`; of a stream, when its headers leave. */
  readonly log?: Logger;
  /** Aborted with UNAVAILABLE when the grace of a drain is over; its signal goes to {@link mountConnect}. */
  readonly shutdown?: AbortController;
}

/** Starts `app` on `Bun.serve`, with the Host check of loopback listeners, an end for idle connections, and drain. */
export function createHttpListener(options: HttpListenerOptions): Listener {
  const { host = "127.0.0.1", port = 0, idleSeconds = RPC_LIMITS.httpIdleSeconds } = options;
  const drain = createDrain();
  let server: ReturnType<typeof Bun.serve>;
  try {
    server = Bun.serve({
      hostname: host,
      port,
      idleTimeout: idleSeconds,
      maxRequestBodySize: options.maxBodyBytes ?? RPC_LIMITS.httpBodyBytes,
      development: false,
      // Outside development Bun shares ports silently: a second server would take half of the requests.
      reusePort: false,
      async fetch(request, running) {
        // While it is answered a connection may be silent, and while it is streamed to.
        running.timeout(request, 0);
        const rest = (): void => running.timeout(request, idleSeconds);
        const response = await drain.track(() => fetchChecked(options, request, host, { streamEnded: rest }));
        if (!STREAMED.test(response.headers.get("content-type") ?? "")) rest();
        return response;
      },
      error: (error) => failure(error),
    });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "error";
    throw new TrimtabError("SERVICE_UNAVAILABLE", `cannot listen on ${host}:${port}: ${code}`, {
      field: "port",
      cause,
    });
  }
  return {
    port: server.port ?? 0,
    close: drain.once(async (graceMs) => {
      const stopped = server.stop(false);
      if (await endsWithin(stopped, graceMs)) return;
      options.shutdown?.abort(shuttingDown());
      await endsWithin(stopped, LAST_WORDS_MS);
      await server.stop(true);
    }),
  };
}

async function fetchChecked(
  { app, log }: HttpListenerOptions,
  request: Request,
  host: string,
  environment: HttpEnvironment,
): Promise<Response> {
  const begun = performance.now();
  let response: Response;
  try {
    checkHost(request, host);
    response = await app.fetch(request, environment);
  } catch (error) {
    response = failure(error);
  }
  log?.log("info", "request", {
    method: request.method,
    path: URL.canParse(request.url) ? new URL(request.url).pathname : "",
    status: response.status,
    ms: Math.round(performance.now() - begun),
    requestId: response.headers.get(REQUEST_ID_HEADER) ?? undefined,
  });
  return response;
}

/** Any thrown value as an OpenAI-compatible JSON answer. */
export function failure(error: unknown): Response {
  const { status, headers, body } = toOpenAiError(error);
  return Response.json(body, { status, headers });
}

/** Mounts Connect and gRPC-Web routes on a Hono app. `shutdown` ends running calls when it aborts. */
export function mountConnect(app: Hono, options: RouteOptions, shutdown?: AbortSignal): void {
  for (const [path, { handle }] of handlersOf(options, shutdown, { grpc: false })) {
    app.all(path, async (context) => {
      const response = await handle(universalServerRequestFromFetch(context.req.raw, {}));
      const body = response.body && heardStream(response.body, context.env);
      return universalServerResponseToFetch({ ...response, ...(body && { body }) });
    });
  }
}

interface Route {
  readonly handle: UniversalHandlerFn;
  /** One message is the whole answer. */
  readonly isUnary: boolean;
}

function handlersOf(
  options: RouteOptions,
  shutdownSignal: AbortSignal | undefined,
  protocols: { grpc: boolean },
): Map<string, Route> {
  const maxBytes = options.maxMessageBytes ?? RPC_LIMITS.publicMessageBytes;
  const maxAnswerBytes = options.maxAnswerBytes ?? maxBytes;
  const router = createConnectRouter({
    grpc: protocols.grpc,
    interceptors: [writeDirectly(maxAnswerBytes), ...(options.interceptors ?? [])],
    ...(options.requestGate ? { requestGate: options.requestGate } : {}),
    ...(shutdownSignal ? { shutdownSignal } : {}),
    acceptCompression: [compressionGzip],
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    readMaxBytes: maxBytes,
    writeMaxBytes: maxAnswerBytes,
    maxTimeoutMs: options.maxTimeoutMs ?? RPC_LIMITS.maxTimeoutMs,
    jsonOptions: { ignoreUnknownFields: false, ...(options.registry ? { registry: options.registry } : {}) },
  });
  options.routes(router);
  const finish = options.answer ?? mapFrameworkErrors;
  return new Map(
    router.handlers.map((handler) => {
      const isUnary = handler.method.methodKind === "unary";
      return [handler.requestPath, { handle: finish(handler), isUnary }];
    }),
  );
}
