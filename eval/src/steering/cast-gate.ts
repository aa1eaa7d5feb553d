/**
 * CAST's own gate: the similarity of its condition, read from its artifact, with the mean row of the prompt. Here as a score with
 * a threshold like any other gate's, so that it gets the same choice of thresholds; high where CAST would fire.
 *
 *   cos(h, tanh(p)),  p = (v·h / v·v) v        arXiv 2409.05907
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type PromptCondition, RulesetSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { readArtifact } from "./artifacts.ts";
import { tensorValues } from "./tensors.ts";
import { meanRows, type NamedText, type ReadingSource } from "./activations.ts";
import type { Gate } from "./gate.ts";

/** The gate of a fitted CAST artifact. @throws Error if the artifact has no single condition. */
export async function castGate(
  source: ReadingSource,
  artifact: string,
  prompts: readonly NamedText[],
): Promise<Gate> {
  const condition = await conditionOf(source, artifact);
  const vector = tensorValues(condition.vector);
  const rows = await meanRows(source, condition, prompts);
  const sign = condition.below ? -1 : 1;
  const scores = new Map([...rows].map(([id, row]) => [id, sign * similarity(vector, row)]));
  return { name: "cast", reads: "activations", scores };
}

async function conditionOf({ gateway }: ReadingSource, reference: string): Promise<PromptCondition> {
  const { conditions } = fromBinary(RulesetSchema, await readArtifact(gateway, reference));
  const [condition] = conditions;
  if (condition === undefined || conditions.length > 1) throw new Error("CAST's artifact has one condition");
  return condition;
}

function similarity(vector: Float32Array, row: Float32Array): number {
  const factor = dot(vector, row) / dot(vector, vector);
  const squashed = vector.map((value) => Math.tanh(factor * value));
  return dot(row, squashed) / Math.sqrt(dot(row, row) * dot(squashed, squashed));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
