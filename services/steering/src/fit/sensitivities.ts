/**
 * Sensitivity of a prompt to each block: how far the log-odds of beginning like the behaviour rise when that block alone
 * is pushed at the last prompt token, by the largest dose of the recipe. Cost: a token a block and prompt.
 */
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { directionLayers } from "../direction.ts";
import { coefficientOfDose, largestDose } from "../dose.ts";
import type { PlannableRecipe } from "../plan-parts.ts";
import { compileProgram } from "../program.ts";
import type { CaptureText } from "../work/capture.ts";
import { uploadProgram } from "../work/programs.ts";
import type { ExampleSource } from "./examples.ts";
import { firstTokens, logOdds } from "./log-odds.ts";

/** Rises in nats, [prompts][layers]; 0 where the direction has no vector. */
export async function sensitivities(
  source: ExampleSource,
  { direction, doses }: PlannableRecipe,
  prompts: readonly CaptureText[],
): Promise<Float64Array[]> {
  const { clients, scope } = source;
  const starts = await firstTokens(source);
  const base = await logOdds(source, prompts, starts, undefined);
  const rises = prompts.map(() => new Float64Array(direction.layers));
  const relative = largestDose(doses);
  for (const layer of directionLayers(direction)) {
    const { program } = compileProgram(direction, [{ layer, scope: Scope.UNSPECIFIED }]);
    const programDigest = await uploadProgram(clients, program, scope.signal);
    const coefficients = [coefficientOfDose(direction, { layer, relative })];
    const pushed = await logOdds(source, prompts, starts, { programDigest, coefficients, program });
    for (const [n, row] of rises.entries()) row[layer] = (pushed[n] as number) - (base[n] as number);
  }
  return rises;
}
