/** Open: a sequence under a lease, with the activations asked for in the answer. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError, underField } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_INLINE_BYTES } from "../../limits.ts";
import type { StreamEvent } from "../engine/client.ts";
import { openForest } from "../engine/forest.ts";
import type { Activation } from "../engine/taps.ts";
import { toCaller } from "./caller.ts";
import type { Leases } from "../leases.ts";
import { toLeaseMs } from "../leases.ts";
import { tapBytes, toForestOpen, toText } from "../schema/opens.ts";
import type { Registry } from "../registry.ts";
import { activationFrames } from "../schema/tensors.ts";

/** The Open handler. */
export function createOpenHandler(
  registry: Registry,
  leases: Leases,
): Pick<ServiceImpl<typeof ForwardService>, "open"> {
  return {
    async open({ modelDigest, open, leaseMs: asked, caller: given }, { signal, timeoutMs }) {
      const engine = registry.engine(modelDigest);
      if (!open) throw new TrimtabError("FIELD_REQUIRED", "open is missing", { field: "open" });
      const leaseMs = toLeaseMs(asked);
      const sequence = engine.newSequence();
      const read: Activation[] = [];
      const onEvent = (event: StreamEvent) => {
        if (event.type === "activations") read.push(...event.activations);
      };
      const caller = toCaller(given, timeoutMs());
      const release = () =>
        void engine.call({ type: "release", sequences: [sequence] }).catch(() => undefined);
      signal.addEventListener("abort", release);
      try {
        const opened = await underField(/^/, "open.", () => {
          const text = toText(open, sequence, caller, engine.model);
          // What is plainly too large is not computed; how wide projected rows are is seen then.
          checkInline(tapBytes([text], engine.model, 1), "taps");
          return openForest(engine, [toForestOpen({ ...text, onEvent })])[0];
        });
        checkInline(
          read.reduce((sum, { values }) => sum + values.byteLength, 0),
          "open.taps",
        );
        if (signal.aborted) throw signal.reason;
        const name = leases.add({ engine, sequence, leaseMs });
        return { sequence: name, activations: read.flatMap(activationFrames), ...(opened ? { opened } : {}) };
      } catch (error) {
        release();
        throw error;
      } finally {
        signal.removeEventListener("abort", release);
      }
    },
  };
}

function checkInline(bytes: number, field: string): void {
  if (bytes <= MAX_INLINE_BYTES) return;
  const message = "these activations are too large for one answer; use Session or Capture";
  throw new TrimtabError("TOO_LARGE", message, { field, limit: `${MAX_INLINE_BYTES} bytes` });
}
