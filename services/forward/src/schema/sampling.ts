/** Sampling parameters of the schema → the engine's, defaults filled in, ranges checked. */
import type { SamplingParameters } from "#proto/trimtab/type/v1/generation_pb.ts";
import * as limits from "../../limits.ts";
import type { Sampling } from "../engine/protocol.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import { checkCount, checkRange } from "./checks.ts";

/**
 * Sampling as the engine takes it; without a seed one is drawn.
 * @throws TrimtabError FIELD_OUT_OF_RANGE, TOO_LARGE naming the field
 */
export function toSampling(given: SamplingParameters | undefined, model: ModelInfo): Sampling {
  const sampling: Sampling = {
    temperature: given?.temperature ?? 1,
    topP: given?.topP ?? 1,
    topK: given?.topK ?? 0,
    minP: given?.minP ?? 0,
    repetitionPenalty: given?.repetitionPenalty ?? 1,
    frequencyPenalty: given?.frequencyPenalty ?? 0,
    presencePenalty: given?.presencePenalty ?? 0,
    logitBias: Object.entries(given?.logitBias ?? {}).map(([id, bias]) => [Number(id), bias] as const),
    seed: given?.seed ?? crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n,
  };
  checkRange("sampling.temperature", sampling.temperature, 0, 2);
  checkRange("sampling.top_p", sampling.topP, Number.MIN_VALUE, 1);
  checkRange("sampling.min_p", sampling.minP, 0, 1);
  checkRange("sampling.repetition_penalty", sampling.repetitionPenalty, Number.MIN_VALUE, 2);
  checkRange("sampling.frequency_penalty", sampling.frequencyPenalty, -2, 2);
  checkRange("sampling.presence_penalty", sampling.presencePenalty, -2, 2);
  checkCount("sampling.logit_bias", sampling.logitBias.length, limits.MAX_LOGIT_BIASES);
  for (const [id, bias] of sampling.logitBias) {
    checkRange("sampling.logit_bias", bias, -100, 100);
    checkRange("sampling.logit_bias", id, 0, model.vocabulary - 1);
  }
  return sampling;
}
