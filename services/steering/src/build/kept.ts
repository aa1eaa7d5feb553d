/** What a phase makes in parts, each kept when it is done: a build that was killed goes on after the last part. */
import { z } from "zod";
import { BUILD_LIMITS } from "../../limits.ts";
import type { CaptureText } from "../work/capture.ts";
import { chunks } from "../work/call.ts";
import { readFeatures } from "../work/features.ts";
import { type Answer, generateAnswers, type GenerateJob } from "../work/generate.ts";
import { type KeptMatrix, matrixOf } from "../work/steps.ts";
import type { PhaseContext } from "./context.ts";

const answerSchema = z.object({ ids: z.array(z.int()).readonly(), finish: z.int() });

/** What of a phase's context keeping needs. */
type KeepContext = Pick<PhaseContext, "clients" | "model" | "scope" | "steps">;

/** Answers in the order of the jobs. @param step names them among all that the build makes @throws as `generateAnswers` */
export async function keptAnswers(
  { clients, model, scope, steps }: KeepContext,
  step: string,
  jobs: readonly GenerateJob[],
  maxTokens: number,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [index, part] of chunks(jobs, BUILD_LIMITS.keptAnswers).entries()) {
    // Another number of answers is of other jobs: nobody may take one for the answer to another prompt.
    const schema = z.array(answerSchema).length(part.length);
    const made = await steps.found(`${step}.${index}`, schema, () =>
      generateAnswers(clients, model, part, maxTokens, scope),
    );
    answers.push(...made);
  }
  return answers;
}

/** Features of prompts, [feature layers · width] each. @throws as `readFeatures` */
export async function keptFeatures(
  { clients, model, scope, steps }: KeepContext,
  step: string,
  texts: readonly CaptureText[],
): Promise<Float32Array[]> {
  const features: Float32Array[] = [];
  for (const [index, part] of chunks(texts, BUILD_LIMITS.keptFeatures).entries()) {
    const { rows } = await steps.read(`${step}.${index}`, async () => ({
      rows: matrixOf(await readFeatures(clients, model, part, scope)),
    }));
    const width = rows?.shape[1] ?? 0;
    for (let n = 0; n < part.length; n++)
      features.push((rows as KeptMatrix).data.subarray(n * width, (n + 1) * width));
  }
  return features;
}
