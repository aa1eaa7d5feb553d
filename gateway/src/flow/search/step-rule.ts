/**
 * Where a step ends. A separator is noticed at the token that completes it: generation halts at every token that could do
 * so (`haltIds`), and goes on if it did not. So no token is generated that the step rule would have prevented.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { type StepRule, StepRuleSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SCALING_LIMITS as LIMITS } from "../../limits.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The end of a step. */
export interface StepEnd {
  /** Texts that end it; empty: the number of tokens does. */
  readonly separators: readonly string[];
  /** Most tokens. */
  readonly tokens: number;
  /** A step by which the text holds one of these is the last. */
  readonly finalMarkers: readonly string[];
  /** Most steps of a candidate. */
  readonly steps: number;
}

const EMPTY_LINE = "\n\n";
const DEFAULT_TOKENS = 256;

/** The rule with its defaults. */
export function stepEndOf(rule: StepRule | undefined): StepEnd {
  const ends = { finalMarkers: rule?.finalMarkers ?? [], steps: rule?.maxSteps || Infinity };
  if (rule?.rule.case === "tokens") return { separators: [], tokens: rule.rule.value, ...ends };
  const tokens = rule?.maxTokens || DEFAULT_TOKENS;
  const separators = rule?.rule.case === "separators" ? rule.rule.value.values : [EMPTY_LINE];
  return { separators, tokens, ...ends };
}

/** The rule that says the same. */
export function ruleOf({ separators, tokens, finalMarkers, steps }: StepEnd): StepRule {
  const ends = { finalMarkers: [...finalMarkers], maxSteps: Number.isFinite(steps) ? steps : 0 };
  if (separators.length === 0)
    return create(StepRuleSchema, { rule: { case: "tokens", value: tokens }, ...ends });
  const rule = { case: "separators" as const, value: { values: [...separators] } };
  return create(StepRuleSchema, { rule, maxTokens: tokens, ...ends });
}

/** True if `text`, what a step has added, holds a separator after something that is not blank. */
export function isWholeStep({ separators }: StepEnd, text: string): boolean {
  const start = text.search(/\S/);
  return start >= 0 && separators.some((separator) => text.includes(separator, start));
}

/** True if a candidate whose text is `text` ends with the step that has just ended. */
export function isFinalStep({ finalMarkers }: StepEnd, text: string): boolean {
  return finalMarkers.some((marker) => text.includes(marker));
}

/** Ids of tokens that can complete a separator. @throws TrimtabError if they are more than forward takes. */
export function haltIdsOf({ separators }: StepEnd, vocabulary: Vocabulary): ReadonlySet<number> {
  const ids = new Set(separators.flatMap((separator) => vocabulary.idsCompleting(separator)));
  for (const id of vocabulary.stopIds) ids.delete(id);
  if (ids.size <= LIMITS.haltIds) return ids;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${ids.size} tokens can end a step; use a longer separator`, {
    field: "scaling.step.separators",
    limit: LIMITS.haltIds,
  });
}
