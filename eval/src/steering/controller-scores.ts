/**
 * The controller's log-odds instead of its gate. The gate is a steep sigmoid in f32: prompts it is surest of share the value 1, and
 * no threshold can tell them apart. Here the controller's own network (ONNX, from its artifact) runs with the last sigmoid taken
 * out; gate = sigmoid(score), so the threshold one half of the service is 0.
 */
import { onnx } from "onnx-proto";
import { createOnnxSession } from "#kit/onnx-session.ts";
import { readArtifact, readRecipeFacts } from "./artifacts.ts";
import { lastRows, type NamedText, type ReadingSource } from "./activations.ts";

/** Log-odds of every prompt, by id. @throws Error if the recipe has no controller, TrimtabError as the ONNX session. */
export async function controllerScores(
  source: ReadingSource,
  prompts: readonly NamedText[],
): Promise<Map<string, number>> {
  const bytes = await controllerOf(source);
  const { model, layers } = withoutSigmoid(bytes);
  const rows = await lastRows(source, layers, prompts);
  const session = await createOnnxSession(model);
  try {
    const scores = new Map<string, number>();
    for (const [id, blocks] of rows) {
      const { gate } = await session.run(concatenate(blocks));
      scores.set(id, gate?.[0] ?? Number.NaN);
    }
    return scores;
  } finally {
    await session.close();
  }
}

/** Bytes of the controller that a recipe pins. */
async function controllerOf({ gateway, recipe }: ReadingSource): Promise<Uint8Array> {
  const { controller } = await readRecipeFacts(gateway, recipe);
  if (controller === undefined) throw new Error(`${recipe} has no controller`);
  return readArtifact(gateway, controller);
}

/** The model with its sigmoid made the identity, and the blocks it reads. */
function withoutSigmoid(bytes: Uint8Array): { readonly model: Uint8Array; readonly layers: number[] } {
  const model = onnx.ModelProto.decode(bytes);
  const sigmoids = (model.graph?.node ?? []).filter(({ opType }) => opType === "Sigmoid");
  if (sigmoids.length !== 1) throw new Error("a controller has one sigmoid");
  sigmoids[0]!.opType = "Identity";
  const facts = model.metadataProps.find(({ key }) => key === "trimtab.controller")?.value ?? "{}";
  const { featureLayers = [] } = JSON.parse(facts) as { readonly featureLayers?: number[] };
  return { model: onnx.ModelProto.encode(model).finish(), layers: featureLayers };
}

function concatenate(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
