/** GenerateCommand → the engine's command, and its tokens and end back. */
import { TrimtabError } from "#kit/errors.ts";
import type { GenerateCommand } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import * as limits from "../../limits.ts";
import type { CommandInput } from "../engine/client.ts";
import type { Finished, ScoredToken } from "../engine/protocol.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import { SITES } from "../programs/program.ts";
import { checkCount, checkRange } from "./checks.ts";
import { toConstraint } from "./constraint.ts";
import { toBinding } from "./program.ts";
import { toSampling } from "./sampling.ts";
import { toSpeculation } from "./speculation.ts";
import { toTaps } from "./taps.ts";

/** A generation; `sequence` is filled in by the caller. */
export function toGenerate(
  command: GenerateCommand,
  model: ModelInfo,
): Omit<CommandInput<"generate">, "sequence"> {
  checkCount("stop_ids", command.stopIds.length, limits.MAX_STOP_IDS);
  checkRange("top_logprobs", command.topLogprobs, 0, limits.MAX_TOP_LOGPROBS);
  checkRange("park_timeout_ms", command.parkTimeoutMs, 0, limits.MAX_PARK_TIMEOUT_MS);
  const binding = toBinding(command.program);
  if (command.parkEveryTokens > 0 && binding === null) {
    throw new TrimtabError("FIELD_REQUIRED", "parking needs a program", { field: "program" });
  }
  if (command.constraint && command.ignoreModelStop && command.stopIds.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", "a constraint needs a stop id to end with", {
      field: "stop_ids",
    });
  }
  checkLeast(command);
  return {
    type: "generate",
    maxTokens: command.maxTokens,
    minTokens: command.minTokens,
    sampling: toSampling(command.sampling, model),
    stream: command.streamId,
    ...(command.ignoreModelStop
      ? { stopIds: command.stopIds, haltIds: [] }
      : { stopIds: model.stopIds, haltIds: command.stopIds }),
    topLogprobs: command.topLogprobs,
    binding,
    replayLast: command.replayLast,
    taps: toTaps(command.taps, model),
    parkEvery: command.parkEveryTokens,
    parkTimeoutMs: command.parkTimeoutMs || limits.DEFAULT_PARK_TIMEOUT_MS,
    constraint: toConstraint(command.constraint),
    speculation: toSpeculation(command),
  };
}

function checkLeast({ minTokens, maxTokens, constraint }: GenerateCommand): void {
  if (maxTokens > 0) checkRange("min_tokens", minTokens, 0, maxTokens);
  if (minTokens === 0 || !constraint) return;
  const message = "min_tokens does not go with a constraint, which may allow nothing but the end";
  throw new TrimtabError("UNSUPPORTED", message, { field: "min_tokens" });
}

/** Tokens of an event or a score. */
export function fromTokens(tokens: readonly ScoredToken[]) {
  return tokens.map(({ id, logprob, top }) => ({ id, logprob, top: top.map((one) => ({ ...one })) }));
}

/** The end of a generation. */
export function fromFinished(finished: Finished) {
  const reasons = { stop: FinishReason.STOP, length: FinishReason.LENGTH, cancelled: FinishReason.CANCELLED };
  return {
    reason: reasons[finished.reason],
    generatedTokens: finished.generatedTokens,
    replayedTokens: finished.replayedTokens,
    sequenceTokens: finished.sequenceTokens,
    draftedTokens: finished.draftedTokens,
    acceptedTokens: finished.acceptedTokens,
    proof: finished.proof.map(({ site, layer, rows, sum, max }) => ({
      site: SITES.indexOf(site) + 1,
      layer,
      rows,
      meanRelativeChange: sum / rows,
      maxRelativeChange: max,
    })),
  };
}
