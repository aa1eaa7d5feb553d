/**
 * Clients of our own services: one way to call whether the service runs in this process, behind a Unix socket or at
 * an address. Pings find a dead peer, every unary call has a deadline, nothing is compressed (tensors).
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type Client,
  type ConnectRouter,
  createRouterTransport,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { connect } from "node:net";
import { TrimtabError } from "./errors.ts";
import { createStreams } from "./grpc-streams.ts";
import { normaliseClientErrors, serverInterceptors } from "./interceptors.ts";
import { RPC_LIMITS } from "./limits.ts";
import { type TlsIdentity, tlsSocketOptions } from "./tls.ts";
import { createTypedClient } from "./typed-client.ts";

/** Where a service is: routes of this process, a Unix socket, or `host:port`. */
export type Target =
  | { readonly routes: (router: ConnectRouter) => void }
  | { readonly socketPath: string }
  | { readonly address: string };

/** Options of {@link connectTo}. */
export interface ConnectionOptions {
  /** Deadline of unary calls without one, null for none; streams have none. */
  readonly timeoutMs?: number | null;
  readonly maxMessageBytes?: number;
  /** Sent as `authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  /** Sent as `x-priority` with every call, for a gateway. */
  readonly priority?: "high" | "normal" | "low";
  /** For addresses: show this certificate, and believe servers of its authority only. Sockets have no TLS. */
  readonly tls?: TlsIdentity | undefined;
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
}

/** An open way to one server; clients of all its services share it. */
export interface Connection {
  readonly transport: Transport;
  /** A typed client of one service. */
  client<S extends DescService>(service: S): Client<S>;
  /** Ends running calls and closes sockets. */
  close(): void;
}

/** Parses `unix:/path`, `host:port` or `http://host:port`. @throws TrimtabError INVALID_ARGUMENT. */
export function parseTarget(text: string): Target {
  if (text.startsWith("unix:")) {
    const socketPath = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (socketPath !== "") return { socketPath };
  }
  const address = text.replace(/^http:\/\//, "").replace(/\/$/, "");
  if (/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(address)) return { address };
  throw new TrimtabError("INVALID_ARGUMENT", "an address is host:port or unix:/path", { field: "address" });
}

/** The address of a port of a host: of an IPv6 host in brackets. */
export function addressOf(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Opens a connection; nothing is sent before the first call. */
export function connectTo(target: Target, options: ConnectionOptions = {}): Connection {
  const interceptors = [normaliseClientErrors];
  const { apiKey, priority } = options;
  if (apiKey !== undefined) interceptors.unshift(withHeader("authorization", `Bearer ${apiKey}`));
  if (priority !== undefined) interceptors.unshift(withHeader("x-priority", priority));
  const maxBytes = options.maxMessageBytes ?? RPC_LIMITS.internalMessageBytes;
  if ("routes" in target) {
    const transport = createRouterTransport(target.routes, {
      router: { interceptors: serverInterceptors() },
      transport: { interceptors, readMaxBytes: maxBytes, writeMaxBytes: maxBytes },
    });
    return connection(transport, options, () => {});
  }
  const tls = "address" in target ? options.tls : undefined;
  const baseUrl = "address" in target ? `${tls ? "https" : "http"}://${target.address}` : "http://localhost";
  const sessionManager = new Http2SessionManager(
    baseUrl,
    {
      pingIntervalMs: options.pingIntervalMs ?? RPC_LIMITS.pingIntervalMs,
      pingTimeoutMs: options.pingTimeoutMs ?? RPC_LIMITS.pingTimeoutMs,
      idleConnectionTimeoutMs: RPC_LIMITS.clientIdleMs,
    },
    "socketPath" in target
      ? { createConnection: () => connect(target.socketPath) }
      : tls && tlsSocketOptions(tls),
  );
  const way = { baseUrl, sessionManager, interceptors };
  const limits = { acceptCompression: [], readMaxBytes: maxBytes, writeMaxBytes: maxBytes };
  const { unary } = createGrpcTransport({ ...way, ...limits });
  return connection({ unary, stream: createStreams({ ...way, maxBytes }) }, options, () =>
    sessionManager.abort(),
  );
}

function connection(inner: Transport, options: ConnectionOptions, close: () => void): Connection {
  const { timeoutMs: ownMs = RPC_LIMITS.defaultTimeoutMs } = options;
  const defaultMs = ownMs ?? undefined;
  const transport: Transport = {
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      inner.unary(method, signal, timeoutMs ?? defaultMs, header, input, contextValues),
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      inner.stream(method, signal, timeoutMs, header, input, contextValues),
  };
  return { transport, client: (service) => createTypedClient(service, transport), close };
}

function withHeader(name: string, value: string): Interceptor {
  return (next) => (request) => {
    request.header.set(name, value);
    return next(request);
  };
}

/** Full name of a method as in URLs, for logs and metrics. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
