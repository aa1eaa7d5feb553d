/** The architectures this build can run. */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";

/** Families by `general.architecture`. */
export const families: ReadonlyMap<string, Family> = new Map([[llama.architecture, llama]]);
