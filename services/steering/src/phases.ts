/**
 * Phases of a conversation that steering can be masked by, told by the special tokens of known templates. A spelling counts where
 * the model has it as one token. Control tokens are never what a user types; those a vocabulary has as ordinary ones (`<tool_call>` of
 * Qwen) can be, as with llama.cpp: such a text moves the mask of its own message, and no further, as the template's next token ends the span.
 * Cost: one call to the tokenizer a model and process.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { SYNTAX_MARKS } from "#kit/tools.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Phase, type PhaseMarker, PhaseMarkerSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import type { SteeringClients } from "./clients.ts";

/** Opening and closing spellings: ChatML, Llama 3, Gemma; reasoning models and tool callers. */
const SPELLINGS: readonly { readonly phase: Phase; readonly open: string; readonly close?: string }[] = [
  { phase: Phase.TEMPLATE, open: "<|im_start|>", close: "\n" },
  { phase: Phase.TEMPLATE, open: "<|im_end|>", close: "\n" },
  { phase: Phase.TEMPLATE, open: "<|start_header_id|>", close: "\n\n" },
  { phase: Phase.TEMPLATE, open: "<|eot_id|>" },
  { phase: Phase.TEMPLATE, open: "<start_of_turn>", close: "\n" },
  { phase: Phase.TEMPLATE, open: "<end_of_turn>", close: "\n" },
  { phase: Phase.THINK, open: "<think>", close: "</think>" },
  { phase: Phase.TOOL_CALL, ...SYNTAX_MARKS.hermes },
];

const NAMES: Readonly<Record<number, string>> = {
  [Phase.TEXT]: "text",
  [Phase.THINK]: "think",
  [Phase.TOOL_CALL]: "tool_call",
  [Phase.TEMPLATE]: "template",
};

/** Markers by model. */
export interface PhaseMarkers {
  /**
   * What tells the phases of a model apart; none if no use has a mask.
   * @throws TrimtabError UNSUPPORTED for a phase that the model has no tokens for, FIELD_OUT_OF_RANGE for one that is none
   */
  of(uses: readonly SteeringUse[], modelDigest: string): Promise<readonly PhaseMarker[]>;
}

/** Asks the tokenizer, once a model. */
export function createPhaseMarkers({ tokenizer }: Pick<SteeringClients, "tokenizer">): PhaseMarkers {
  const known = new Map<string, Promise<readonly PhaseMarker[]>>();
  async function read(modelDigest: string): Promise<readonly PhaseMarker[]> {
    const texts = [...new Set(SPELLINGS.flatMap(({ open, close }) => (close ? [open, close] : [open])))];
    const { encodings } = await tokenizer.encode({ modelDigest, texts, parseSpecial: true });
    const idOf = new Map(texts.map((text, index) => [text, singleOf(encodings[index]?.ids ?? [])]));
    return SPELLINGS.flatMap(({ phase, open, close }) => {
      const [openId, closeId] = [idOf.get(open), close === undefined ? undefined : idOf.get(close)];
      if (openId === undefined || (close !== undefined && closeId === undefined)) return [];
      return [create(PhaseMarkerSchema, { phase, openId, ...(closeId === undefined ? {} : { closeId }) })];
    });
  }
  return {
    async of(uses, modelDigest) {
      const wanted = new Set(uses.flatMap(({ phases }) => phases));
      if (wanted.size === 0) return [];
      const reading = known.get(modelDigest) ?? read(modelDigest);
      known.set(modelDigest, reading);
      reading.catch(() => known.delete(modelDigest));
      const markers = await reading;
      for (const phase of wanted) checkPhase(phase, markers);
      return markers;
    },
  };
}

const singleOf = (ids: readonly number[]): number | undefined => (ids.length === 1 ? ids[0] : undefined);

function checkPhase(phase: Phase, markers: readonly PhaseMarker[]): void {
  const name = NAMES[phase];
  if (name === undefined) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", "unknown phase", {
      field: "steering.phases",
      limit: Object.values(NAMES).join(", "),
    });
  }
  if (phase === Phase.TEXT || markers.some((marker) => marker.phase === phase)) return;
  throw new TrimtabError("UNSUPPORTED", `the model has no tokens that mark ${name}`, {
    field: "steering.phases",
  });
}
