/** Capture: activations of many texts at once, nothing left behind. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_ITEMS } from "../../limits.ts";
import { createActivationStream, READER_LIMITS } from "./activation-stream.ts";
import { toCaller } from "./caller.ts";
import { checkCount, checkRange } from "../schema/checks.ts";
import { toBinding } from "../schema/program.ts";
import { toTaps } from "../schema/taps.ts";
import { openAll } from "./open-all.ts";
import { checkTapBytes, toForestOpen } from "../schema/opens.ts";
import type { TapSpec } from "../engine/taps.ts";
import type { Registry } from "../registry.ts";

/** The Capture handler. */
export function createCaptureHandler(
  registry: Registry,
  limits = READER_LIMITS,
): Pick<ServiceImpl<typeof ForwardService>, "capture"> {
  return {
    async *capture({ modelDigest, items, taps: asked, program, caller: given }, { signal, timeoutMs }) {
      const engine = registry.engine(modelDigest);
      const caller = toCaller(given, timeoutMs());
      checkCount("items", items.length, MAX_ITEMS);
      const taps = toTaps(asked, engine.model);
      if (taps.length === 0) throw new TrimtabError("FIELD_REQUIRED", "taps are missing", { field: "taps" });
      const tapsFrom = (first: number): TapSpec[] =>
        taps.map((tap) => (tap.positions === "range" && first > 0 ? { ...tap, first } : tap));
      checkTapBytes(
        items.map(({ ids, first }) => ({ ids, taps: tapsFrom(first) })),
        engine.model,
      );
      const sequences = items.map(() => engine.newSequence());
      const out = createActivationStream(engine, sequences, limits);
      const texts = items.map(({ ids, first }, itemIndex) => {
        if (ids.length === 0) {
          throw new TrimtabError("FIELD_REQUIRED", "an item has no ids", {
            field: `items[${itemIndex}].ids`,
          });
        }
        checkRange(`items[${itemIndex}].first`, first, 0, ids.length - 1);
        return toForestOpen({
          sequence: sequences[itemIndex] ?? engine.newSequence(),
          caller,
          ids,
          promptTokens: first > 0 ? first : ids.length,
          taps: tapsFrom(first),
          binding: toBinding(program),
          score: null,
          transient: true,
          onEvent: (event) => {
            if (event.type === "activations") out.push(itemIndex, event.activations);
          },
        });
      });
      Promise.all(openAll(engine, texts, signal)).then(() => out.end(), out.fail);
      yield* out.messages();
    },
  };
}
