/** What the measurements of searches have in common. */
import type { GatewayUnderTest } from "../ours/gateway.ts";
import type { RowKey } from "../rows.ts";

/** A bench of searches. */
export interface SearchBench {
  readonly gateway: GatewayUnderTest;
  readonly model: string;
  readonly modelPath: string;
  readonly threads: number;
  /** Problems, one after another on each side. */
  readonly problems: number;
}

/** Candidates of every search. */
export const CANDIDATES = 8;
/** Temperature of every search. */
export const TEMPERATURE = 0.8;

/** Key of a row. */
export function keyOf({ model, threads }: SearchBench, metric: string, peer: string): RowKey {
  return { model, metric, file: "same", threads, context: 0, batch: CANDIDATES, peer };
}
