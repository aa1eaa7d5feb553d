/** Commands of a session, as the benchmarks use them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SpeculationSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { ProgramBindingSchema, TapSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import type { CommandInit } from "./session.ts";

/** What a sequence may carry besides. */
export interface Extras {
  readonly program?: MessageInitShape<typeof ProgramBindingSchema>;
  readonly taps?: MessageInitShape<typeof TapSchema>[];
}

/** What a generation may carry besides. */
export interface GenerateExtras extends Extras {
  readonly speculation?: MessageInitShape<typeof SpeculationSchema>;
}

/** Opens a sequence. */
export function open(sequenceId: bigint, ids: readonly number[], extras: Extras = {}): CommandInit {
  return {
    commandId: sequenceId,
    command: { case: "open", value: { sequenceId, ids: [...ids], ...extras } },
  };
}

/** Forks `childIds` off a sequence. */
export function fork(sequenceId: bigint, childIds: readonly bigint[]): CommandInit {
  return { commandId: sequenceId, command: { case: "fork", value: { sequenceId, childIds: [...childIds] } } };
}

/** Generates exactly `maxTokens` tokens, greedily unless `temperature` is given; each sequence draws with noise of its own. */
export function generate(
  sequenceId: bigint,
  maxTokens: number,
  { temperature = 0, ...extras }: GenerateExtras & { readonly temperature?: number } = {},
): CommandInit {
  const sampling = { temperature };
  const value = { sequenceId, maxTokens, sampling, streamId: sequenceId, ignoreModelStop: true, ...extras };
  return { commandId: sequenceId, command: { case: "generate", value } };
}

/** Releases sequences. */
export function release(sequenceIds: readonly bigint[]): CommandInit {
  return { commandId: 1n, command: { case: "release", value: { sequenceIds: [...sequenceIds] } } };
}
