/**
 * Tokens that a generation has used, whenever it ends: what it is billed if it ended properly; nothing before it was begun; else its
 * prompt and what its client has got. Of a search that is left nobody knows: it counts as it was estimated.
 */
import type { GenerateResponse, GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { findStrategy } from "../strategies/registry.ts";
import { tokensOfBytes } from "./estimate.ts";

/** The meter of one generation. */
export interface Meter {
  readonly usedTokens: number;
  event(response: GenerateResponse): void;
}

/** Creates it. @throws TrimtabError STRATEGY_NOT_FOUND */
export function createMeter(estimate: number, spec: GenerationSpec | undefined): Meter {
  const isSearched = findStrategy(spec?.scaling?.strategy ?? "") !== undefined;
  let begun = 0;
  let bytes = 0;
  let billed: number | undefined;
  return {
    get usedTokens() {
      return billed ?? begun + tokensOfBytes(bytes);
    },
    event({ event }) {
      if (event.case === "started") begun = isSearched ? estimate : event.value.promptTokens;
      if (event.case === "delta" && !isSearched) bytes += Buffer.byteLength(event.value.text);
      if (event.case !== "completed" || !event.value.usage) return;
      const { promptTokens, completionTokens, verifiedTokens } = event.value.usage;
      billed = promptTokens + completionTokens + verifiedTokens;
    },
  };
}
