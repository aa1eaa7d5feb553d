/**
 * Logits → tokens and scores, through the sampling kernel. Frequency and presence penalties look at the answer, the
 * repetition penalty at the whole sequence. Cost: a few passes over the vocabulary.
 */
import { type Operators, PLAIN_SAMPLE, type Pointer, type SampleRequest } from "#kernels";
import type { Sampling, ScoredToken, ScoreSpec } from "./protocol.ts";
import type { CommandOf } from "./sequence.ts";

/** Draws and scores on the engine thread. */
export interface Sampler {
  /**
   * Draws the next token.
   * @param logits f32 [vocabulary]
   * @param allowed words of a bit mask, i32 [ceil(vocabulary / 32)], 1 = allowed; null allows all
   * @returns null when no allowed logit is finite or one is NaN
   */
  sample(
    logits: Pointer,
    ids: readonly number[],
    promptTokens: number,
    command: CommandOf<"generate">,
    allowed: Int32Array | null,
  ): ScoredToken | null;
  /** Scores a given token, and the candidates of the request if `withCandidates`. */
  score(
    logits: Pointer,
    id: number,
    score: ScoreSpec,
    withCandidates: boolean,
  ): { token: ScoredToken; candidates: number[] } | null;
}

/** Scratch the sampler writes to. */
export interface SamplerScratch {
  /** i32 [context] */
  readonly history: Pointer;
  /** Pairs {i32 id, f32 bias} [MAX_LOGIT_BIASES] */
  readonly bias: Pointer;
  /** u32 [ceil(vocabulary / 32)] */
  readonly mask: Pointer;
}

/** The penalty by which the tokens of a text change the next one's logits, or null if there is none. */
export function penaltyOf(sampling: Sampling): string | null {
  if (sampling.repetitionPenalty !== 1) return "repetition_penalty";
  if (sampling.frequencyPenalty !== 0) return "frequency_penalty";
  return sampling.presencePenalty === 0 ? null : "presence_penalty";
}

/** A sampler over the arena. */
export function createSampler(
  operators: Operators,
  memory: WebAssembly.Memory,
  scratch: SamplerScratch,
  vocabulary: number,
): Sampler {
  const { history, bias } = scratch;
  const request = (logits: Pointer, topLogprobs: number): SampleRequest => {
    return { ...PLAIN_SAMPLE, logits, vocabulary, history, bias, topLogprobs };
  };

  return {
    sample(logits, ids, promptTokens, { sampling, stream, topLogprobs }, allowed) {
      if (allowed) new Int32Array(memory.buffer, scratch.mask, allowed.length).set(allowed);
      const { frequencyPenalty, presencePenalty, repetitionPenalty, logitBias } = sampling;
      const hasPenalty = penaltyOf(sampling) !== null;
      const historyCount = hasPenalty ? ids.length : 0;
      if (hasPenalty) new Int32Array(memory.buffer, scratch.history, historyCount).set(ids);
      const view = new DataView(memory.buffer, scratch.bias, logitBias.length * 8);
      for (const [index, [id, bias]] of logitBias.entries()) {
        view.setInt32(index * 8, id, true);
        view.setFloat32(index * 8 + 4, bias, true);
      }
      const whole: SampleRequest = {
        ...request(logits, topLogprobs),
        temperature: sampling.temperature,
        topK: sampling.topK,
        topP: sampling.topP,
        minP: sampling.minP,
        repetitionPenalty,
        frequencyPenalty,
        presencePenalty,
        historyCount,
        answerStart: promptTokens,
        biasCount: logitBias.length,
        allowMask: allowed ? scratch.mask : 0,
        seed: sampling.seed,
        stream,
        position: ids.length,
      };
      const { finite, ...token } = operators.sample(whole);
      operators.restoreLogits(whole);
      return finite ? token : null;
    },
    score(logits, id, { topLogprobs, candidates }, withCandidates) {
      const ids = withCandidates ? [id, ...candidates] : [id];
      const [logprob = Number.NaN, ...rest] = operators.logprobs({ logits, vocabulary, ids });
      if (Number.isNaN(logprob)) return null;
      const top = topLogprobs === 0 ? [] : operators.sample(request(logits, topLogprobs)).top;
      return { token: { id, logprob, top }, candidates: rest };
    },
  };
}
