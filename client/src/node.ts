/** The package in Node and Bun: native gRPC over HTTP/2. */
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type ClientOptions, createTrimtab, type Trimtab, withKey } from "./client.ts";

export * from "./exports.ts";

/** Connects to a server, by default the gRPC port of this machine. Nothing is sent before the first call. */
export function connect({ url = "http://localhost:50051", apiKey, timeoutMs }: ClientOptions = {}): Trimtab {
  const sessionManager = new Http2SessionManager(url);
  const interceptors = withKey(apiKey);
  const transport = createGrpcTransport({
    ...{ baseUrl: url, interceptors, sessionManager },
    // Compressing tensors costs more than it saves.
    acceptCompression: [],
    ...(timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs }),
  });
  return createTrimtab({ transport, close: () => sessionManager.abort() });
}
