/** Score: log-probabilities of the tokens of many texts at once, nothing left behind. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CANDIDATES, MAX_ITEMS, MAX_TOP_LOGPROBS } from "../../limits.ts";
import type { Opened } from "../engine/protocol.ts";
import { toCaller } from "./caller.ts";
import { checkCount, checkRange } from "../schema/checks.ts";
import { fromTokens } from "../schema/generation.ts";
import { toBinding } from "../schema/program.ts";
import type { ForestOpen } from "../engine/forest.ts";
import { openAll } from "./open-all.ts";
import { toForestOpen } from "../schema/opens.ts";
import type { Registry } from "../registry.ts";

/** The Score handler. */
export function createScoreHandler(registry: Registry): Pick<ServiceImpl<typeof ForwardService>, "score"> {
  return {
    async score(request, { signal, timeoutMs }) {
      const { modelDigest, items, topLogprobs, program, candidateIds: candidates } = request;
      const engine = registry.engine(modelDigest);
      const caller = toCaller(request.caller, timeoutMs());
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
        const text = { caller, ids, promptTokens: first, taps: [], binding, score, transient: true };
        return toForestOpen({ ...text, sequence: engine.newSequence() });
      });
      const opened =
        request.maxTokens > 0
          ? await openWithin(
              request.maxTokens,
              texts,
              (one, index) => openAll(engine, [one], signal, index)[0],
            )
          : await Promise.all(openAll(engine, texts, signal));
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
  };
}

/** Opens texts one after the other while what they compute stays within a bound; the others have computed and read nothing. */
async function openWithin(
  maxTokens: number,
  texts: readonly ForestOpen[],
  open: (text: ForestOpen, index: number) => Promise<Opened> | undefined,
): Promise<Opened[]> {
  let left = maxTokens;
  const opened: Opened[] = [];
  for (const [index, text] of texts.entries()) {
    const bounded = { ...text, command: { ...text.command, mostTokens: left } };
    const one = await open(bounded, index)?.catch((error: unknown) => {
      if (error instanceof TrimtabError && error.reason === "TOO_LARGE") return undefined;
      throw error;
    });
    left -= one?.prefilledTokens ?? 0;
    opened.push(one ?? NOTHING);
  }
  return opened;
}

const NOTHING: Opened = {
  ...{ prefilledTokens: 0, reusedTokens: 0, queueMs: 0, prefillMs: 0 },
  ...{ scored: [], candidateLogprobs: [] },
};
