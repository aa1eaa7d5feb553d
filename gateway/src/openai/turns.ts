/**
 * Ends of choices in a stream: held until their verdicts, or the report of their search, are there, so that nothing of a choice comes
 * after the chunk that ends it.
 */
import type {
  ChoiceFinishedEvent,
  GenerateResponse,
  GenerationSpec,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { findStrategy } from "../strategies/registry.ts";
import type { Verdict } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";

/** A choice that is over. */
export interface Turn {
  readonly finished: ChoiceFinishedEvent;
  readonly verdicts: readonly Verdict[];
}

/** Creates the collector of what a request asks for. */
export function createTurns(asked: Pick<GenerationSpec, "verifiers" | "scaling">): {
  take(response: GenerateResponse): Turn[];
} {
  const isJudged = asked.verifiers.length > 0;
  const isSearched = findStrategy(asked.scaling?.strategy ?? "") !== undefined;
  const waiting = new Map<number, ChoiceFinishedEvent>();
  return {
    take({ event }) {
      if (event.case === "finished") {
        if (!isJudged && !isSearched) return [{ finished: event.value, verdicts: [] }];
        waiting.set(event.value.choice, event.value);
      }
      // Verdicts on a searched answer come after the report.
      if (event.case === "search" && event.value.event.case === "final" && !isJudged)
        return [...waiting.values()].map((finished) => ({ finished, verdicts: [] }));
      if (event.case !== "verdicts") return [];
      const finished = waiting.get(event.value.choice);
      return finished ? [{ finished, verdicts: event.value.verdicts }] : [];
    },
  };
}
