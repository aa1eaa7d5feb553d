/** What every handler of the gateway works with. */
import type { Admission } from "./admission/admission.ts";
import type { Caller } from "./clients.ts";
import type { ModelChanges } from "./flow/model-changes.ts";
import type { FlowContext } from "./flow/prepare.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Terms } from "./terms.ts";
import type { IdempotentRequests } from "./openai/idempotency.ts";

/** The gateway's parts. */
export interface GatewayContext {
  readonly flow: FlowContext;
  /** Loading and unloading. */
  readonly modelChanges: ModelChanges;
  readonly metrics: GatewayMetrics;
  readonly idempotent: IdempotentRequests;
  readonly admission: Admission;
  /** Who asks, by the headers of a request. */
  readonly callerOf: (headers: Headers) => Caller;
  /** On which terms. */
  readonly termsOf: (headers: Headers) => Terms;
  /** Whether a model is loaded; false when forward does not say so in time. */
  readonly ready: () => Promise<boolean>;
}
