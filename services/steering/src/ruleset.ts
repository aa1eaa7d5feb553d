/**
 * Rulesets: tests on a prompt's activations, and what the first rule whose tests all hold does (CAST, arXiv 2409.05907).
 *   dot          v·h
 *   cosine       v·h / (‖v‖ ‖h‖)
 *   cosine_tanh  cos(h, tanh(p)),  p = v (v·h) / (v·v)
 * Pure. Cost: one product a condition and prompt.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type PromptCondition,
  type Rule,
  type Ruleset,
  RulesetSchema,
  Similarity,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import {
  type Activation,
  Pooling,
  Site,
  type Tap,
  TapPositions,
  TapSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { ARTIFACT_LIMITS } from "../limits.ts";
import type { ModelShape } from "./clients.ts";
import { norm } from "./direction.ts";
import { checkCount, checkEdit, checkFit, decodeMessage } from "./edit.ts";
import { siteDim } from "./model.ts";
import { f32Rows } from "./tensors.ts";

/** Encodes a ruleset. @throws TrimtabError as `checkRuleset`. */
export function writeRuleset(ruleset: Ruleset): Uint8Array {
  return toBinary(RulesetSchema, checkRuleset(ruleset));
}

/** Reads a ruleset made for a model. @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE, NON_FINITE, TOO_LARGE. */
export function readRuleset(bytes: Uint8Array, modelDigest: string): Ruleset {
  const ruleset = decodeMessage(() => fromBinary(RulesetSchema, bytes), "ruleset");
  return checkFit(checkRuleset(ruleset), ruleset.modelDigest, modelDigest);
}

/** The taps of a ruleset's conditions, one each, in order. */
export function conditionTaps({ conditions }: Ruleset): Tap[] {
  return conditions.map(({ site, layer, pooling, first }) =>
    create(TapSchema, {
      ...{ site, layers: [layer] },
      ...(pooling === Pooling.MEAN
        ? { positions: TapPositions.RANGE, first, pooling: Pooling.MEAN }
        : { positions: TapPositions.LAST, pooling: Pooling.NONE }),
    }),
  );
}

/**
 * The first rule that holds for a prompt; undefined if none does.
 * @param activations what the conditions' taps read, in any order
 * @throws TrimtabError FIELD_REQUIRED, SHAPE_MISMATCH, NON_FINITE naming the activation
 */
export function firstRule(ruleset: Ruleset, activations: readonly Activation[]): Rule | undefined {
  const holds = ruleset.conditions.map((condition, index) => {
    const activation = activations.find(({ tapIndex }) => tapIndex === index);
    if (!activation || activation.site !== condition.site || activation.layer !== condition.layer) {
      throw new TrimtabError("FIELD_REQUIRED", `the activation of condition ${index} is missing`, {
        field: "activations",
      });
    }
    const vector = conditionVector(condition, index);
    const field = `activations[${index}].values`;
    const [row] = f32Rows(activation.values, vector.length, field);
    if (!row) throw new TrimtabError("SHAPE_MISMATCH", `${field} has no row`, { field });
    return conditionHolds(condition, vector, row);
  });
  return ruleset.rules.find(({ allOf }) => allOf.every((index) => holds[index]));
}

/** How alike a row and a condition's vector are. */
export function similarityOf(kind: Similarity, vector: Float32Array, row: Float32Array): number {
  const dot = product(vector, row);
  if (kind === Similarity.DOT) return dot;
  if (kind === Similarity.COSINE) return dot / (norm(vector) * norm(row) || 1);
  const factor = dot / (product(vector, vector) || 1);
  const projected = vector.map((x) => Math.tanh(factor * x));
  return product(projected, row) / (norm(projected) * norm(row) || 1);
}

function conditionHolds(condition: PromptCondition, vector: Float32Array, row: Float32Array): boolean {
  const similarity = similarityOf(condition.similarity, vector, row);
  return condition.below ? similarity < condition.threshold : similarity > condition.threshold;
}

/** Checks that a ruleset can be planned. @throws TrimtabError ARTIFACT_INVALID, NON_FINITE, TOO_LARGE, … */
function checkRuleset(ruleset: Ruleset): Ruleset {
  const { conditions, rules } = ruleset;
  if (rules.length === 0) throw invalid("the ruleset has no rule", "rules");
  checkCount("conditions", conditions.length, ARTIFACT_LIMITS.conditions);
  checkCount("rules", rules.length, ARTIFACT_LIMITS.rules);
  for (const [index, condition] of conditions.entries()) checkCondition(condition, index);
  for (const [index, { allOf, edit }] of rules.entries()) {
    const field = `rules[${index}]`;
    if (allOf.length === 0) throw invalid(`${field} has no condition`, `${field}.all_of`);
    if (allOf.some((at) => at >= conditions.length))
      throw invalid(`${field} names a condition that is not there`, `${field}.all_of`);
    if (!edit) throw invalid(`${field} does nothing`, `${field}.edit`);
    checkFit(checkEdit(edit), edit.program?.modelDigest ?? "", ruleset.modelDigest);
  }
  return ruleset;
}

/**
 * Checks that a model can be read by the conditions of a ruleset.
 * @throws TrimtabError FIELD_OUT_OF_RANGE, SHAPE_MISMATCH, naming the condition
 */
export function checkReadable({ conditions }: Ruleset, model: ModelShape): void {
  for (const [index, { site, layer, vector }] of conditions.entries()) {
    const field = `conditions[${index}]`;
    const outOfRange = (name: string, limit: string) =>
      new TrimtabError("FIELD_OUT_OF_RANGE", `${field}.${name}: the model has ${limit}`, {
        field: `${field}.${name}`,
        limit,
      });
    if (layer >= model.layers) throw outOfRange("layer", `blocks 0 to ${model.layers - 1}`);
    if (Site[site] === undefined || site === Site.UNSPECIFIED) throw outOfRange("site", "no such site");
    // Of routers forward alone knows the size.
    if (site !== Site.ROUTER) f32Rows(vector, siteDim(site, model), `${field}.vector`);
  }
}

function checkCondition(condition: PromptCondition, index: number): void {
  const field = `conditions[${index}]`;
  if (Similarity[condition.similarity] === undefined || condition.similarity === Similarity.UNSPECIFIED)
    throw invalid(`${field} does not say how it compares`, `${field}.similarity`);
  if (condition.pooling !== Pooling.MEAN && condition.pooling !== Pooling.LAST)
    throw invalid(`${field} reads the mean of a prompt or its last token`, `${field}.pooling`);
  if (!Number.isFinite(condition.threshold)) {
    throw new TrimtabError("NON_FINITE", `${field}.threshold is not finite`, { field: `${field}.threshold` });
  }
  if (!(norm(conditionVector(condition, index)) > 0))
    throw invalid(`${field} has a vector of zeros`, `${field}.vector`);
}

function conditionVector({ vector }: PromptCondition, index: number): Float32Array {
  const field = `conditions[${index}].vector`;
  const [row, more] = f32Rows(vector, vector?.shape.at(-1) ?? 0, field);
  if (!row || more) throw new TrimtabError("SHAPE_MISMATCH", `${field} is not one row`, { field });
  return row;
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function invalid(message: string, field: string): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", message, { field });
}
