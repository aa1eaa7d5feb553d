/**
 * Where a step ends. A separator is noticed at the token that completes it: generation halts at every token that could do
 * so (`haltIds`), and goes on if it did not. So no token is generated that the step rule would have prevented.
 */
import type { StepRule } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The end of a step. */
export interface StepEnd {
  /** Texts that end it; empty: the number of tokens does. */
  readonly separators: readonly string[];
  /** Most tokens. */
  readonly tokens: number;
}

const EMPTY_LINE = "\n\n";
const DEFAULT_TOKENS = 256;

/** The rule with its defaults. */
export function stepEndOf(rule: StepRule | undefined): StepEnd {
  if (rule?.rule.case === "tokens") return { separators: [], tokens: rule.rule.value };
  const tokens = rule?.maxTokens || DEFAULT_TOKENS;
  return { separators: rule?.rule.case === "separators" ? rule.rule.value.values : [EMPTY_LINE], tokens };
}

/** True if `text`, what a step has added, holds a separator after something that is not blank. */
export function isWholeStep({ separators }: StepEnd, text: string): boolean {
  const start = text.search(/\S/);
  return start >= 0 && separators.some((separator) => text.includes(separator, start));
}

/** Ids of tokens that can complete a separator: those whose bytes hold the last byte of one. Cost: the vocabulary once. */
export function haltIdsOf({ separators }: StepEnd, vocabulary: Vocabulary, size: number): number[] {
  if (separators.length === 0) return [];
  const last = new Set(separators.map((separator) => Buffer.from(separator).at(-1) ?? 0));
  const ids: number[] = [];
  for (let id = 0; id < size; id++) {
    if (!vocabulary.stopIds.has(id) && vocabulary.bytes(id).some((byte) => last.has(byte))) ids.push(id);
  }
  return ids;
}
