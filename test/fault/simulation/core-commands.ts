/** Commands to the engine core made of numbers, so that a history can be shrunk. */
import type { Binding, Caller, Command } from "../../../services/forward/src/engine/protocol.ts";
import { GREEDY } from "../../support/forward-engine.ts";
import { textOf } from "./core-cells.ts";
import { EVERYWHERE } from "./core-parts.ts";

/** A command that has no number yet. */
export type Unsent<One = Command> = One extends Command ? Omit<One, "call"> : never;

/** Opens one of five texts, some of which begin alike; of a parent the text is a continuation only now and then. */
export function opening(sequence: number, parent: number | null, choice: number, size: number): Unsent {
  const ids = textOf(choice % 5, 1 + size);
  const caller: Caller = {
    fairnessKey: `key ${choice % 3}`,
    cacheSalt: `salt ${choice % 2}`,
    bypassCache: choice % 7 === 0,
    waitMs: (choice % 4) * 500,
  };
  const isScored = choice % 6 === 0 && ids.length > 1;
  return {
    type: "open",
    ...{ sequence, parent, caller, ids },
    promptTokens: ids.length,
    taps: [],
    binding: bindingOf(choice),
    score: isScored ? { first: 1, topLogprobs: 0, candidates: [] } : null,
    complete: choice % 5 === 0,
    transient: choice % 13 === 0,
  };
}

/** Generates, now and then with guesses, with pauses or under a grammar: at most one of them. */
export function generation(sequence: number, choice: number, size: number): Unsent {
  const extra = choice % 16;
  return {
    type: "generate",
    sequence,
    maxTokens: 1 + size,
    ...{
      sampling: GREEDY,
      stream: BigInt(choice % 3),
      stopIds: [],
      haltIds: [],
      minTokens: 0,
      topLogprobs: 0,
    },
    ...{ binding: bindingOf(choice >>> 4), replayLast: choice % 2 === 0, taps: [] },
    ...{ parkEvery: extra === 0 ? 3 : 0, parkTimeoutMs: 1_000 },
    constraint: extra === 1 ? { digest: "g", kind: { case: "regex", value: "" }, field: "regex" } : null,
    speculation: extra === 2 || extra === 3 ? { ngram: 2, maxDraft: 4 } : null,
  };
}

/** No program for most, and for the others one of two, also with a strength of 0. */
function bindingOf(choice: number): Binding | null {
  const kind = choice % 12;
  return kind > 3 ? null : { digest: kind < 2 ? EVERYWHERE : "answer", coefficients: [kind % 3] };
}
