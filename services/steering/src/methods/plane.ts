/**
 * The plane of angular and Selective Steering, found at the outputs of both RMSNorms of every block.
 *   candidates: unit(mean₊ − mean₋) a site;  b₁: the candidate most like all others (mean cosine);
 *   b₂: first principal component of the candidates (centred on their mean), made orthogonal to b₁
 */
import { TrimtabError } from "#kit/errors.ts";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { norm } from "../direction.ts";
import type { ActivationNeeds, Reading } from "./method.ts";
import { firstAxis } from "./first-axis.ts";
import { blockRows, type BlockRows, center, dot, mean } from "./rows.ts";

/** A place where rows are turned, with the rows of the training prompts there. */
export interface PlaneSite {
  readonly site: Site;
  readonly layer: number;
  readonly rows: BlockRows;
  /** unit(mean₊ − mean₋) */
  readonly candidate: Float32Array;
}

/** Two orthonormal vectors. */
export interface Plane {
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Where the first one comes from. */
  readonly source: PlaneSite;
}

/** Below it a difference of unit vectors is rounding. */
const LEAST_LENGTH = 1e-4;

const LAST_PROMPT_TOKEN = {
  texts: "prompts",
  layers: [],
  positions: TapPositions.LAST,
  pooling: Pooling.NONE,
} as const;

/** What is read: both norms at the last prompt token. */
export const NORM_NEEDS: readonly ActivationNeeds[] = [
  { ...LAST_PROMPT_TOKEN, site: Site.ATTENTION_NORM },
  { ...LAST_PROMPT_TOKEN, site: Site.MLP_NORM },
];

/**
 * The sites of readings taken as {@link NORM_NEEDS} where the classes have different means.
 * @throws TrimtabError INVALID_ARGUMENT for an empty class, or if there is no such site
 */
export function planeSites(readings: readonly Reading[], layers: readonly number[]): PlaneSite[] {
  const sites = readings.flatMap(({ train }, index) =>
    layers.flatMap((layer) => {
      const rows = blockRows(train, layer);
      const [a, b] = [mean(rows.positive), mean(rows.negative)];
      const difference = a.map((x, i) => x - (b[i] as number));
      const length = norm(difference);
      // Before the first attention the last token of a template is the same whatever the prompt.
      if (!(length > 0)) return [];
      const site = (NORM_NEEDS[index] as ActivationNeeds).site;
      return [{ site, layer, rows, candidate: difference.map((x) => x / length) }];
    }),
  );
  if (sites.length > 0) return sites;
  throw new TrimtabError("INVALID_ARGUMENT", "the activations of the two classes are the same", {
    field: "recipe",
  });
}

/** The plane of some sites. @throws TrimtabError INVALID_ARGUMENT if all candidates are one line. */
export function findPlane(sites: readonly PlaneSite[]): Plane {
  const likeness = ({ candidate }: PlaneSite) =>
    sites.reduce((sum, other) => sum + dot(candidate, other.candidate), 0);
  const source = sites.reduce((best, site) => (likeness(site) > likeness(best) ? site : best));
  const first = source.candidate;
  const candidates = sites.map(({ candidate }) => candidate);
  const centred = center(candidates, mean(candidates));
  const isSpread = centred.some((row) => norm(row) > LEAST_LENGTH);
  const axis = isSpread ? firstAxis(centred) : new Float32Array(first.length);
  const along = dot(axis, first);
  const rest = axis.map((x, i) => x - along * (first[i] as number));
  const length = norm(rest);
  if (!(length > LEAST_LENGTH)) {
    throw new TrimtabError("INVALID_ARGUMENT", "the classes differ along one line: there is no plane", {
      field: "recipe",
    });
  }
  return { first, second: rest.map((x) => x / length), source };
}

/** The angle of a row's part in the plane, −π to π. */
export function angleOf({ first, second }: Plane, row: Float32Array): number {
  return Math.atan2(dot(second, row), dot(first, row));
}

/** The two vectors as one matrix, exactly orthonormal in f32 as far as f32 goes. */
export function planeMatrix({ first, second }: Plane): Float32Array {
  return Float32Array.from([...first, ...second]);
}
