/**
 * Selective Steering: rows are turned by an angle in one plane, at both RMSNorm outputs of the blocks where the classes
 * lie on opposite sides of the plane's first vector. Keeps norms.
 *   h' = h − P h + R_θ P h,  kept where mean₊(ĥ·b₁) · mean₋(ĥ·b₁) < 0 at both sites of a block, ĥ = h / ‖h‖
 * θ at scale 1 is the mean angle from the negative class to the positive one, unless a strength (radians) is given.
 * Source: arXiv 2601.19375 and its code. Cost: the prompts once; two products a site and row when served.
 */
import { TrimtabError } from "#kit/errors.ts";
import { OperationKind, Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { norm } from "../direction.ts";
import { createEdit } from "../edit.ts";
import { f32Tensor } from "../tensors.ts";
import type { InterventionMethod } from "./method.ts";
import {
  angleOf,
  findPlane,
  NORM_NEEDS,
  type Plane,
  planeMatrix,
  type PlaneSite,
  planeSites,
} from "./plane.ts";
import { dot, mean } from "./rows.ts";

/** Turns rows in the blocks that tell the classes apart. */
export const selectiveSteering: InterventionMethod = {
  yields: "edit",
  name: "selective",
  version: 3,
  source: "arXiv 2601.19375",
  needs: NORM_NEEDS,
  fit(readings, settings, model) {
    const layers = settings.layers ?? Array.from({ length: model.layers }, (_, layer) => layer);
    const sites = planeSites(readings, layers);
    const plane = findPlane(sites);
    const opposed = new Set(layers.filter((layer) => isOpposedAtBoth(sites, plane, layer)));
    const kept = sites.filter(({ layer }) => opposed.has(layer));
    if (kept.length === 0) {
      throw new TrimtabError("INVALID_ARGUMENT", refusalOf(sites, plane), { field: "layers" });
    }
    const angle = settings.strength ?? meanTurn(kept, plane);
    const vectors = f32Tensor([2, model.width], planeMatrix(plane));
    const parts = kept.map(({ site, layer }) => ({
      operation: {
        ...{ site, layer, kind: OperationKind.ROTATE, vectors, parameter: 1 },
        scope: settings.scope ?? Scope.UNSPECIFIED,
      },
      coefficient: angle,
    }));
    return createEdit("selective", model, parts, {
      blocks: [...opposed].join(" "),
      angle_radians: angle.toFixed(4),
      plane_from: `${plane.source.layer}`,
    });
  },
};

function isOpposedAtBoth(sites: readonly PlaneSite[], plane: Plane, layer: number): boolean {
  const own = sites.filter((site) => site.layer === layer);
  return own.length === NORM_NEEDS.length && own.every((site) => isOpposed(site, plane));
}

function isOpposed(site: PlaneSite, plane: Plane): boolean {
  const [positive, negative] = sidesOf(site, plane);
  return positive * negative < 0;
}

/** Mean projections of the classes' unit rows on the plane's first vector. */
function sidesOf({ rows: { positive, negative } }: PlaneSite, { first }: Plane): [number, number] {
  const side = (rows: readonly Float32Array[]) =>
    rows.reduce((sum, row) => sum + dot(row, first) / (norm(row) || 1), 0) / rows.length;
  return [side(positive), side(negative)];
}

/** How far the classes are from opposite sides: where the smaller side is smallest for the distance between them. */
function refusalOf(sites: readonly PlaneSite[], plane: Plane): string {
  const offsets = sites.map((site) => {
    const [positive, negative] = sidesOf(site, plane);
    return {
      layer: site.layer,
      positive,
      negative,
      offset: Math.abs((positive + negative) / (positive - negative)),
    };
  });
  const nearest = offsets.reduce((best, one) => (one.offset < best.offset ? one : best));
  const opposed = offsets.filter(({ offset }) => offset < 1).length;
  return (
    `in no block do the classes lie on opposite sides at both norms: they do at ${opposed} of ${sites.length} sites; nearest to the ` +
    `middle is one of block ${nearest.layer}, with ${nearest.positive.toFixed(3)} and ${nearest.negative.toFixed(3)}`
  );
}

/**
 * Mean over sites of the angle from the negative class's mean to the positive one's, as means of angles are: classes on opposite sides are
 * nearly half a turn apart, some a little less, others a little more, and half a turn one way is half a turn the other way.
 */
function meanTurn(sites: readonly PlaneSite[], plane: Plane): number {
  const turns = sites.map(
    ({ rows: { positive, negative } }) => angleOf(plane, mean(positive)) - angleOf(plane, mean(negative)),
  );
  const sumOf = (part: (turn: number) => number) => turns.reduce((sum, turn) => sum + part(turn), 0);
  return Math.atan2(sumOf(Math.sin), sumOf(Math.cos));
}
