/** What the steering service is composed of: generated clients of the services that builds use, and the scope of a call. */
import type { Client } from "@connectrpc/connect";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import type { Caller } from "#proto/trimtab/type/v1/caller_pb.ts";
import type { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";

/** Generated clients over any transport. */
export interface SteeringClients {
  readonly tokenizer: Client<typeof TokenizerService>;
  readonly forward: Client<typeof ForwardService>;
  readonly verifier: Client<typeof VerifierService>;
}

/** The model a build or a direction is for. */
export interface ModelShape {
  /** SHA-256 of the model file, hex. */
  readonly digest: string;
  readonly name: string;
  /** Blocks. */
  readonly layers: number;
  /** Width of the residual stream. */
  readonly width: number;
  /** Attention heads and dimensions of each. */
  readonly heads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly contextTokens: number;
  readonly stopIds: readonly number[];
}

/** Life of a piece of work: cancellation and the count of tokens it computed. */
export interface WorkScope {
  readonly signal: AbortSignal;
  /** On whose behalf, where the texts are a client's. */
  readonly caller?: Caller;
  /** Called with tokens as they are computed. */
  spend(tokens: number): void;
}
