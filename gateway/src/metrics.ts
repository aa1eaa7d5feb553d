/** What is counted of generations: requests by outcome, steering, gates, tokens, times. */
import { Counter, Histogram } from "prom-client";
import type { Metrics } from "#kit/metrics.ts";
import { type GenerateResponse, SearchEnd } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { AdmissionState } from "./admission/admission.ts";
import { BANDS } from "./admission/waiting-line.ts";
import { createRequestTimes, type RequestClock } from "./request-times.ts";

/** Counts generations. */
export interface GatewayMetrics {
  /** A generation has arrived. */
  begin(): RequestClock;
  /** One event of a generation. */
  event(response: GenerateResponse): void;
  /** A generation ended: "ok", "left", or the reason of its error. */
  ended(outcome: string): void;
}

const GATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Read whenever metrics are collected. */
export interface GatewayReadings {
  readonly running: () => number;
  readonly admission: () => AdmissionState;
}

/** Registers the gateway's metrics. */
export function createGatewayMetrics(metrics: Metrics, read: GatewayReadings): GatewayMetrics {
  const registers = [metrics.registry];
  const outcomes = new Counter({
    name: "trimtab_generations_total",
    help: "Generations by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const choices = new Counter({
    name: "trimtab_choices_total",
    help: "Finished choices by whether a program acted on them.",
    labelNames: ["steered"],
    registers,
  });
  const successes = new Counter({
    name: "trimtab_request_success_total",
    help: "Answers that ended properly, by why: stop or length.",
    labelNames: ["finished_reason"],
    registers,
  });
  const searches = new Counter({
    name: "trimtab_searches_total",
    help: "Searches by strategy and by why they stopped.",
    labelNames: ["strategy", "end"],
    registers,
  });
  const discarded = new Counter({
    name: "trimtab_search_discarded_tokens_total",
    help: "Generated tokens that are not part of an answer.",
    registers,
  });
  const gates = new Histogram({
    name: "trimtab_steering_gate",
    help: "Gates emitted by controllers.",
    buckets: GATES,
    registers,
  });
  const drafted = new Counter({
    name: "trimtab_spec_decode_num_draft_tokens_total",
    help: "Tokens that were guessed ahead.",
    registers,
  });
  const accepted = new Counter({
    name: "trimtab_spec_decode_num_accepted_tokens_total",
    help: "Guessed tokens that are part of an answer.",
    registers,
  });
  const times = createRequestTimes(metrics.registry);
  metrics.gauge("trimtab_running_generations", "Generations under way.", read.running);
  for (const band of BANDS) {
    const name = `trimtab_admission_waiting_${band}`;
    metrics.gauge(
      name,
      `Requests of ${band} priority that wait to be let in.`,
      () => read.admission().waiting[band],
    );
  }
  const inFlight = "Estimated tokens of the requests that run.";
  metrics.gauge("trimtab_admission_running_tokens", inFlight, () => read.admission().runningTokens);
  return {
    begin: times.begin,
    ended: (outcome) => outcomes.inc({ outcome }),
    event({ event }) {
      if (event.case === "planned" && event.value.report) gates.observe(event.value.report.gate);
      if (event.case === "finished") {
        choices.inc({ steered: String(event.value.steered) });
        successes.inc({ finished_reason: FinishReason[event.value.reason].toLowerCase() });
      }
      if (event.case === "search" && event.value.event.case === "final") {
        const { strategy, end } = event.value.event.value;
        searches.inc({ strategy, end: SearchEnd[end].toLowerCase() });
      }
      if (event.case !== "completed") return;
      discarded.inc(event.value.usage?.scaling?.discardedTokens ?? 0);
      const { usage } = event.value;
      metrics.countTokens("prompt", usage?.promptTokens ?? 0);
      metrics.countTokens("cached", usage?.reusedTokens ?? 0);
      metrics.countTokens("generated", usage?.completionTokens ?? 0);
      metrics.countTokens("verified", usage?.verifiedTokens ?? 0);
      drafted.inc(usage?.draftedTokens ?? 0);
      accepted.inc(usage?.acceptedTokens ?? 0);
    },
  };
}
