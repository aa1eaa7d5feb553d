/**
 * The gate in front of a listener: optional bearer keys (`TRIMTAB_API_KEY`, several apart by blanks), refusal to
 * bind a public address without one, and the Host check that keeps web pages of other sites away from a loopback listener.
 */
import { timingSafeEqual } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { type Grant, keyDigest, type StoredKey } from "./api-keys.ts";
import { methodName } from "./clients.ts";
import { toConnectError, TrimtabError } from "./errors.ts";

/** Checks the credentials of one request. */
export interface KeyGate {
  /** Whether no key is required. */
  readonly isOpen: boolean;
  /**
   * What the caller may do. @throws TrimtabError UNAUTHENTICATED, with the same text whatever was wrong; KEY_EXPIRED to who holds
   * a key whose time is over.
   */
  check(headers: Headers): Grant;
  /**
   * The same for RPC; health checks pass without a key, methods for operators need a key that may do this.
   * @throws ConnectError UNAUTHENTICATED, KEY_EXPIRED, PERMISSION_DENIED.
   */
  readonly requestGate: (context: HandlerContext) => void;
}

/** Which keys a gate knows. */
export interface KeyGateOptions {
  /** Keys with all rights, apart by blanks; default `TRIMTAB_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** Keys of a key file (`api-keys.ts`). */
  readonly keys?: readonly StoredKey[];
  /** Methods (`package.Service/Method`) that only operators may call. */
  readonly operatorMethods?: ReadonlySet<string>;
  /** Milliseconds since 1970, by which keys expire; default: the clock of this machine. */
  readonly now?: () => number;
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1", "[::1]"]);
const OPEN_SERVICES = new Set(["grpc.health.v1.Health"]);
const ALL_RIGHTS: Grant = { name: "operator", operator: true, priority: "high" };

/** Creates the gate; without any key everything passes, with all rights. */
export function createKeyGate(options: KeyGateOptions = {}): KeyGate {
  const { apiKey = process.env.TRIMTAB_API_KEY, keys = [], operatorMethods = new Set() } = options;
  const { now = Date.now } = options;
  const known: (readonly [Buffer, Grant])[] = [
    ...keysOf(apiKey).map((key) => [Buffer.from(keyDigest(key)), ALL_RIGHTS] as const),
    ...keys.map((key) => [Buffer.from(key.digest), key] as const),
  ];
  const check = (headers: Headers): Grant => {
    if (known.length === 0) return ALL_RIGHTS;
    const key = bearerKey(headers);
    const given = key === undefined ? undefined : Buffer.from(keyDigest(key));
    // Every key is compared, whichever matches.
    const [match] = known.filter(([one]) => given !== undefined && timingSafeEqual(given, one));
    if (match) return inTime(match[1], now());
    throw new TrimtabError("UNAUTHENTICATED", "a valid API key is required", { field: "authorization" });
  };
  return {
    isOpen: known.length === 0,
    check,
    requestGate(context) {
      if (OPEN_SERVICES.has(context.service.typeName)) return;
      try {
        const grant = check(context.requestHeader);
        if (operatorMethods.has(methodName(context.method))) assertOperator(grant);
      } catch (error) {
        throw toConnectError(error);
      }
    },
  };
}

/** Only who holds the key itself learns that it has expired. */
function inTime(grant: Grant, nowMs: number): Grant {
  if (grant.expires === undefined || nowMs < Date.parse(grant.expires)) return grant;
  const message = `this API key expired at ${grant.expires}; ask whoever runs the server for a new one`;
  throw new TrimtabError("KEY_EXPIRED", message, { field: "authorization", limit: grant.expires });
}

/** @throws TrimtabError PERMISSION_DENIED for keys that are not an operator's. */
export function assertOperator(grant: Grant): void {
  if (grant.operator) return;
  throw new TrimtabError("PERMISSION_DENIED", "this needs an operator's key", { field: "authorization" });
}

/** True for hosts that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** @throws TrimtabError PERMISSION_DENIED when `host` is public and there is no key. */
export function assertBindAllowed(host: string, gate: KeyGate): void {
  if (isLoopback(host) || !gate.isOpen) return;
  const message = `refusing to listen on ${host || "every address"} without a key: set TRIMTAB_API_KEY, make one with \`trimtab key create\`, or bind 127.0.0.1`;
  throw new TrimtabError("PERMISSION_DENIED", message, { field: "host" });
}

/**
 * Refuses requests whose Host is foreign to a loopback listener (DNS rebinding), or that come from another origin.
 * @throws TrimtabError PERMISSION_DENIED, INVALID_ARGUMENT.
 */
export function checkHost(request: Request, boundHost: string): void {
  if (!isLoopback(boundHost)) return;
  const host = request.headers.get("host") ?? "";
  const name = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.exec(host)?.[1];
  if (name === undefined)
    throw new TrimtabError("INVALID_ARGUMENT", "malformed Host header", { field: "host" });
  if (!isLoopback(name))
    throw new TrimtabError("PERMISSION_DENIED", "this listener is local", { field: "host" });
  const origin = request.headers.get("origin");
  if (origin !== null && !isLoopback(hostOf(origin))) {
    throw new TrimtabError("PERMISSION_DENIED", "requests from other sites are refused", { field: "origin" });
  }
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : "";
}

/** The key our own processes call each other with: the first of those the environment names. */
export function ownKey(apiKey: string | undefined = process.env.TRIMTAB_API_KEY): string | undefined {
  return keysOf(apiKey)[0];
}

/** The bearer key of a request, valid or not. */
export function bearerKey(headers: Headers): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(headers.get("authorization") ?? "")?.[1];
}

const keysOf = (apiKeys = ""): string[] => apiKeys.split(/\s+/).filter((key) => key !== "");
