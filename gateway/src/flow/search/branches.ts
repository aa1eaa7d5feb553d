/** Candidates as forward knows them: sequences, their tokens and texts. */
import type { Token } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { Activation, ProgramBinding, Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import { type ChoiceText, createChoiceText } from "../choice-text.ts";
import type { ProgramFacts } from "../programs.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** What candidates of one prompt have in common: where they start, and the program they run under. */
export interface Arm {
  /** Entry of `diversify`; 0 without any. */
  readonly steering: number;
  readonly sequenceId: bigint;
  readonly promptTokens: number;
  readonly program: ProgramBinding | undefined;
  /** The prompt itself was computed under the program. */
  readonly isPromptSteered: boolean;
  readonly replayLast: boolean;
  readonly facts: ProgramFacts | undefined;
}

/** A candidate in forward. */
export interface Branch {
  readonly id: number;
  readonly arm: Arm;
  readonly sequenceId: bigint;
  /** Tokens of the answer as verifiers see them, ends left out. */
  readonly tokens: Token[];
  readonly text: ChoiceText;
  /** Tokens that forward holds after the prompt: an end token is one of them. */
  held: number;
  /** Characters of its whole text, before the step that it is in. */
  stepFrom: number;
  /** A program acted on it or on what it continues. */
  wasSteered: boolean;
  /** The token of the model's own end, if that is how it ended. */
  endId: number | undefined;
  /** ln of the probability of the first tokens under the unsteered model, and how many they are. */
  base: { readonly logprob: number; readonly tokens: number };
  /** Rows read for verifiers of states, one a judged step, by what they tap. */
  readonly activations: Map<readonly Tap[], Activation[][]>;
}

const NEW = { stepFrom: 0, wasSteered: false, endId: undefined, base: { logprob: 0, tokens: 0 } };

/** A branch that holds the given tokens. */
export function createBranch(
  place: Pick<Branch, "id" | "arm" | "sequenceId">,
  tokens: readonly Token[],
  vocabulary: Vocabulary,
  stops: readonly string[],
): Branch {
  const text = createChoiceText(vocabulary.decoder(), stops);
  for (const token of tokens) text.push({ token, spelling: "" });
  return { ...place, tokens: [...tokens], text, held: tokens.length, ...NEW, activations: new Map() };
}

/** A branch that stands where another stands. */
export function forkBranch(
  place: Pick<Branch, "id" | "sequenceId">,
  from: Branch,
  vocabulary: Vocabulary,
  stops: readonly string[],
): Branch {
  const branch = createBranch({ ...place, arm: from.arm }, from.tokens, vocabulary, stops);
  for (const [taps, steps] of from.activations) branch.activations.set(taps, [...steps]);
  const { held, wasSteered, endId, base } = from;
  return Object.assign(branch, { held, wasSteered, endId, base });
}
