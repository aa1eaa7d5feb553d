/** Hidden states at the ends of steps: prompt and solution as one text of ids, its answer rows read at the given blocks. */
import { cancelSafe } from "#kit/streams.ts";
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { decodeTensor } from "#kit/tensor.ts";
import type { GatewayClient } from "../demo/answer.ts";
import type { Solution } from "./solutions.ts";

/** For each step of the solution the residual rows of its last token, one a block. Cost: prompt + solution tokens. */
export async function readStates(
  client: GatewayClient,
  prompt: readonly number[],
  { ids, steps }: Solution,
  layers: readonly number[],
): Promise<Float32Array[][]> {
  const tap = {
    site: Site.RESIDUAL,
    layers: [...layers],
    positions: TapPositions.RANGE,
    first: prompt.length,
  };
  const request = { input: { case: "ids" as const, value: { ids: [...prompt, ...ids] } }, taps: [tap] };
  const states = steps.map(() => layers.map(() => new Float32Array(0)));
  const answers = cancelSafe((signal) => client.capture(request, { signal }));
  for await (const { activations } of answers) {
    for (const { layer, firstPosition, values } of activations) {
      const [rows = 0, width = 0] = values?.shape ?? [];
      const data = decodeTensor("activation", values);
      for (const [index, { lastToken }] of steps.entries()) {
        const row = prompt.length + lastToken - firstPosition;
        if (row < 0 || row >= rows) continue;
        states[index]![layers.indexOf(layer)] = data.slice(row * width, (row + 1) * width);
      }
    }
  }
  return states;
}
