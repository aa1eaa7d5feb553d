/**
 * Where the time of answered generations went, as histograms. Names after the prefix and meanings are vLLM's (V1 engine): the queue
 * ends when the request is let in and has its KV memory, the prefill with the first token, the decoding with the last one;
 * inference is both; the latency is all of it, from the arrival on. Tokenization and template are before the queue there; here they are in the
 * latency and in the time to the first token, and in no part. Monotonic clock; a reader who does not read lengthens the decoding.
 */
import { Histogram, type Registry } from "prom-client";
import type { GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Timings, Usage } from "#proto/trimtab/type/v1/generation_pb.ts";

/** Times one generation from its arrival on. */
export interface RequestClock {
  /** It was let in after this wait. */
  admitted(waitedMs: number): void;
  /** One event of it; what it took is counted with the last one. */
  event(response: GenerateResponse): void;
}

/** Times generations. */
export interface RequestTimes {
  /** A generation has arrived. */
  begin(): RequestClock;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384];
const MS_PER_SECOND = 1_000;

/** Registers the histograms. */
export function createRequestTimes(registry: Registry, now = (): number => performance.now()): RequestTimes {
  const histogram = (name: string, help: string, buckets = SECONDS): ((value: number) => void) => {
    const made = new Histogram({ name, help, buckets, registers: [registry] });
    return (value) => made.observe(value);
  };
  const seconds = (name: string, help: string, buckets = SECONDS): ((ms: number) => void) => {
    const observe = histogram(`${name}_seconds`, help, buckets);
    return (ms) => observe(Math.max(0, ms) / MS_PER_SECOND);
  };
  const queue = seconds("trimtab_request_queue_time", "Wait to be let in, and for KV memory.");
  const prefill = seconds("trimtab_request_prefill_time", "From the end of the queue to the first token.");
  const decode = seconds("trimtab_request_decode_time", "From the first token to the last one.");
  const inference = seconds("trimtab_request_inference_time", "From the end of the queue to the last token.");
  const latency = seconds("trimtab_e2e_request_latency", "From the arrival to the end of the answer.");
  const first = seconds("gen_ai_server_time_to_first_token", "From the arrival to the first token.");
  const perToken = seconds(
    "gen_ai_server_time_per_output_token",
    "Mean time between the tokens of a choice, the first left out.",
    TOKEN_SECONDS,
  );
  const promptTokens = histogram("trimtab_request_prompt_tokens", "Tokens of prompts.", TOKENS);
  const answerTokens = histogram("trimtab_request_generation_tokens", "Tokens of answers.", TOKENS);

  return {
    begin() {
      const arrivedMs = now();
      const ends: { readonly atMs: number; readonly tokens: number }[] = [];
      let waitedMs = 0;
      let admittedMs = arrivedMs;
      const answered = (timings: Timings, usage: Usage | undefined): void => {
        latency(now() - arrivedMs);
        queue(waitedMs + timings.queueMs);
        promptTokens(usage?.promptTokens ?? 0);
        answerTokens(usage?.completionTokens ?? 0);
        // An answer without a token of the model, as a reply of a recipe, was not computed.
        if (timings.timeToFirstTokenMs <= 0) return;
        const firstMs = admittedMs + timings.timeToFirstTokenMs;
        // Told by other clocks than the first token: where the prefill takes no time it would end before it begins.
        const scheduledMs = Math.min(firstMs, admittedMs + timings.tokenizeMs + timings.queueMs);
        const lastMs = Math.max(firstMs, ...ends.map(({ atMs }) => atMs));
        first(firstMs - arrivedMs);
        prefill(firstMs - scheduledMs);
        decode(lastMs - firstMs);
        inference(lastMs - scheduledMs);
        for (const { atMs, tokens } of ends) if (tokens > 1) perToken((atMs - firstMs) / (tokens - 1));
      };
      return {
        admitted(ms) {
          waitedMs = ms;
          admittedMs = now();
        },
        event({ event }) {
          if (event.case === "finished") ends.push({ atMs: now(), tokens: event.value.generatedTokens });
          if (event.case === "completed" && event.value.timings)
            answered(event.value.timings, event.value.usage);
        },
      };
    },
  };
}
