/** A stored direction for tests that need a steered answer without building a recipe: seeded noise in a control vector file. */
import { writeGguf } from "#kit/gguf-writer.ts";
import { DirectionFormat } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { GatewayClient } from "../../cli/src/demo/answer.ts";

/** Its name. */
export const TEST_DIRECTION = "test-noise";
const SEED = 12_345;

/** Imports the direction for the loaded model. */
export async function putTestDirection(client: GatewayClient, seed = SEED): Promise<void> {
  const { models } = await client.listModels({});
  const model = models[0]!;
  const data = writeGguf(
    {
      "general.architecture": "controlvector",
      "controlvector.model_hint": "llama",
      "controlvector.layer_count": model.layers - 1,
    },
    Array.from({ length: model.layers - 1 }, (_, i) => ({
      name: `direction.${i + 1}`,
      dims: [model.width],
      data: noise(model.width, seed + i),
    })),
  );
  await client.importArtifact({
    import: { name: TEST_DIRECTION, format: DirectionFormat.GGUF, data, modelDigest: model.digest },
  });
}

function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A conversation steered by the direction at two middle blocks. */
export function steeredSpec(
  text: string,
  options: { compare?: boolean; seed?: bigint; temperature?: number },
) {
  const { compare = false, seed = 1n, temperature = 0 } = options;
  return {
    prompt: { case: "conversation" as const, value: { messages: [{ role: "user", content: text }] } },
    sampling: { temperature, seed },
    maxTokens: 24,
    logprobs: true,
    steering: {
      use: {
        direction: TEST_DIRECTION,
        dose: { dose: { case: "relative" as const, value: 0.4 } },
        layers: [12, 14],
      },
      compare,
      proof: true,
    },
  };
}
