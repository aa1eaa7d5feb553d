/** Candidates as the runtime keeps them. */
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Candidate, Confidence, Ended, Judging } from "./strategy.ts";
import type { Growth } from "./world.ts";

const REASON_OF: Readonly<Record<Ended, FinishReason>> = {
  stop: FinishReason.STOP,
  length: FinishReason.LENGTH,
  error: FinishReason.ERROR,
};

/** The finish reason of a candidate; unspecified while it can grow. */
export function finishReasonOf(ended: Ended | undefined): FinishReason {
  return ended === undefined ? FinishReason.UNSPECIFIED : REASON_OF[ended];
}

/** A candidate with what a strategy does not see. */
export interface Member extends Candidate {
  text: string;
  tokens: number;
  depth: number;
  logprob: number;
  confidences: Confidence[];
  ended: Ended | undefined;
  scores: number[];
  /** Not given up: it may still be chosen. */
  isAlive: boolean;
  /** Others continue it. */
  isContinued: boolean;
  /** How many of its tokens a model has read once more, for a verdict or as the unsteered one. */
  read: number;
  /** Last score, and of how many tokens, by what was judged. */
  readonly judged: Map<Judging, { readonly tokens: number; readonly score: number }>;
}

/** The prompt as a candidate: nothing of an answer yet. */
export function createRoot(id = 0): Member {
  return {
    id,
    parent: 0,
    text: "",
    tokens: 0,
    depth: 0,
    logprob: 0,
    confidences: [],
    ended: undefined,
    scores: [],
    isAlive: true,
    isContinued: false,
    read: 0,
    judged: new Map(),
  };
}

/** A child that stands where its parent stands. */
export function createChild(parent: Member, id: number): Member {
  parent.isContinued = true;
  return {
    ...parent,
    id,
    parent: parent.id,
    confidences: [...parent.confidences],
    scores: [...parent.scores],
    isAlive: true,
    isContinued: false,
    judged: new Map(parent.judged),
  };
}

/** Adds what came of a growth. */
export function extend(member: Member, growth: Growth, maxTokens: number): void {
  member.text = growth.text;
  member.tokens += growth.tokens;
  member.logprob += growth.logprob;
  member.confidences.push(...growth.confidences);
  member.ended = growth.ended ?? (member.tokens >= maxTokens ? "length" : undefined);
}

/** The last score a candidate got, whatever was judged. */
export function lastScore({ judged, scores }: Member): number | undefined {
  return judged.get("outcome")?.score ?? scores.at(-1);
}

/** How many leading characters all texts share, given that they share `from`; never half of a surrogate pair. */
export function sharedLength(texts: readonly string[], from: number): number {
  const [first = "", ...others] = texts;
  let length = first.length;
  for (const text of others) {
    length = Math.min(length, text.length);
    let at = from;
    while (at < length && first.charCodeAt(at) === text.charCodeAt(at)) at++;
    length = at;
  }
  return length > from && isHighSurrogate(first.charCodeAt(length - 1)) ? length - 1 : length;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
