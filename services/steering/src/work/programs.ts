/**
 * Programs of a build at forward. Each is uploaded once; forward keeps some hundred and lets go of those that nothing uses, so one may
 * be gone when it is needed: then the programs of that call are uploaded again, once.
 */
import { hasReason } from "#kit/errors.ts";
import type { Program, ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import type { SteeringClients } from "../clients.ts";
import { type CallOptions, patientCall } from "./call.ts";

/** A program with its coefficients, as a build binds it. */
export interface Binding extends Pick<ProgramBinding, "programDigest" | "coefficients"> {
  /** The program itself; undefined where nothing is bound. */
  readonly program: Program | undefined;
}

/** Uploads a program; answers with its digest as forward names it. */
export async function uploadProgram(
  { forward }: Pick<SteeringClients, "forward">,
  program: Program,
  signal: AbortSignal,
): Promise<string> {
  const stored = await patientCall(signal, (options) => forward.putProgram({ program }, options));
  return stored.programDigest;
}

/** A patient call that runs under `bindings`, which forward may have let go of. @throws as `patientCall` */
export async function boundCall<T>(
  clients: Pick<SteeringClients, "forward">,
  bindings: readonly (Binding | undefined)[],
  signal: AbortSignal,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  try {
    return await patientCall(signal, call);
  } catch (error) {
    if (!hasReason(error, "PROGRAM_NOT_FOUND")) throw error;
    for (const program of new Set(bindings.flatMap((binding) => binding?.program ?? [])))
      await uploadProgram(clients, program, signal);
    return patientCall(signal, call);
  }
}
