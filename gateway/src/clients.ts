/** What the gateway is composed of: generated clients of the four services, and the scope of one call. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GenerateResponse, SearchEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import type { CallerSchema } from "#proto/trimtab/type/v1/caller_pb.ts";
import type { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { Whole } from "./admission/whole.ts";
import { LIMITS } from "./limits.ts";
import type { Terms } from "./terms.ts";

/** Generated clients of the four services, over any transport. */
export interface GatewayClients {
  readonly tokenizer: Client<typeof TokenizerService>;
  readonly forward: Client<typeof ForwardService>;
  readonly steering: Client<typeof SteeringService>;
  readonly verifier: Client<typeof VerifierService>;
}

/** The life of one request: passed on to every call it causes. */
export interface CallScope {
  /** Aborts when the client leaves or the deadline passes. */
  readonly signal: AbortSignal;
  /** Time left, milliseconds. */
  readonly timeoutMs?: number;
  /** Time the client says it waits, milliseconds; no deadline. */
  readonly waitsMs?: number | undefined;
  /** Request id. */
  readonly headers?: Record<string, string>;
  /** Whose request it is, for forward and those who ask it on our behalf. */
  readonly caller?: Caller;
  /** On which terms it is served. */
  readonly terms?: Terms;
  /** The request that this is a part of, which is let in as one. */
  readonly whole?: Whole;
  /** Sends an event of a generation at once, past whoever pulls them; false, or absent: it is to be yielded. */
  readonly send?: ((event: GenerateResponse) => boolean) | undefined;
  /** Hears of every step of a search, for the trace of the request; absent when nothing is traced. */
  readonly onSearch?: (event: SearchEvent["event"]) => void;
}

/** What forward is told of a caller. */
export type Caller = MessageInitShape<typeof CallerSchema>;

/** A scope that can also be ended from here. */
export interface BoundedScope {
  readonly scope: CallScope;
  /** Ends it with an error. */
  abort(error: TrimtabError): void;
  /** The request is over: the timer goes. */
  clear(): void;
}

/** `scope` cut to the longest life of a request. */
export function boundedScope(scope: CallScope): BoundedScope {
  const expiry = new AbortController();
  const abort = (error: TrimtabError): void => expiry.abort(error);
  const limit = `${LIMITS.requestMs} ms`;
  const timer = setTimeout(
    () => abort(new TrimtabError("DEADLINE_EXCEEDED", "the request took too long", { limit })),
    LIMITS.requestMs,
  );
  const signal = AbortSignal.any([scope.signal, expiry.signal]);
  return { scope: { ...scope, signal }, abort, clear: () => clearTimeout(timer) };
}
