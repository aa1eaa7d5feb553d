/**
 * One server of one or more services: gRPC and web listeners over the same routes, health, reflection, metrics, key
 * gate, and a drain in the right order (health first, then the listeners).
 */
import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { Hono } from "hono";
import { Health } from "#proto/health/v1/health_pb.ts";
import { assertBindAllowed, assertOperator, createKeyGate, type KeyGate } from "./auth.ts";
import { toConnectError, TrimtabError } from "./errors.ts";
import { EXIT } from "./failure.ts";
import { createHealth, type HealthTable } from "./health.ts";
import { deadlineKey, serverInterceptors } from "./interceptors.ts";
import { RPC_LIMITS } from "./limits.ts";
import {
  createGrpcListener,
  createHttpListener,
  failure,
  type Listener,
  mountConnect,
  type RouteOptions,
} from "./listeners.ts";
import { createLogger, type Logger } from "./log.ts";
import { type LoopLag, watchLoopLag } from "./loop-lag.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createReflection } from "./reflection.ts";
import type { TlsIdentity } from "./tls.ts";

/** Where a listener binds; the default host is 127.0.0.1, port 0 picks a free one. */
export interface Binding {
  readonly host?: string;
  readonly port?: number;
}

/** A web application, whatever it notes about its requests. */
export type WebApp = Pick<Hono, "fetch" | "request">;

/** Options of {@link startServer}. */
export interface ServerOptions {
  /** Name for logs and metrics. */
  readonly name: string;
  /** The services `routes` registers, for health and reflection. */
  readonly services: readonly DescService[];
  readonly routes: (router: ConnectRouter) => void;
  /** Native gRPC; omit for none. */
  readonly grpc?: Binding | { readonly socketPath: string };
  /** Connect, gRPC-Web, `/metrics` and `app`; omit for none. */
  readonly http?: Binding & { readonly app?: WebApp; readonly maxBodyBytes?: number };
  /** Only our own services connect: larger messages, cancels are cheap. */
  readonly internal?: boolean;
  readonly gate?: KeyGate | undefined;
  /** gRPC callers must show a certificate of its authority. */
  readonly tls?: TlsIdentity | undefined;
  readonly log?: Logger;
  readonly metrics?: Metrics;
  readonly maxMessageBytes?: number;
  /** Ends what `app` still does when the grace of a drain is over; its answers have a moment to leave. */
  readonly endCalls?: (() => void) | undefined;
  /** Whether it could serve a request now; asked by `/readyz`. Default: as health says. */
  readonly ready?: (() => Promise<boolean>) | undefined;
}

/** A running server. */
export interface Server {
  /** Bound ports; 0 where there is no TCP listener. */
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly health: HealthTable;
  readonly metrics: Metrics;
  /** Health goes NOT_SERVING, listeners drain for `graceMs`, the rest ends with UNAVAILABLE. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** Starts the listeners and reports SERVING. @throws TrimtabError PERMISSION_DENIED, SERVICE_UNAVAILABLE. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const log = options.log ?? createLogger(options.name);
  const metrics = options.metrics ?? createMetrics(options.name);
  const gate = options.gate ?? createKeyGate();
  const health = createHealth(options.services.map((service) => service.typeName));
  const reflect = createReflection([...options.services, Health]);
  const route: RouteOptions = {
    routes(router) {
      options.routes(router);
      health.routes(router);
      reflect(router);
    },
    interceptors: [metrics.interceptor, ...serverInterceptors({ log })],
    requestGate(context) {
      gate.requestGate(context);
      noteDeadline(context);
    },
    maxMessageBytes:
      options.maxMessageBytes ??
      (options.internal ? RPC_LIMITS.internalMessageBytes : RPC_LIMITS.publicMessageBytes),
  };
  for (const binding of [options.grpc, options.http]) {
    // An empty host is every address there is.
    if (binding && "host" in binding && binding.host !== undefined) assertBindAllowed(binding.host, gate);
  }
  let lag: LoopLag | undefined;
  const isReady = async () =>
    health.isServing() && (lag?.lagMs ?? 0) < RPC_LIMITS.readyLagMs && ((await options.ready?.()) ?? true);
  const grpc = options.grpc
    ? await createGrpcListener({
        ...route,
        ...options.grpc,
        internal: options.internal ?? false,
        tls: options.tls,
      })
    : undefined;
  let http: Listener | undefined;
  try {
    const { endCalls } = options;
    http = options.http && startHttp(options.http, route, { metrics, gate, isReady, log, endCalls });
    // Who is not asked over HTTP whether it is ready does not wake up to know.
    if (http) lag = watchLoopLag();
  } catch (error) {
    await grpc?.close({ graceMs: 0 });
    throw error;
  }
  for (const service of ["", ...options.services.map((s) => s.typeName)]) health.set(service, true);
  return {
    grpcPort: grpc?.port ?? 0,
    httpPort: http?.port ?? 0,
    health,
    metrics,
    async close(closing) {
      health.shutdown();
      // Watchers hear of the end before their streams end with everything else.
      await Bun.sleep(Math.min(closing?.graceMs ?? RPC_LIMITS.drainMs, RPC_LIMITS.lameDuckMs));
      await Promise.all([http?.close(closing), grpc?.close(closing)]);
      lag?.close();
    },
  };
}

/** Notes the deadline of a call; one that has passed when the call arrives starts nothing. */
function noteDeadline(context: HandlerContext): void {
  const leftMs = context.timeoutMs();
  if (leftMs === undefined) return;
  context.values.set(deadlineKey, performance.now() + leftMs);
  if (leftMs > 0) return;
  throw toConnectError(new TrimtabError("DEADLINE_EXCEEDED", "the deadline passed before the call began"));
}

interface HttpParts {
  readonly metrics: Metrics;
  readonly gate: KeyGate;
  readonly isReady: () => Promise<boolean>;
  readonly log: Logger;
  readonly endCalls: ServerOptions["endCalls"];
}

function startHttp(
  http: NonNullable<ServerOptions["http"]>,
  route: RouteOptions,
  { metrics, gate, isReady, log, endCalls }: HttpParts,
): Listener {
  const app = new Hono().onError(failure);
  const shutdown = new AbortController();
  if (endCalls) shutdown.signal.addEventListener("abort", endCalls);
  mountConnect(app, route, shutdown.signal);
  app.get("/metrics", async (context) => {
    assertOperator(gate.check(context.req.raw.headers));
    const { body, contentType } = await metrics.expose();
    return context.body(body, 200, { "content-type": contentType });
  });
  app.get("/livez", (context) => context.text("alive\n"));
  app.get("/readyz", async (context) =>
    (await isReady()) ? context.text("ready\n") : context.text("not ready\n", 503),
  );
  if (http.app) app.mount("/", http.app.fetch);
  return createHttpListener({ ...http, app, shutdown, log });
}

/** Signals that end a process. */
export const ENDING_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Runs `close` once on SIGTERM or SIGINT, then exits: 0, or 70 if closing failed. A second signal exits at once.
 * A supervised child leaves SIGINT to its parent: Ctrl-C reaches both, and the parent still needs the child to drain.
 */
export function closeOnSignals(close: () => Promise<void>, options: { supervised?: boolean } = {}): void {
  let isClosing = false;
  const onSignal = () => {
    if (isClosing) process.exit(EXIT.interrupted);
    isClosing = true;
    close().then(
      () => process.exit(0),
      () => process.exit(EXIT.broken),
    );
  };
  for (const signal of ENDING_SIGNALS) {
    const isParents = signal === "SIGINT" && options.supervised === true;
    process.on(signal, isParents ? () => {} : onSignal);
  }
}
