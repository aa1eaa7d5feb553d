/** GetRequirements, Plan, GetProgram: what a request wants, and what is made of its prompt. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { underField } from "#kit/errors.ts";
import {
  type PlanReport,
  PlanReportSchema,
  type SteeringService,
  type SteeringUse,
  SteeringUseSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { PhaseMarker } from "#proto/trimtab/type/v1/program_pb.ts";
import { announcedPrograms, composedTaps, decideParts, type Part } from "../compose.ts";
import { restricted } from "../active-layers.ts";
import type { Plan } from "../decider.ts";
import { createDeciders } from "../deciders.ts";
import type { Resolved } from "../library.ts";
import { checkModelDigest } from "../model.ts";
import { replyOf, type ReplySource } from "../reply.ts";
import type { SteeringParts } from "../service.ts";
import { partsOf } from "../use.ts";

/** A part with its recipe's own mode and reply; empty for artifacts. */
interface NamedPart extends Part, ReplySource {
  readonly ownMode: string;
}

/** What a use asks for: its parts, itself, and the markers of the phases that they are masked by. */
interface Found {
  readonly parts: readonly NamedPart[];
  readonly whole: SteeringUse;
  readonly markers: readonly PhaseMarker[];
}

/** Handlers of planning. */
export function planningHandlers({
  library,
  nats,
  phases,
  recipes,
}: SteeringParts): Pick<ServiceImpl<typeof SteeringService>, "getRequirements" | "plan" | "getProgram"> {
  const deciderOf = createDeciders();
  type Hold = (found: Resolved) => void;
  const partOf = async (
    use: SteeringUse | undefined,
    modelDigest: string,
    hold: Hold,
  ): Promise<NamedPart> => {
    const found = await library.resolve(use, modelDigest);
    hold(found);
    const scaled = await nats.scaled(use as SteeringUse, found, modelDigest);
    const decider = deciderOf(found.deciding, scaled);
    const { resolved, ownMode = "", reply } = found;
    return { decider, use: scaled, resolved, ownMode, reply };
  };
  const allParts = async (
    steering: SteeringUse | undefined,
    modelDigest: string,
    hold: Hold,
  ): Promise<NamedPart[]> => {
    const digest = checkModelDigest(modelDigest);
    if (!steering || steering.parts.length === 0) return [await partOf(steering, digest, hold)];
    const parts: NamedPart[] = [];
    for (const [index, use] of partsOf(steering).entries()) {
      const field = `steering.parts[${index}]`;
      parts.push(await underField(/^steering/, field, () => partOf(use, digest, hold)));
    }
    return parts;
  };
  /** Does something with the parts of a use; what they are decided with stays open meanwhile. */
  const withParts = async <T>(
    { steering, modelDigest }: { readonly steering?: SteeringUse; readonly modelDigest: string },
    work: (found: Found) => Promise<T>,
  ): Promise<T> => {
    const held: Resolved[] = [];
    try {
      const parts = await allParts(steering, modelDigest, (found) => held.push(found));
      const markers = await phases.of(usesOf(parts), modelDigest);
      return await work({ parts, whole: steering ?? create(SteeringUseSchema), markers });
    } finally {
      for (const found of held) found.letGo();
    }
  };
  return {
    getRequirements: (request) =>
      withParts(request, async ({ parts, whole, markers }) => {
        const programs = announcedPrograms(parts, whole, markers);
        for (const program of programs) library.remember(program);
        const isComposed = whole.parts.length > 0;
        const resolved = parts.map((part) => part.resolved);
        return {
          taps: [...composedTaps(parts)],
          programDigests: programs.map(({ digest }) => digest),
          replayLast: parts.some(({ decider }) => decider.replayLast),
          resolved: isComposed ? "" : (resolved[0] ?? ""),
          resolvedParts: isComposed ? resolved : [],
          ownMode: isComposed ? "" : (parts[0]?.ownMode ?? ""),
        };
      }),
    plan: (request) =>
      withParts(request, async ({ parts, whole, markers }) => {
        const { activations, activeLayers } = request;
        const plan = restricted(await decideParts(parts, whole, activations, markers), activeLayers);
        // A use that decides again may name its program later.
        const programs = plan.program ? [plan.program] : announcedPrograms(parts, whole, markers);
        for (const program of programs) library.remember(program);
        const reports = parts.map(({ resolved }, i) => reportOf(plan.parts[i] as Plan, resolved));
        const isComposed = whole.parts.length > 0;
        const lead = plan.parts.indexOf(plan.leading);
        const leading = reports[lead] as PlanReport;
        return {
          program: { programDigest: plan.program?.digest ?? "", coefficients: [...plan.coefficients] },
          report: create(PlanReportSchema, {
            ...leading,
            relativeDoses: [...plan.relativeDoses],
            parts: isComposed ? reports : [],
            reply: replyOf(recipes, whole, parts[lead] as NamedPart, leading.gate),
          }),
        };
      }),
    getProgram: ({ programDigest }) => ({ program: library.program(programDigest) }),
  };
}

const usesOf = (parts: readonly Part[]): SteeringUse[] => parts.map(({ use }) => use);

function reportOf({ gate, weights, relativeDoses, weightsSource, rule }: Plan, resolved: string): PlanReport {
  return create(PlanReportSchema, {
    gate,
    layerWeights: [...weights],
    relativeDoses: [...relativeDoses],
    layerWeightsSource: weightsSource,
    resolved,
    rule,
  });
}
