/**
 * Arms of layer weights: what takes the place of a recipe's own, so that one can see what they are worth. All arms act on
 * the same blocks at the same sum of doses.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { LayerWeights } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { ControllerRunner } from "./controller/artifact.ts";
import { sigmoid } from "./controller/network.ts";
import { createRandom } from "./controller/random.ts";
import type { Direction } from "./direction.ts";
import type { ArmWeights } from "./plan-parts.ts";

/** Deviation of an untrained head's logits: between those of input features of root mean square 0.25 and 1 (card of the paper). */
const UNTRAINED_DEVIATION = 0.25;

/** The field of a request that names a head. */
const HEAD = "steering.weights.head";

/**
 * Weights of an arm, given what the head says of the prompt (for "learned" and "permuted").
 * @throws TrimtabError UNSUPPORTED for the mean of a head that has none
 */
export function armWeights(
  { arm, seed }: LayerWeights,
  layers: number,
  head: ControllerRunner | undefined,
  learned: Float32Array | undefined,
): ArmWeights {
  switch (arm) {
    case "uniform":
      return { source: "uniform", weights: new Float32Array(layers).fill(0.5) };
    case "random":
      return { source: "random", weights: untrained(layers, seed) };
    case "mean":
      return { source: "mean", weights: meanWeights(head) };
    case "permuted": {
      const order = createRandom(seed).permutation(layers);
      return { source: "permuted", weights: Float32Array.from(order, (at) => learned?.[at] ?? 0) };
    }
    default:
      return { source: "learned", weights: learned ?? new Float32Array(layers) };
  }
}

function meanWeights(head: ControllerRunner | undefined): Float32Array {
  const means = head?.head?.meanWeights;
  if (means) return Float32Array.from(means);
  const message =
    "the controller was trained elsewhere, on prompts that are not known here: its weights have no mean";
  throw new TrimtabError("UNSUPPORTED", message, { field: "steering.weights.arm" });
}

/** Whether an arm looks at the prompt. */
export function readsPrompt({ arm }: LayerWeights): boolean {
  return arm === "learned" || arm === "permuted";
}

/** A controller as the head of a recipe. @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE. */
export function checkHead(
  head: ControllerRunner,
  { modelDigest, layers, width }: Pick<Direction, "modelDigest" | "layers" | "width">,
): ControllerRunner {
  if (!head.head)
    throw new TrimtabError("ARTIFACT_INVALID", "the controller's head was not trained", { field: HEAD });
  if (head.modelDigest === modelDigest && head.layers === layers && head.width === width) return head;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the head reads another model", {
    field: HEAD,
    limit: head.modelDigest,
  });
}

/** Gate and head are asked about one row. @throws TrimtabError ARTIFACT_INCOMPATIBLE if they read different blocks. */
export function checkSameBlocks(
  gate: ControllerRunner | undefined,
  head: ControllerRunner | undefined,
): void {
  const [own, other] = [gate, head].map((reader) => reader?.featureLayers.join(", "));
  if (own === undefined || other === undefined || own === other) return;
  const message = `the head reads blocks ${other}, the recipe's gate others: force the gate, or take another head`;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", message, { field: HEAD, limit: own });
}

/** sigmoid(N(0, σ)) a block: a head that was never trained, on average over prompts. */
function untrained(layers: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: layers }, () => sigmoid(UNTRAINED_DEVIATION * random.normal()));
}
