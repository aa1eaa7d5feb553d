/** GetRequirements, Plan, GetProgram: what a request wants, and what the controller makes of its prompt. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { featureRow, featureTap } from "../features.ts";
import { checkModelDigest } from "../model.ts";
import { decide, resolveIntent } from "../plan.ts";
import type { SteeringParts } from "../service.ts";

/** Handlers of planning. */
export function planningHandlers({
  library,
}: SteeringParts): Pick<ServiceImpl<typeof SteeringService>, "getRequirements" | "plan" | "getProgram"> {
  const intentOf = async (steering: Parameters<typeof library.resolve>[0], modelDigest: string) => {
    const found = await library.resolve(steering, checkModelDigest(modelDigest));
    const intent = resolveIntent(found.source, steering as NonNullable<typeof steering>);
    if (intent.program) library.remember(intent.program);
    return { ...found, intent };
  };
  return {
    async getRequirements({ steering, modelDigest }) {
      const { intent, controller, resolved } = await intentOf(steering, modelDigest);
      return {
        taps: intent.gated && controller ? [featureTap(controller.featureLayers)] : [],
        programDigests: intent.program ? [intent.program.digest] : [],
        replayLast: intent.replayLast,
        resolved,
      };
    },
    async plan({ steering, modelDigest, activations }) {
      const { intent, controller, resolved } = await intentOf(steering, modelDigest);
      const gated = intent.gated && controller;
      const gate = gated
        ? (await controller.run(featureRow(activations, controller.featureLayers, controller.width))).gate
        : intent.fixedGate;
      const decision = decide(intent, gate);
      return {
        program: { programDigest: decision.programDigest, coefficients: [...decision.coefficients] },
        report: {
          gate: decision.gate,
          layerWeights: [...intent.weights],
          relativeDoses: [...decision.relativeDoses],
          layerWeightsSource: intent.weightsSource,
          resolved,
        },
      };
    },
    getProgram: ({ programDigest }) => ({ program: library.program(programDigest) }),
  };
}
