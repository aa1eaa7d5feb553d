/**
 * Who asks, by the API key of the request: rows of a step are divided fairly between keys, and prefixes computed for one
 * key are found by that key only. Forward is told a digest, never the key. Requests without a key are one caller.
 */
import type { HandlerContext } from "@connectrpc/connect";
import { bearerKey } from "#kit/auth.ts";
import { forwardCall } from "#kit/interceptors.ts";
import type { Caller, CallScope } from "./clients.ts";
import type { GatewayContext } from "./context.ts";

const NO_KEY = "no key";
const DIGEST_CHARS = 32;

/** Names the caller behind the headers of a request; with `sharedPrefixes` keys find each other's prefixes. */
export function createCallers(sharedPrefixes: boolean): (headers: Headers) => Caller {
  return (headers) => {
    const key = bearerKey(headers);
    if (key === undefined) return { fairnessKey: NO_KEY };
    const digest = new Bun.CryptoHasher("sha256").update(`trimtab caller ${key}`).digest("hex");
    const fairnessKey = digest.slice(0, DIGEST_CHARS);
    return { fairnessKey, cacheSalt: sharedPrefixes ? "" : fairnessKey };
  };
}

/** The scope of an RPC. */
export function scopeOfCall({ callerOf, termsOf }: GatewayContext, context: HandlerContext): CallScope {
  const { requestHeader } = context;
  return { ...forwardCall(context), caller: callerOf(requestHeader), terms: termsOf(requestHeader) };
}
