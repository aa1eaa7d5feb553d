/** Edits that turn rows in a plane and edits that add its first vector at the same places, stored for a model. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EditSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Pooling, type Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { createRandom } from "../random.ts";
import type { Services } from "../services.ts";
import { readArtifact } from "./artifacts.ts";
import { questionOf } from "./method.ts";
import { unitNoise } from "./noise.ts";
import { bytesToF32, tensorValues } from "./tensors.ts";

/** A stored edit and the scales it is run at. */
export interface PlaneEdit {
  readonly name: string;
  /** Digest. */
  readonly artifact: string;
  readonly scales: readonly number[];
}

/** What edits are made from. */
export interface PlaneSource extends Pick<Services, "gateway"> {
  readonly model: { readonly name: string; readonly digest: string; readonly layers: number };
  /** Recipe whose prompts make the plane. */
  readonly recipe: string;
}

interface Place {
  readonly site: Site;
  readonly layer: number;
}

/** Two orthonormal vectors. */
type Plane = readonly [Float32Array, Float32Array];

/** Radians, and shares of the median norm of a row. */
const ANGLES = [0.2, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 3.14];
const SHARES = [0.02, 0.05, 0.1, 0.13, 0.16, 0.2, 0.4, 0.8];
const SEED = 77;
/** A request whose rows say how long rows are. */
const TYPICAL = "Write a short passage about a walk in the country.";

/** Turning and adding, in the fitted plane and in a random one. */
export async function planeEdits(source: PlaneSource): Promise<PlaneEdit[]> {
  const { places, plane } = await fittedPlane(source);
  const norms = await rowNorms(source, places);
  const random = randomPlane(plane[0].length);
  const edits: PlaneEdit[] = [];
  for (const [of, vectors] of [
    ["", plane],
    [" in a random plane", random],
  ] as const) {
    const turned = places.map((place) => ({ ...place, kind: OperationKind.ROTATE, parameter: 1, vectors }));
    const added = places.map((place) => ({
      ...place,
      kind: OperationKind.ADD,
      parameter: 0,
      vectors: [vectors[0]],
    }));
    const put = (name: string, parts: typeof turned | typeof added, coefficients: readonly number[]) =>
      putEdit(source, `${name}${of}`, parts, coefficients);
    edits.push({
      name: `rotation${of}`,
      scales: ANGLES,
      artifact: await put(
        "rotation",
        turned,
        places.map(() => 1),
      ),
    });
    edits.push({ name: `addition${of}`, scales: SHARES, artifact: await put("addition", added, norms) });
  }
  return edits;
}

/** The plane Angular Steering finds, and the places it turns rows at. */
async function fittedPlane({
  gateway,
  model,
  recipe,
}: PlaneSource): Promise<{ places: Place[]; plane: Plane }> {
  const fit = { name: `lab-${recipe}-angular`, method: "angular", recipe, force: true };
  let digest = "";
  for await (const { fit: step } of gateway.fitArtifact({ model: model.name, fit }))
    if (step?.event.case === "artifact") digest = step.event.value.digest;
  const { program } = fromBinary(EditSchema, await readArtifact(gateway, digest));
  const operations = program?.operations ?? [];
  const vectors = tensorValues(operations[0]?.vectors);
  const width = vectors.length / 2;
  return {
    places: operations.map(({ site, layer }) => ({ site, layer })),
    plane: [vectors.slice(0, width), vectors.slice(width)],
  };
}

function randomPlane(width: number): Plane {
  const random = createRandom(SEED);
  const first = unitNoise(random, width);
  const raw = unitNoise(random, width);
  const along = raw.reduce((sum, value, at) => sum + value * first[at]!, 0);
  const rest = raw.map((value, at) => value - along * first[at]!);
  const length = Math.hypot(...rest);
  return [first, rest.map((value) => value / length)];
}

/** Median norm of the rows at each place, over the tokens of a prompt. */
async function rowNorms({ gateway, model }: PlaneSource, places: readonly Place[]): Promise<number[]> {
  const taps = [...new Set(places.map(({ site }) => site))].map((site) => ({
    ...{ site, layers: [], positions: TapPositions.RANGE, first: 0, end: 0, pooling: Pooling.NONE },
  }));
  const found = new Map<string, number[]>();
  for await (const { activations } of gateway.capture({
    model: model.name,
    input: questionOf(TYPICAL).prompt,
    taps,
  }))
    for (const { site, layer, values } of activations) {
      const rows = bytesToF32(values?.data ?? new Uint8Array());
      const width = values?.shape.at(-1) ?? 1;
      const own = found.get(`${site} ${layer}`) ?? [];
      for (let at = 0; at < rows.length; at += width) own.push(Math.hypot(...rows.subarray(at, at + width)));
      found.set(`${site} ${layer}`, own);
    }
  return places.map(({ site, layer }) => {
    const norms = (found.get(`${site} ${layer}`) ?? []).toSorted((a, b) => a - b);
    return norms[norms.length >> 1] ?? 0;
  });
}

async function putEdit(
  { gateway, model }: PlaneSource,
  name: string,
  parts: readonly (Place & { kind: OperationKind; parameter: number; vectors: readonly Float32Array[] })[],
  coefficients: readonly number[],
): Promise<string> {
  const operations = parts.map(({ vectors, ...operation }) => {
    const values = Float32Array.from(vectors.flatMap((vector) => [...vector]));
    const shape = [vectors.length, values.length / vectors.length];
    return {
      ...operation,
      vectors: { dataType: DataType.F32, shape, data: new Uint8Array(values.buffer) },
    };
  });
  const edit = create(EditSchema, {
    ...{ method: name, layers: model.layers, program: { modelDigest: model.digest, operations } },
    strengths: coefficients.map((coefficient) => ({ coefficient })),
  });
  const data = toBinary(EditSchema, edit);
  const digits = Bun.hash(data).toString(36);
  const put = {
    name: `lab-${name.replaceAll(" ", "-")}-${digits}`,
    kind: ArtifactKind.EDIT,
    data,
    modelDigest: model.digest,
  };
  const { artifact } = await gateway.putArtifact({ put });
  return artifact?.digest ?? "";
}
