/**
 * Angular Steering: the part of a row in a plane is turned to one angle, at both RMSNorm outputs of every block, for
 * tokens that project positively on the plane's first vector (the paper's adaptive form). Keeps norms.
 *   h' = h − P h + ‖P h‖ (cos φ b₁ + sin φ b₂)   where h·b₁ > 0
 * φ is the positive class's mean angle, unless a strength (radians) is given; scales below 1 turn part of the way.
 * Source: arXiv 2510.26243 and its code. Cost: the prompts once; two products a site and row when served.
 */
import { ConditionKind, OperationKind, Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { createEdit } from "../edit.ts";
import { f32Tensor } from "../tensors.ts";
import type { InterventionMethod } from "./method.ts";
import { angleOf, findPlane, NORM_NEEDS, planeMatrix, planeSites } from "./plane.ts";
import { mean } from "./rows.ts";

/** Turns rows to one angle. */
export const angularSteering: InterventionMethod = {
  yields: "edit",
  name: "angular",
  version: 3,
  source: "arXiv 2510.26243",
  needs: NORM_NEEDS,
  fit(readings, settings, model) {
    const layers = settings.layers ?? Array.from({ length: model.layers }, (_, layer) => layer);
    const sites = planeSites(readings, layers);
    const plane = findPlane(sites);
    const angle = settings.strength ?? angleOf(plane, mean(plane.source.rows.positive));
    const vectors = f32Tensor([2, model.width], planeMatrix(plane));
    const conditionVector = f32Tensor([1, model.width], plane.first);
    const parts = sites.map(({ site, layer }) => ({
      operation: {
        ...{ site, layer, kind: OperationKind.ROTATE_TO, vectors, parameter: angle },
        ...{ condition: ConditionKind.ABOVE, conditionVector, threshold: 0 },
        scope: settings.scope ?? Scope.UNSPECIFIED,
      },
      coefficient: 1,
    }));
    return createEdit("angular", model, parts, {
      angle_radians: angle.toFixed(4),
      plane_from: `${plane.source.layer}`,
    });
  },
};
