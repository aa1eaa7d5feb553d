/** GetRequirements, Plan, GetProgram: what a request wants, and what is made of its prompt. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { SteeringService, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { createDecider } from "../decider.ts";
import { checkModelDigest } from "../model.ts";
import type { SteeringParts } from "../service.ts";

/** Handlers of planning. */
export function planningHandlers({
  library,
  nats,
}: SteeringParts): Pick<ServiceImpl<typeof SteeringService>, "getRequirements" | "plan" | "getProgram"> {
  const deciderOf = async (steering: SteeringUse | undefined, modelDigest: string) => {
    const found = await library.resolve(steering, checkModelDigest(modelDigest));
    const { deciding, resolved } = found;
    const decider = createDecider(deciding, await nats.scaled(steering as SteeringUse, found, modelDigest));
    for (const program of decider.programs) library.remember(program);
    return { decider, resolved };
  };
  return {
    async getRequirements({ steering, modelDigest }) {
      const { decider, resolved } = await deciderOf(steering, modelDigest);
      return {
        taps: [...decider.taps],
        programDigests: decider.programs.map(({ digest }) => digest),
        replayLast: decider.replayLast,
        resolved,
      };
    },
    async plan({ steering, modelDigest, activations }) {
      const { decider, resolved } = await deciderOf(steering, modelDigest);
      const plan = await decider.decide(activations);
      return {
        program: { programDigest: plan.programDigest, coefficients: [...plan.coefficients] },
        report: {
          gate: plan.gate,
          layerWeights: [...plan.weights],
          relativeDoses: [...plan.relativeDoses],
          layerWeightsSource: plan.weightsSource,
          resolved,
          rule: plan.rule,
        },
      };
    },
    getProgram: ({ programDigest }) => ({ program: library.program(programDigest) }),
  };
}
