/** The prompts of a search, computed once for each steering its candidates are varied by. */
import { create } from "@bufbuild/protobuf";
import type { PlanReport } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type Usage, UsageSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type Arm as Choice, PROMPT_SEQUENCE, STEERED_PROMPT_SEQUENCE } from "../arms.ts";
import { openPrompt } from "../opening.ts";
import type { PreparedSteering } from "../prepare.ts";
import type { Arm } from "./branches.ts";
import type { SearchRun } from "./search.ts";

/** Opened prompts, and what steering decided for each. */
export interface OpenedArms {
  readonly arms: readonly Arm[];
  readonly plans: readonly { readonly report: PlanReport; readonly planMs: number }[];
  readonly usage: Usage;
}

/** Sequences of one prompt: as it is, and computed under its program. */
const SEQUENCES_PER_ARM = 2n;

/** Opens the prompts one after the other; pages they have in common are computed once. */
export async function openArms(run: SearchRun): Promise<OpenedArms> {
  const { prepared, scaling } = run;
  const steerings = scaling.diversify.length > 0 ? scaling.diversify : [prepared.steering];
  const usage = create(UsageSchema);
  const arms: Arm[] = [];
  const plans: { report: PlanReport; planMs: number }[] = [];
  for (const [index, steering] of steerings.entries()) {
    arms.push(await openArm(run, index, steering, usage, plans));
  }
  return { arms, plans, usage };
}

async function openArm(
  { flow, session, prepared, watch, scope }: SearchRun,
  index: number,
  steering: PreparedSteering | undefined,
  usage: Usage,
  plans: { report: PlanReport; planMs: number }[],
): Promise<Arm> {
  const above = BigInt(index) * SEQUENCES_PER_ARM;
  const choices: Choice[] = [{ index: 0, steered: steering !== undefined, streamId: 0n }];
  const ids = { plain: PROMPT_SEQUENCE + above, steered: STEERED_PROMPT_SEQUENCE + above };
  const opening = await openPrompt(flow, session, { ...prepared, steering }, choices, watch, scope, ids);
  if (opening.decision) plans.push({ report: opening.decision.report, planMs: watch.parts.planMs });
  usage.promptTokens = opening.usage.promptTokens;
  usage.prefilledTokens += opening.usage.prefilledTokens;
  usage.reusedTokens += opening.usage.reusedTokens;
  usage.replayedTokens += opening.usage.replayedTokens;
  return {
    steering: index,
    sequenceId: opening.steeredPrompt ? ids.steered : ids.plain,
    isPromptSteered: opening.steeredPrompt,
    promptTokens: prepared.prompt.ids.length,
    program: opening.decision?.program,
    replayLast: steering?.needs.replayLast ?? false,
    facts: opening.facts,
  };
}
