/** Ends of choices in a stream: held until their verdicts are there, so that the chunk that ends a choice says it all. */
import type { ChoiceFinishedEvent, GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Verdict } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";

/** A choice that is over. */
export interface Turn {
  readonly finished: ChoiceFinishedEvent;
  readonly verdicts: readonly Verdict[];
}

/** Creates the collector; `judged` says whether verdicts are to come. */
export function createTurns(judged: boolean): { take(response: GenerateResponse): Turn[] } {
  const waiting = new Map<number, ChoiceFinishedEvent>();
  return {
    take({ event }) {
      if (event.case === "finished") {
        if (!judged) return [{ finished: event.value, verdicts: [] }];
        waiting.set(event.value.choice, event.value);
      }
      if (event.case !== "verdicts") return [];
      const finished = waiting.get(event.value.choice);
      return finished ? [{ finished, verdicts: event.value.verdicts }] : [];
    },
  };
}
