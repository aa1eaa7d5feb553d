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
  };
}
