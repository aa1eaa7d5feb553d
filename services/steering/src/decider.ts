/**
 * A wish, ready to decide: which activations it needs, and what it makes of them. Sources that decide by themselves
 * (directions, edits), by a controller (recipes) or by rules (rulesets) look the same from here on.
 */
import type { Ruleset, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Activation, Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import { armWeights, checkSameBlocks, readsPrompt } from "./arms.ts";
import type { ControllerRunner } from "./controller/artifact.ts";
import { featureRow, featureTap } from "./features.ts";
import { decide, type Decision, type Intent, type WeightsSource } from "./intent.ts";
import { resolveIntent, type SteeringSource } from "./plan.ts";
import { editIntent } from "./plan-edit.ts";
import type { NamedProgram } from "./program.ts";
import { conditionTaps, firstRule } from "./ruleset.ts";
import { REPLY_MODE, replyDecider } from "./reply.ts";
import { checkUse } from "./use.ts";

/** What was decided, with what the report tells besides. */
export interface Plan extends Decision {
  readonly weights: Float32Array;
  readonly weightsSource: WeightsSource;
  /** Rule that acts. */
  readonly rule: string;
  /** The program that acts; null: none. */
  readonly program: NamedProgram | null;
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
  | {
      readonly source: SteeringSource;
      readonly controller?: ControllerRunner;
      /** Head of the weights that the use asks for. */
      readonly head?: ControllerRunner;
    }
  | { readonly ruleset: Ruleset };

/** Resolves a wish. @throws TrimtabError naming the field at fault. */
export function createDecider(deciding: Deciding, use: SteeringUse): Decider {
  if ("ruleset" in deciding) return rulesDecider(deciding.ruleset, use);
  const { source, controller, head } = deciding;
  if (use.mode === REPLY_MODE) {
    checkUse(use, source.kind);
    return replyDecider(use, controller, source.kind === "recipe" ? source.recipe.direction.layers : 0);
  }
  const { weights } = use;
  const layers = source.kind === "recipe" ? source.recipe.direction.layers : 0;
  const intentOf = (learned?: Float32Array) =>
    resolveIntent(source, use, weights && armWeights(weights, layers, head, learned));
  const announced = intentOf(
    weights && readsPrompt(weights) ? new Float32Array(layers).fill(0.5) : undefined,
  );
  const readers = {
    gate: announced.gated ? controller : undefined,
    head: announced.program && weights && readsPrompt(weights) ? head : undefined,
  };
  checkSameBlocks(readers.gate, readers.head);
  return gateDecider(announced, intentOf, readers);
}

/** @param readers who reads the prompt, the gate and the head of the weights; both read the same blocks */
function gateDecider(
  announced: Intent,
  intentOf: (learned?: Float32Array) => Intent,
  readers: { readonly gate: ControllerRunner | undefined; readonly head: ControllerRunner | undefined },
): Decider {
  const reader = readers.gate ?? readers.head;
  return {
    taps: reader ? [featureTap(reader.featureLayers)] : [],
    programs: announced.program ? [announced.program] : [],
    replayLast: announced.replayLast,
    async decide(activations) {
      const row = reader ? featureRow(activations, reader.featureLayers, reader.width) : new Float32Array();
      const gate = readers.gate ? (await readers.gate.run(row)).gate : announced.fixedGate;
      const intent = readers.head ? intentOf((await readers.head.run(row)).layerWeights) : announced;
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
  const decision = decide(intent, gate);
  const program = decision.programDigest === "" ? null : intent.program;
  return { ...decision, weights, weightsSource, rule, program };
}
