/** Programs for an engine in tests. */
import type { Engine } from "../../services/forward/src/engine/client.ts";
import type { Operation } from "../../services/forward/src/programs/program.ts";

/** Stores a program of operations under a digest of its own; answers the digest. */
export async function putProgram(engine: Engine, ...operations: readonly Operation[]): Promise<string> {
  const digest = crypto.randomUUID();
  await engine.call({ type: "program", digest, program: { operations, conflict: "sum" } });
  return digest;
}
