/** The package in a browser: Connect over fetch. The page has to come from the server's origin, or a proxy that serves both. */
import { createConnectTransport } from "@connectrpc/connect-web";
import { type ClientOptions, createTrimtab, type Trimtab, withKey } from "./client.ts";

export * from "./exports.ts";

/** Connects to a server, by default the one the page came from. Nothing is sent before the first call. */
export function connect({ url = location.origin, apiKey, timeoutMs }: ClientOptions = {}): Trimtab {
  const transport = createConnectTransport({
    ...{ baseUrl: url, interceptors: withKey(apiKey), useBinaryFormat: true },
    ...(timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs }),
  });
  // Connections are the browser's own.
  return createTrimtab({ transport, close: () => {} });
}
