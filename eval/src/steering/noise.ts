/**
 * Controls as strong as the recipe: in its blocks, at the positions of its course, every row is moved by as much as the recipe would
 * move it, towards something else; the push towards the end of the turn is left out. Noise is one of several by prompt, so that no
 * single direction's luck decides. What these do, any push of that size does.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import { EditSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { createRandom, type Random } from "../random.ts";
import type { Services } from "../services.ts";
import { pushKey, readArtifact, readRecipeFacts, type RecipeFacts } from "./artifacts.ts";
import { artifactKeyOf } from "./keys.ts";
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

/** A control. @param made what its answers depend on besides the recipe's strength @param artifactOf artifact for a prompt */
type ControlOf = (
  name: string,
  made: string,
  description: string,
  artifactOf: (text: string) => string,
) => Method;

const NOISES = 8;
const SEED = 20_260;

/** Noise, one of several by prompt; one random direction for all prompts; and the contrast of shuffled labels, if it is given. */
export async function controlMethods(source: NoiseSource, shuffled: string | undefined): Promise<Method[]> {
  const strength = await strengthOf(source);
  const push = pushKey(strength);
  const random = (seed: number) => {
    const { next } = createRandom(seed);
    return () => unitNoise({ next }, strength.width);
  };
  const noises: string[] = [];
  for (let index = 0; index < NOISES; index++)
    noises.push(await putCourse(source, strength, `noise-${index}`, random(SEED + index)));
  const control: ControlOf = (name, made, description, artifactOf) => ({
    ...{ name, site: "residual", doses: source.doses, identity: `${name} ${push} ${made}` },
    description: `control: ${description}, as strong as the recipe along its course`,
    request: (text, dose) => ({
      question: questionOf(text),
      use: { direction: artifactOf(text), scale: dose },
    }),
  });
  const byPrompt = (text: string) => noises[Number(Bun.hash(text) % BigInt(NOISES))]!;
  return [
    control(
      "same-norm noise",
      `${SEED}`,
      `one of ${NOISES} noises by prompt in the recipe's blocks`,
      byPrompt,
    ),
    control("random direction", `${SEED}`, "one random direction a block", () => noises[0]!),
    ...(shuffled === undefined ? [] : [await shuffledControl(source, strength, shuffled, control)]),
  ];
}

async function shuffledControl(
  source: NoiseSource,
  strength: CourseStrength,
  shuffled: string,
  control: ControlOf,
): Promise<Method> {
  const { tensors } = parseSafetensors(await readArtifact(source.gateway, shuffled));
  // Another fit of the labels is another edit, which does not take this one's name and answers.
  const artifact = await putCourse(source, strength, `shuffled-${artifactKeyOf(shuffled)}`, (layer) => {
    const name = `direction.${layer}`;
    const raw = tensors.get(name);
    if (raw === undefined) throw new Error(`the contrast of shuffled labels has no block ${layer}`);
    const values = safetensorsToF32(name, raw);
    const length = Math.hypot(...values);
    return values.map((value) => value / length);
  });
  return control(
    "shuffled labels",
    artifact,
    "the recipe's contrast with labels in random order",
    () => artifact,
  );
}

/** How strong a recipe is, where and when. */
interface CourseStrength extends RecipeFacts {
  /** Of the residual norms, by block. */
  readonly medians: ArrayLike<number>;
  readonly width: number;
}

async function strengthOf({ gateway, pinned }: NoiseSource): Promise<CourseStrength> {
  const recipe = await readRecipeFacts(gateway, pinned);
  const { tensors } = parseSafetensors(await readArtifact(gateway, recipe.direction));
  const norms = tensors.get("median_residual_norms");
  const [width = 0] = tensors.get(`direction.${recipe.doses[0]?.layer}`)?.shape ?? [];
  if (norms === undefined || width === 0) throw new Error(`${pinned} has no direction to be as strong as`);
  return { ...recipe, medians: safetensorsToF32("median_residual_norms", norms), width };
}

/** Stores an edit along the recipe's course. @returns its digest */
async function putCourse(
  { gateway, model, pinned }: NoiseSource,
  strength: CourseStrength,
  name: string,
  vectorOf: (layer: number) => Float32Array,
): Promise<string> {
  const edit = create(EditSchema, {
    ...{ method: name, layers: model.layers, facts: { recipe: pinned } },
    ...courseEdit(strength, model.digest, vectorOf),
  });
  const put = {
    name: `lab-${name}-${artifactKeyOf(pinned)}`,
    ...{ kind: ArtifactKind.EDIT, data: toBinary(EditSchema, edit), modelDigest: model.digest },
  };
  const { artifact } = await gateway.putArtifact({ put });
  return artifact?.digest ?? "";
}

/** The program and its strengths at scale 1. @param vectorOf unit vector of a block, [width] */
export function courseEdit(
  {
    doses,
    course: { start, holdTokens, rest },
    medians,
    width,
  }: Pick<CourseStrength, "doses" | "course" | "medians" | "width">,
  digest: string,
  vectorOf: (layer: number) => Float32Array,
) {
  const stretches = [
    { scope: Scope.LAST, window: undefined, times: start },
    { scope: Scope.DECODE, window: { first: 0, end: holdTokens }, times: holdTokens > 0 ? 1 : 0 },
    { scope: Scope.DECODE, window: { first: holdTokens, end: 0 }, times: rest },
  ].filter(({ times }) => times > 0);
  const parts = doses.flatMap(({ layer, relative }) => {
    const data = new Uint8Array(Float32Array.from(vectorOf(layer)).buffer);
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
export function unitNoise({ next }: Pick<Random, "next">, width: number): Float32Array {
  const values = Float64Array.from(
    { length: width },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(values, (value) => value / length);
}
