/** What a controller reads of many prompts, and what its gate says of them. */
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import type { ControllerRunner } from "../controller/artifact.ts";
import { controllerLayers, featureTap } from "../features.ts";
import { captureRows, type CaptureText } from "./capture.ts";

/** Features of templated prompts, [feature layers · width] each. @throws TrimtabError as `captureRows` */
export async function readFeatures(
  clients: SteeringClients,
  model: ModelShape,
  texts: readonly CaptureText[],
  scope: WorkScope,
): Promise<Float32Array[]> {
  const layers = controllerLayers(model.layers);
  const captured = await captureRows(clients, model, texts, featureTap(layers), scope);
  return captured.map((rows) => {
    const row = new Float32Array(layers.length * model.width);
    for (const [slot, layer] of layers.entries())
      row.set(rows.get(layer) as Float32Array, slot * model.width);
    return row;
  });
}

/** Gates of templated prompts; without a controller all are open. @throws TrimtabError as `captureRows` */
export async function readGates(
  clients: SteeringClients,
  model: ModelShape,
  controller: ControllerRunner | undefined,
  texts: readonly CaptureText[],
  scope: WorkScope,
): Promise<number[]> {
  if (!controller) return texts.map(() => 1);
  const gates: number[] = [];
  for (const row of await readFeatures(clients, model, texts, scope))
    gates.push((await controller.run(row)).gate);
  return gates;
}
