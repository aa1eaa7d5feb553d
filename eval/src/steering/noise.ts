/**
 * Control: noise as strong as the recipe. In its blocks, at the positions of its course, every row is moved by as much as the
 * recipe would move it, towards nowhere in particular; the push towards the end of the turn is left out. One of several noises by
 * prompt, so that no single direction's luck decides. What this does, any push of that size does.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import { EditSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { createRandom } from "../random.ts";
import type { Services } from "../services.ts";
import { readArtifact, readRecipeFacts, type RecipeFacts } from "./artifacts.ts";
import { type Method, questionOf } from "./method.ts";

/** What the control is made from. */
export interface NoiseSource {
  readonly gateway: Services["gateway"];
  readonly model: { readonly digest: string; readonly layers: number };
  /** The recipe, pinned. */
  readonly pinned: string;
  /** Doses of the recipe that are tried: multiples of its own. */
  readonly doses: readonly number[];
}

const NOISES = 8;
const SEED = 20_260;

/** Stores the noises and steers by one of them. */
export async function noiseMethod({ gateway, model, pinned, doses }: NoiseSource): Promise<Method> {
  const recipe = await readRecipeFacts(gateway, pinned);
  const { tensors } = parseSafetensors(await readArtifact(gateway, recipe.direction));
  const norms = tensors.get("median_residual_norms");
  const [width = 0] = tensors.get(`direction.${recipe.doses[0]?.layer}`)?.shape ?? [];
  if (norms === undefined || width === 0) throw new Error(`${pinned} has no direction to be as strong as`);
  const medians = safetensorsToF32("median_residual_norms", norms);
  const stored: string[] = [];
  for (let index = 0; index < NOISES; index++) {
    const edit = create(EditSchema, {
      ...{ method: "noise", layers: model.layers, facts: { recipe: pinned, noise: String(index) } },
      ...noiseEdit(recipe, medians, { digest: model.digest, width, seed: SEED + index }),
    });
    const put = {
      name: `lab-noise-${index}-${pinned.slice(-12)}`,
      ...{ kind: ArtifactKind.EDIT, data: toBinary(EditSchema, edit), modelDigest: model.digest },
    };
    const { artifact } = await gateway.putArtifact({ put });
    stored.push(artifact?.digest ?? "");
  }
  return {
    ...{ name: "same-norm noise", site: "residual", doses, identity: `noise ${pinned} ${SEED}` },
    description: `control: one of ${NOISES} noises in the recipe's blocks, as strong as the recipe along its course`,
    request: (text, dose) => ({
      question: questionOf(text),
      use: { direction: stored[Number(Bun.hash(text) % BigInt(NOISES))]!, scale: dose },
    }),
  };
}

/** The program and its strengths at scale 1. @param medians of the residual norms, by block */
export function noiseEdit(
  { doses, course: { start, holdTokens, rest } }: Pick<RecipeFacts, "doses" | "course">,
  medians: ArrayLike<number>,
  { digest, width, seed }: { readonly digest: string; readonly width: number; readonly seed: number },
) {
  const stretches = [
    { scope: Scope.LAST, window: undefined, times: start },
    { scope: Scope.DECODE, window: { first: 0, end: holdTokens }, times: holdTokens > 0 ? 1 : 0 },
    { scope: Scope.DECODE, window: { first: holdTokens, end: 0 }, times: rest },
  ].filter(({ times }) => times > 0);
  const random = createRandom(seed);
  const parts = doses.flatMap(({ layer, relative }) => {
    const data = new Uint8Array(unitNoise(random, width).buffer);
    const vectors = { dataType: DataType.F32, shape: [1, width], data };
    return stretches.map(({ scope, window, times }) => ({
      operation: {
        ...{ site: Site.RESIDUAL, layer, kind: OperationKind.ADD, vectors, scope },
        ...(window && { answerWindow: window }),
      },
      strength: { coefficient: times * relative * medians[layer]! },
    }));
  });
  return {
    program: { modelDigest: digest, operations: parts.map(({ operation }) => operation) },
    strengths: parts.map(({ strength }) => strength),
  };
}

/** A random vector of norm 1 [width]: normal components (Box–Muller), scaled. */
export function unitNoise({ next }: ReturnType<typeof createRandom>, width: number): Float32Array {
  const values = Float64Array.from(
    { length: width },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(values, (value) => value / length);
}
