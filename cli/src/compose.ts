/**
 * The composition root: which services run in which process. By default tokenizer, verifier, steering and gateway share
 * this process and forward is a supervised child behind a Unix socket: a wedged kernel can only be stopped with its process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGateKeys, type GateKeys } from "./gate-keys.ts";
import { ownKey } from "#kit/auth.ts";
import { TrimtabError } from "#kit/errors.ts";
import {
  addressOf,
  connectTo,
  parseTarget,
  type Connection,
  type ConnectionOptions,
  type Target,
} from "#kit/clients.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { RPC_LIMITS } from "#kit/limits.ts";
import { createLogger } from "#kit/log.ts";
import { ENDING_SIGNALS, startServer, type Server } from "#kit/server.ts";
import { supervise } from "#kit/supervisor.ts";
import { readTls, type TlsFiles } from "#kit/tls.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayClient } from "./demo/answer.ts";
import { type EngineFlags, toArguments } from "./engine-options.ts";
import { CALLS, createRoom, ROOM_NAMES, SCHEMAS, type Room, type RoomName } from "./rooms.ts";

/** What to start, and where it listens (port 0 picks a free one). */
export interface StackOptions {
  /** The model, or several. */
  readonly modelPath: string | readonly string[];
  /** Type its float matrices are quantized to while it is loaded; absent: none. */
  readonly quantize?: QuantizedType | undefined;
  readonly threads: number | "auto";
  readonly engine?: EngineFlags;
  readonly sharedPrefixes?: boolean;
  readonly host: string;
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** All services running, and a client that reaches the gateway over its gRPC port like anybody else. */
export interface Stack {
  readonly client: GatewayClient;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Process id of the forward child. */
  readonly forwardPid: () => number | undefined;
  /** Ends all; calls under way have `graceMs` to finish. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** Artifacts of up to 16 MiB pass the gateway; the rest is the message around them. */
const GATEWAY_MESSAGE_BYTES = 17 * 2 ** 20;
const MAIN = join(import.meta.dir, "..", "main.ts");
/** How this machine reaches itself where it listens on every address. */
const LOOPBACK_OF: Readonly<Record<string, string>> = {
  "": "127.0.0.1",
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/** Starts all services. @throws TrimtabError SERVICE_UNAVAILABLE if forward does not become ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-"));
  const endWatch = removeOnSignal(directory);
  const socketPath = join(directory, "forward.sock");
  const { modelPath, quantize, threads, host, sharedPrefixes = false } = options;
  const command = forwardCommand(options, socketPath, join(directory, "loaded.json"));
  const forward = supervise({ command, socketPath, log: createLogger("supervisor") });
  const keys = createGateKeys();
  const rooms: Room[] = [];
  const connections: Partial<Record<RoomName, Connection>> = { forward: connectWithKey({ socketPath }) };
  let server: Server | undefined;
  const close = async (closing?: { graceMs?: number }): Promise<void> => {
    await server?.close(closing);
    for (const room of rooms.toReversed()) await room.close();
    for (const connection of Object.values(connections)) connection.close();
    await forward.close();
    endWatch();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const name of ROOM_NAMES) {
      if (name === "forward") continue;
      const { gate } = keys;
      const room = await createRoom(name, {
        ...{ modelPath, quantize, threads, sharedPrefixes, connections, gate },
      });
      rooms.push(room);
      if (name !== "gateway") connections[name] = connectTo({ routes: room.routes });
    }
    await forward.ready();
    const gateway = rooms.at(-1)!;
    server = await startServer({
      name: "gateway",
      services: [GatewayService],
      routes: gateway.routes,
      grpc: { host, port: options.grpcPort },
      http: {
        host,
        port: options.httpPort,
        maxBodyBytes: GATEWAY_MESSAGE_BYTES,
        app: gateway.app,
      },
      maxMessageBytes: GATEWAY_MESSAGE_BYTES,
      metrics: gateway.metrics,
      gate: keys.gate,
      endCalls: () => void gateway.close(),
      ready: gateway.ready,
    });
  } catch (error) {
    await close();
    throw error;
  }
  const { grpcPort, httpPort } = server;
  const address = addressOf(LOOPBACK_OF[host] ?? host, grpcPort);
  const self = connectTo({ address }, { apiKey: keys.own, timeoutMs: RPC_LIMITS.maxTimeoutMs });
  return {
    client: self.client(GatewayService),
    grpcPort,
    httpPort,
    forwardPid: () => forward.pid,
    async close(closing) {
      self.close();
      await close(closing);
    },
  };
}

/**
 * Removes a directory when a signal ends this process; forward ends with it. Where somebody else listens to the signal nothing is done:
 * who does so closes in order. @returns what takes it back
 */
function removeOnSignal(directory: string): () => void {
  const release = (): void => void ENDING_SIGNALS.forEach((signal) => process.off(signal, onSignal));
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    rmSync(directory, { recursive: true, force: true });
    release();
    process.kill(process.pid, signal);
  };
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  return release;
}

/** The command that serves forward alone, on a socket, until this process ends. */
function forwardCommand(
  { modelPath, quantize, threads, engine = {} }: StackOptions,
  socketPath: string,
  loadedFile: string,
): string[] {
  return [
    ...[process.execPath, MAIN, "serve", "--service", "forward", "--listen", `unix:${socketPath}`],
    ...[modelPath].flat().flatMap((path) => ["--model", path]),
    ...["--threads", String(threads), "--supervised", "--loaded-file", loadedFile],
    ...(quantize === undefined ? [] : ["--quantize", quantize]),
    ...toArguments(engine),
  ];
}

/** One service alone, and where the services it calls are. */
export interface ServiceOptions {
  readonly service: RoomName;
  /** The model, or several; for tokenizer and forward. */
  readonly modelPath: string | readonly string[];
  readonly quantize?: QuantizedType | undefined;
  readonly threads: number | "auto";
  readonly engine?: EngineFlags;
  readonly sharedPrefixes?: boolean;
  /** File in which tokenizer or forward keeps which models are loaded. */
  readonly loadedFile?: string | undefined;
  /** `host:port` or `unix:/path` of the gRPC listener. */
  readonly listen: string;
  /** HTTP listener with `/metrics`, and the gateway's API; absent: none. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly addresses: Partial<Record<RoomName, string>>;
  /** How services at addresses show each other who they are; without files they speak plainly. */
  readonly tls?: TlsFiles | undefined;
}

/** A service that runs alone. */
export interface RunningService {
  readonly server: Server;
  /** Resolves when the service can serve no more and its process should end. */
  readonly broken?: Promise<unknown>;
  close(): Promise<void>;
}

/** Starts one service alone; it finds the others by address. @throws TrimtabError INVALID_ARGUMENT for TLS files that are none. */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { service } = options;
  const tls = readTls(options.tls ?? {});
  const connections: Partial<Record<RoomName, Connection>> = {};
  for (const name of CALLS[service]) {
    const address = options.addresses[name];
    if (address === undefined)
      throw new TrimtabError("FIELD_REQUIRED", `--${name} <address> is needed: ${service} calls it`);
    connections[name] = connectWithKey(parseTarget(address), { tls });
  }
  const keys: Partial<GateKeys> = service === "gateway" ? createGateKeys() : {};
  const room = await createRoom(service, { ...options, connections, gate: keys.gate });
  const target = parseTarget(options.listen);
  const server = await startServer({
    name: service,
    services: [SCHEMAS[service]],
    routes: room.routes,
    grpc: bindingOf(target),
    internal: service !== "gateway",
    // A gateway is everybody's, a socket is protected by the rights of its file.
    tls: service === "gateway" || "socketPath" in target ? undefined : tls,
    maxMessageBytes: service === "gateway" ? GATEWAY_MESSAGE_BYTES : undefined,
    http: options.http && { ...options.http, maxBodyBytes: GATEWAY_MESSAGE_BYTES, app: room.app },
    metrics: room.metrics,
    gate: keys.gate,
    endCalls: room.app && (() => void room.close()),
    ready: room.ready,
  });
  return {
    server,
    broken: room.broken,
    async close() {
      await server.close();
      await room.close();
      for (const connection of Object.values(connections)) connection.close();
    },
  };
}

function bindingOf(
  target: ReturnType<typeof parseTarget>,
): { socketPath: string } | { host: string; port: number } {
  if ("socketPath" in target) return { socketPath: target.socketPath };
  if (!("address" in target))
    throw new TrimtabError("INVALID_ARGUMENT", "a service listens on host:port or unix:/path");
  const colon = target.address.lastIndexOf(":");
  // Brackets part an IPv6 host from its port; sockets take it without.
  const host = target.address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(target.address.slice(colon + 1)) };
}

/** A client of a gateway that runs elsewhere; a call without a deadline has as long as a request may take there. */
export function connectGateway(address: string): GatewayClient {
  const patient = { timeoutMs: RPC_LIMITS.maxTimeoutMs };
  return connectWithKey(parseTarget(address), patient).client(GatewayService);
}

/** Our own services and gateways elsewhere are called with the key of the environment, which their listeners require. */
function connectWithKey(target: Target, options: ConnectionOptions = {}): Connection {
  return connectTo(target, { apiKey: ownKey(), ...options });
}
