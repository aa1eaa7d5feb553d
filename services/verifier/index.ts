/**
 * The verifier service: judges texts, token probabilities and hidden states. Calls tokenizer and forward for verifiers
 * that ask the model; without their clients those verdicts fail as values and all others work.
 */
import type { ConnectRouter } from "@connectrpc/connect";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createHandlers } from "./src/handlers/service.ts";
import { createRegistry, createVerifiers } from "./src/registry.ts";
import { createSandbox } from "./src/sandbox/sandbox.ts";
import type { VerifierClients } from "./src/verifier.ts";

export { isUseful, writeProbe, type Probe } from "./src/probe/artifact.ts";
export { trainProbe, type ProbeExample } from "./src/probe/train.ts";

/** Options of {@link createVerifierService}. */
export interface VerifierServiceOptions {
  readonly clients?: VerifierClients;
  /** Where trained probes are found; absent: nowhere. */
  readonly store?: ArtifactStore;
}

/** A verifier service ready to be mounted. */
export interface VerifierServiceRoom {
  readonly routes: (router: ConnectRouter) => void;
  /** Ends running calls with UNAVAILABLE, and the sandbox's process. */
  close(): void;
}

/** Creates the service. It holds no state but its compiled parameter schemas. */
export function createVerifierService(options: VerifierServiceOptions = {}): VerifierServiceRoom {
  const closing = new AbortController();
  const sandbox = createSandbox();
  const handlers = createHandlers({
    registry: createRegistry(createVerifiers(sandbox, options.store)),
    clients: options.clients ?? {},
    closing: closing.signal,
  });
  return {
    routes: (router) => void router.service(VerifierService, handlers),
    close() {
      closing.abort(new TrimtabError("SERVICE_UNAVAILABLE", "the verifier service is closing"));
      sandbox.close();
    },
  };
}
