/** Score and Capture: many texts at once, nothing left behind. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { createPushable } from "#kit/streams.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CANDIDATES, MAX_ITEMS, MAX_TOP_LOGPROBS } from "../../limits.ts";
import type { Engine } from "../engine/client.ts";
import type { ForestOpen } from "../engine/forest.ts";
import { openForest } from "../engine/forest.ts";
import type { Opened } from "../engine/protocol.ts";
import { checkCount, checkRange, fromTokens, toBinding, toTaps } from "./convert.ts";
import { checkTapBytes, toForestOpen } from "./opens.ts";
import type { Registry } from "./registry.ts";
import { activationFrames } from "./tensors.ts";

type Handlers = Pick<ServiceImpl<typeof ForwardService>, "score" | "capture">;

/** Handlers that compute texts and keep no sequence. */
export function createReadOnlyHandlers(registry: Registry): Handlers {
  return {
    async score({ modelDigest, items, topLogprobs, program, candidateIds: candidates }, { signal }) {
      const engine = registry.engine(modelDigest);
      checkCount("items", items.length, MAX_ITEMS);
      checkCount("candidate_ids", candidates.length, MAX_CANDIDATES);
      checkRange("top_logprobs", topLogprobs, 0, MAX_TOP_LOGPROBS);
      for (const id of candidates) checkRange("candidate_ids", id, 0, engine.model.vocabulary - 1);
      const binding = toBinding(program);
      const texts = items.map(({ ids, first }, index) => {
        checkRange(`items[${index}].first`, first, 1, Math.max(1, ids.length - 1));
        if (ids.length < 2) {
          throw new TrimtabError("FIELD_REQUIRED", "an item needs two tokens", {
            field: `items[${index}].ids`,
          });
        }
        const score = { first, topLogprobs, candidates };
        const text = { sequence: engine.newSequence(), ids, promptTokens: first, taps: [], binding, score };
        return toForestOpen({ ...text, transient: true });
      });
      const opened = await Promise.all(openAll(engine, texts, signal));
      const sum = (pick: (one: Opened) => number) => opened.reduce((total, one) => total + pick(one), 0);
      return {
        items: opened.map(({ scored, candidateLogprobs }) => {
          return { tokens: fromTokens(scored), candidateLogprobs: [...candidateLogprobs] };
        }),
        usage: {
          prefilledTokens: sum((one) => one.prefilledTokens),
          reusedTokens: sum((one) => one.reusedTokens),
        },
      };
    },
    async *capture({ modelDigest, items, taps: asked, program }, { signal }) {
      const engine = registry.engine(modelDigest);
      checkCount("items", items.length, MAX_ITEMS);
      const taps = toTaps(asked, engine.model);
      if (taps.length === 0) throw new TrimtabError("FIELD_REQUIRED", "taps are missing", { field: "taps" });
      checkTapBytes(
        items.map(({ ids }) => ({ ids, taps })),
        engine.model,
      );
      const out = createPushable<{ itemIndex: number; activations: ReturnType<typeof activationFrames> }>(
        Number.POSITIVE_INFINITY,
      );
      const texts = items.map(({ ids, first }, itemIndex) => {
        if (ids.length === 0) {
          throw new TrimtabError("FIELD_REQUIRED", "an item has no ids", {
            field: `items[${itemIndex}].ids`,
          });
        }
        checkRange(`items[${itemIndex}].first`, first, 0, ids.length - 1);
        return toForestOpen({
          sequence: engine.newSequence(),
          ids,
          promptTokens: first > 0 ? first : ids.length,
          taps: taps.map((tap) => (tap.positions === "range" && first > 0 ? { ...tap, first } : tap)),
          binding: toBinding(program),
          score: null,
          transient: true,
          onEvent: (event) => {
            if (event.type !== "activation") return;
            for (const frame of activationFrames(event.activation))
              out.push({ itemIndex, activations: [frame] });
          },
        });
      });
      Promise.all(openAll(engine, texts, signal)).then(() => out.end(), out.fail);
      yield* out;
    },
  };
}

/** Opens all texts; when the caller leaves or one of them fails, the others are released. */
function openAll(engine: Engine, texts: readonly ForestOpen[], signal: AbortSignal): Promise<Opened>[] {
  const answers = openForest(engine, texts);
  const sequences = texts.map(({ command }) => command.sequence);
  const release = () => void engine.call({ type: "release", sequences }).catch(() => undefined);
  signal.addEventListener("abort", release);
  Promise.all(answers).then(() => signal.removeEventListener("abort", release), release);
  return answers;
}
