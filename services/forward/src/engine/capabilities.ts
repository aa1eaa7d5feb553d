/** What a backend carries; asking for more is refused with BACKEND_CAPABILITY. */
import { hasSite, type OperationKind, type Site, SITES } from "../programs/program.ts";

/** Capabilities of a loaded model on its backend. */
export interface Capabilities {
  readonly backend: "wasm" | "onnx";
  /** Sites that can be tapped and changed. */
  readonly sites: readonly Site[];
  readonly operations: readonly OperationKind[];
  /** Same request, same tokens and bit-identical logits, whatever runs beside it. */
  readonly deterministic: boolean;
  /** Sequences can be forked and share what they have in common. */
  readonly fork: boolean;
  readonly gradients: boolean;
}

/** Operations in the order of the schema. */
export const OPERATION_KINDS: readonly OperationKind[] = [
  "add",
  "erase",
  "rotate",
  "multiply",
  "cap_norm",
  "replace",
  "rotate_to",
];

/** Our own kernels: everything, at the sites the model has. */
export function wasmCapabilities(experts: number): Capabilities {
  const sites = SITES.filter((site) => hasSite(site, { experts }));
  const operations = OPERATION_KINDS;
  return { backend: "wasm", sites, operations, deterministic: true, fork: true, gradients: false };
}
