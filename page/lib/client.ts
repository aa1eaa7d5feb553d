/** The one client of the page: the public gateway API over Connect, with the generated code any browser program could use. */
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { signal } from "@preact/signals";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

const KEY_NAME = "trimtab.key";

/** Key for servers that want one; kept until the tab closes. */
export const apiKey = signal(sessionStorage.getItem(KEY_NAME) ?? "");

/** Remembers a key for this tab. */
export function setApiKey(key: string): void {
  apiKey.value = key;
  sessionStorage.setItem(KEY_NAME, key);
}

/** Headers that authorize a request; empty without a key. */
export function authorization(): Record<string, string> {
  return apiKey.value === "" ? {} : { authorization: `Bearer ${apiKey.value}` };
}

const withKey: Interceptor = (next) => (request) => {
  for (const [name, value] of Object.entries(authorization())) request.header.set(name, value);
  return next(request);
};

/** The gateway this page was served by. */
export const gateway = createClient(
  GatewayService,
  createConnectTransport({ baseUrl: location.origin, useBinaryFormat: true, interceptors: [withKey] }),
);
