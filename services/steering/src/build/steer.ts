/** Doses as bindings that a build can run: the program is uploaded once, coefficients follow the gate. */
import { TrimtabError } from "#kit/errors.ts";
import { type AnswerDirections, type AnswerDoses, answerAdditions } from "../dose.ts";
import { compileProgram } from "../program.ts";
import { type Binding, uploadProgram } from "../work/programs.ts";
import type { PhaseContext } from "./context.ts";

/** Uploads the program of some doses and binds it with the gate open. */
export async function openBinding(
  { clients, scope }: PhaseContext,
  directions: AnswerDirections,
  doses: AnswerDoses,
): Promise<Binding> {
  const additions = answerAdditions(directions, doses);
  const { program, digest } = compileProgram(directions.direction, additions);
  const programDigest = await uploadProgram(clients, program, scope.signal);
  if (programDigest !== digest) {
    throw new TrimtabError(
      "ARTIFACT_INCOMPATIBLE",
      "forward names programs differently: the services are of different versions",
      { field: "program_digest" },
    );
  }
  const coefficients = additions.map(({ coefficient }) => Math.fround(coefficient));
  return { programDigest, coefficients, program };
}
