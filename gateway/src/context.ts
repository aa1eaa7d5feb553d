/** What every handler of the gateway works with. */
import type { Caller } from "./clients.ts";
import type { ModelChanges } from "./flow/model-changes.ts";
import type { FlowContext } from "./flow/prepare.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { IdempotentRequests } from "./openai/idempotency.ts";

/** The gateway's parts. */
export interface GatewayContext {
  readonly flow: FlowContext;
  /** Loading and unloading. */
  readonly modelChanges: ModelChanges;
  readonly metrics: GatewayMetrics;
  readonly idempotent: IdempotentRequests;
  /** Who asks, by the headers of a request. */
  readonly callerOf: (headers: Headers) => Caller;
}
