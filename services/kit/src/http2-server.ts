/**
 * The HTTP/2 server under a gRPC listener: in clear text, or TLS with callers that show a certificate. For our own services the
 * limits on stream resets are raised: our own honest cancels would otherwise end the connection for everybody on it.
 */
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from "node:http2";
import { RPC_LIMITS, TLS_LIMITS } from "./limits.ts";
import { type TlsIdentity, tlsSocketOptions } from "./tls.ts";

/** Either kind of server. */
export type Http2Listener = Http2Server | Http2SecureServer;

/** What it serves, and to whom. */
export interface Http2ServerOptions {
  readonly tls?: TlsIdentity | undefined;
  /** Only our own services connect: many cancels are normal. */
  readonly internal?: boolean;
}

const INTERNAL_RESET_BURST = 100_000;
const INTERNAL_RESETS_PER_SECOND = 5_000;

/** Creates a server that does not listen yet. */
export function createHttp2Server({ tls, internal }: Http2ServerOptions): Http2Listener {
  const options = {
    settings: { maxConcurrentStreams: RPC_LIMITS.concurrentStreams },
    ...(internal
      ? { streamResetBurst: INTERNAL_RESET_BURST, streamResetRate: INTERNAL_RESETS_PER_SECOND }
      : {}),
  };
  if (!tls) return createServer(options);
  return createSecureServer({
    ...options,
    ...tlsSocketOptions(tls),
    handshakeTimeout: TLS_LIMITS.handshakeMs,
  });
}
