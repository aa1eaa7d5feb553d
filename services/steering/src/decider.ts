/**
 * A wish, ready to decide: which activations it needs, and what it makes of them. Sources that decide by themselves
 * (directions, edits), by a controller (recipes) or by rules (rulesets) look the same from here on.
 */
import type { Ruleset, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Activation, Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import type { ControllerRunner } from "./controller/artifact.ts";
import { featureRow, featureTap } from "./features.ts";
import { decide, type Decision, type Intent, type WeightsSource } from "./intent.ts";
import { resolveIntent, type SteeringSource } from "./plan.ts";
import { editIntent } from "./plan-edit.ts";
import type { NamedProgram } from "./program.ts";
import { conditionTaps, firstRule } from "./ruleset.ts";
import { checkUse } from "./use.ts";

/** What was decided, with what the report tells besides. */
export interface Plan extends Decision {
  readonly weights: Float32Array;
  readonly weightsSource: WeightsSource;
  /** Rule that acts. */
  readonly rule: string;
}

/** A wish, ready to decide. */
export interface Decider {
  /** Activations of the prompt it needs. */
  readonly taps: readonly Tap[];
  /** Programs it may name. */
  readonly programs: readonly NamedProgram[];
  /** The last prompt token is to be replayed under the program. */
  readonly replayLast: boolean;
  /** Decides on what the taps read. */
  decide(activations: readonly Activation[]): Promise<Plan>;
}

/** What decides: a source by itself or with its controller, or rules. */
export type Deciding =
  { readonly source: SteeringSource; readonly controller?: ControllerRunner } | { readonly ruleset: Ruleset };

/** Resolves a wish. @throws TrimtabError naming the field at fault. */
export function createDecider(deciding: Deciding, use: SteeringUse): Decider {
  return "ruleset" in deciding
    ? rulesDecider(deciding.ruleset, use)
    : gateDecider(resolveIntent(deciding.source, use), deciding.controller);
}

function gateDecider(intent: Intent, controller: ControllerRunner | undefined): Decider {
  const asked = intent.gated ? controller : undefined;
  return {
    taps: asked ? [featureTap(asked.featureLayers)] : [],
    programs: intent.program ? [intent.program] : [],
    replayLast: intent.replayLast,
    async decide(activations) {
      const gate = asked
        ? (await asked.run(featureRow(activations, asked.featureLayers, asked.width))).gate
        : intent.fixedGate;
      return planOf(intent, gate, "");
    },
  };
}

/** A forced gate opens (or shuts) the first rule without looking at the prompt. */
function rulesDecider(ruleset: Ruleset, use: SteeringUse): Decider {
  const { scale } = checkUse(use, "ruleset");
  const intents = new Map(
    ruleset.rules.map((rule) => [rule, rule.edit ? editIntent(rule.edit, use, scale) : undefined]),
  );
  const all = [...intents.values()].flatMap((intent) => intent ?? []);
  const acts = all.some(({ program }) => program);
  const forced = use.forceGate === undefined ? undefined : ruleset.rules[0];
  return {
    taps: acts && !forced ? conditionTaps(ruleset) : [],
    programs: all.flatMap(({ program }) => program ?? []),
    replayLast: all.some(({ replayLast }) => replayLast),
    async decide(activations) {
      const rule = forced ?? (acts ? firstRule(ruleset, activations) : undefined);
      const intent = rule && intents.get(rule);
      if (!rule || !intent) return planOf(all[0] as Intent, 0, "");
      return planOf(intent, intent.fixedGate, rule.name);
    },
  };
}

function planOf(intent: Intent, gate: number, rule: string): Plan {
  const { weights, weightsSource } = intent;
  return { ...decide(intent, gate), weights, weightsSource, rule };
}
