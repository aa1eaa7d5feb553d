/** Speculation of the schema → what the engine does, checked. */
import { TrimtabError } from "#kit/errors.ts";
import type { GenerateCommand } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { DEFAULT_DRAFT, DEFAULT_NGRAM, MAX_DRAFT, MAX_NGRAM } from "../../limits.ts";
import type { PromptLookup } from "../engine/protocol.ts";

/** Null for none. @throws TrimtabError FIELD_OUT_OF_RANGE, FIELD_REQUIRED, UNSUPPORTED for what it does not go with */
export function toSpeculation(command: GenerateCommand): PromptLookup | null {
  if (!command.speculation) return null;
  const { source } = command.speculation;
  if (source.case === undefined) {
    throw new TrimtabError("FIELD_REQUIRED", "speculation has no source", { field: "speculation" });
  }
  const { ngram, maxDraft } = source.value;
  check("ngram", ngram, MAX_NGRAM);
  check("max_draft", maxDraft, MAX_DRAFT);
  const without = [
    ["constraint", command.constraint !== undefined],
    ["taps", command.taps.length > 0],
    ["park_every_tokens", command.parkEveryTokens > 0],
  ].find(([, isThere]) => isThere);
  if (without) {
    const message = `speculation does not go with ${without[0]}`;
    throw new TrimtabError("UNSUPPORTED", message, { field: "speculation" });
  }
  return { ngram: ngram || DEFAULT_NGRAM, maxDraft: maxDraft || DEFAULT_DRAFT };
}

function check(name: string, value: number, limit: number): void {
  if (value <= limit) return;
  const field = `speculation.prompt_lookup.${name}`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field}: ${value}, at most ${limit}`, { field, limit });
}
