/**
 * The gateway: composes tokenizer, forward, steering and verifier into answers, behind `trimtab.gateway.v1` and an
 * OpenAI-compatible HTTP API. It knows generated clients only; listeners are kit's.
 */
import { join } from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import { createKeyGate, type KeyGate } from "#kit/auth.ts";
import { registerEngineMetrics } from "#kit/engine-metrics.ts";
import { createMetrics, type Metrics } from "#kit/metrics.ts";
import type { WebApp } from "#kit/server.ts";
import { createParameterChecks } from "#kit/parameters.ts";
import { type AdmissionLimits, createAdmission } from "./src/admission/admission.ts";
import { type Audit, createAudit } from "./src/audit.ts";
import type { GatewayClients } from "./src/clients.ts";
import { createCallers } from "./src/caller.ts";
import type { GatewayContext } from "./src/context.ts";
import { createBreath } from "./src/flow/breath.ts";
import { createModelChanges } from "./src/flow/model-changes.ts";
import { createPrograms } from "./src/flow/programs.ts";
import { createRequirements } from "./src/flow/requirements.ts";
import { createRunningGenerations } from "./src/flow/running.ts";
import { createVocabularies } from "./src/flow/vocabulary.ts";
import { ADMISSION_LIMITS, LIMITS, SCALING_LIMITS } from "./src/limits.ts";
import { createTerms } from "./src/terms.ts";
import { gatewayRoutes } from "./src/handlers/index.ts";
import { createGatewayMetrics } from "./src/metrics.ts";
import { createOpenAiApp } from "./src/openai/app.ts";
import { createIdempotentRequests } from "./src/openai/idempotency.ts";
import { createPage } from "./src/page.ts";

export type { GatewayClients } from "./src/clients.ts";
export { operatorMethods } from "./src/permissions.ts";

/** Where playground and documentation are built to, in a checkout and in the package. */
const BUILT = join(import.meta.dir, "..", "build");

/** What a gateway is made of. */
export interface GatewayOptions {
  /** Clients of the four services. */
  readonly clients: GatewayClients;
  /** Where its metrics go; give the same to the server that exposes them. */
  readonly metrics?: Metrics;
  /** Checks the key of OpenAI requests; give the same to the server. Default: from the environment. */
  readonly gate?: KeyGate | undefined;
  /** Limits of admission; default: those of `limits.ts`. */
  readonly admission?: Partial<AdmissionLimits>;
  /** Let callers of different keys find each other's prefixes in forward's cache; default: they never do. */
  readonly sharedPrefixes?: boolean;
  /**
   * Let steering take directions out of activations, as ablation of refusal does; default: if the operator has set
   * `TRIMTAB_ALLOW_ABLATION` to 1.
   */
  readonly allowAblation?: boolean;
  /** Where applied programs are written down; default: see `audit.ts`. */
  readonly audit?: Audit;
}

/** A gateway, to be mounted on listeners. */
export interface Gateway {
  /** Registers the Connect and gRPC routes. */
  readonly routes: (router: ConnectRouter) => void;
  /** OpenAI-compatible API, `/health` and a page, as a fetch handler. */
  readonly app: WebApp;
  /** Whether a model is loaded that could answer now. */
  readonly ready: () => Promise<boolean>;
  /** Generations under way. */
  readonly running: () => number;
  /** Ends every generation under way with SERVICE_UNAVAILABLE. */
  close(): void;
}

function ablationAllowed(): boolean {
  return process.env.TRIMTAB_ALLOW_ABLATION === "1";
}

/** Creates a gateway. Nothing is called before the first request. */
export function createGateway(options: GatewayOptions): Gateway {
  const { clients } = options;
  const metrics = options.metrics ?? createMetrics("gateway");
  const running = createRunningGenerations();
  const gate = options.gate ?? createKeyGate();
  const callerOf = createCallers(options.sharedPrefixes ?? false);
  const admission = createAdmission({ ...ADMISSION_LIMITS, ...options.admission });
  const engines = async () => (await clients.forward.listModels({}, { timeoutMs: LIMITS.scrapeMs })).models;
  const ready = async () => (await engines().catch(() => [])).some(({ loaded }) => loaded);
  registerEngineMetrics(metrics, engines);
  const context: GatewayContext = {
    flow: {
      clients,
      running,
      breathe: createBreath(),
      requirements: createRequirements(clients),
      programs: createPrograms(clients, { allowAblation: options.allowAblation ?? ablationAllowed() }),
      audit: options.audit ?? createAudit(),
      vocabularies: createVocabularies(clients),
      parameterChecks: createParameterChecks(SCALING_LIMITS),
    },
    modelChanges: createModelChanges(clients),
    admission,
    callerOf,
    termsOf: createTerms(gate, callerOf),
    metrics: createGatewayMetrics(metrics, { running: () => running.size, admission: () => admission.state }),
    idempotent: createIdempotentRequests(),
    ready,
  };
  return {
    routes: gatewayRoutes(context),
    app: createOpenAiApp(context, gate, createPage({ page: join(BUILT, "page"), docs: join(BUILT, "docs") })),
    ready,
    running: () => running.size,
    close() {
      admission.drain();
      running.close();
    },
  };
}
