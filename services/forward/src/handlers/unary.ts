/** Open, Generate, Fork, Truncate, Renew, Release, Stop: sequences that outlive a call, under a lease. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { createPushable } from "#kit/streams.ts";
import type { ForwardService, GenerateResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CHILDREN, MAX_INLINE_BYTES } from "../../limits.ts";
import { openForest } from "../engine/forest.ts";
import type { Activation } from "../engine/taps.ts";
import { checkRange, fromFinished, fromTokens, toGenerate } from "./convert.ts";
import type { Leases } from "./leases.ts";
import { toLeaseMs } from "./leases.ts";
import { toForestOpen, toText } from "./opens.ts";
import type { Registry } from "./registry.ts";
import { activationFrames } from "./tensors.ts";

type Handlers = Pick<
  ServiceImpl<typeof ForwardService>,
  "open" | "generate" | "fork" | "truncate" | "renew" | "release" | "stop"
>;

/** Handlers of leased sequences. */
export function createUnaryHandlers(registry: Registry, leases: Leases): Handlers {
  return {
    async open({ modelDigest, open, leaseMs: asked }, { signal }) {
      const engine = registry.engine(modelDigest);
      if (!open) throw new TrimtabError("FIELD_REQUIRED", "open is missing", { field: "open" });
      const leaseMs = toLeaseMs(asked);
      const sequence = engine.newSequence();
      const read: Activation[] = [];
      const text = toText(open, sequence, engine.model);
      const onAbort = () =>
        void engine.call({ type: "release", sequences: [sequence] }).catch(() => undefined);
      signal.addEventListener("abort", onAbort);
      const collect = {
        ...text,
        onEvent: (event: { type: string; activation?: Activation }) => {
          if (event.activation) read.push(event.activation);
        },
      };
      const [answer] = openForest(engine, [toForestOpen(collect)]);
      const opened = await answer;
      if (read.reduce((sum, { values }) => sum + values.byteLength, 0) > MAX_INLINE_BYTES) {
        onAbort();
        const message = "these activations are too large for one answer; use Session or Capture";
        throw new TrimtabError("TOO_LARGE", message, {
          field: "open.taps",
          limit: `${MAX_INLINE_BYTES} bytes`,
        });
      }
      signal.removeEventListener("abort", onAbort);
      const name = leases.add({ engine, sequence, leaseMs });
      return { sequence: name, activations: read.flatMap(activationFrames), ...(opened ? { opened } : {}) };
    },
    async *generate({ modelDigest, sequence: name, generate }, { signal }) {
      const engine = registry.engine(modelDigest);
      if (!generate) throw new TrimtabError("FIELD_REQUIRED", "generate is missing", { field: "generate" });
      const { sequence } = leases.find(engine, name);
      const command = { ...toGenerate({ ...generate, parkEveryTokens: 0 }, engine.model), sequence };
      const out = createPushable<MessageInitShape<typeof GenerateResponseSchema>>(Number.POSITIVE_INFINITY);
      const onAbort = () => void engine.call({ type: "stop", sequences: [sequence] }).catch(() => undefined);
      signal.addEventListener("abort", onAbort);
      const running = leases.during(name, () =>
        engine.call(command, (event) => {
          if (event.type === "tokens") {
            out.push({ event: { case: "tokens", value: { tokens: fromTokens(event.tokens) } } });
          } else if (event.type === "activation") {
            for (const value of activationFrames(event.activation))
              out.push({ event: { case: "activation", value } });
          }
        }),
      );
      running.then((finished) => {
        out.push({ event: { case: "finished", value: fromFinished(finished) } });
        out.end();
      }, out.fail);
      try {
        yield* out;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    async fork({ modelDigest, sequence: name, children: count }) {
      const engine = registry.engine(modelDigest);
      checkRange("children", count, 1, MAX_CHILDREN);
      const { sequence, leaseMs } = leases.find(engine, name);
      const children = Array.from({ length: count }, () => engine.newSequence());
      const { copiedPages } = await engine.call({ type: "fork", sequence, children });
      return {
        sequences: children.map((child) => leases.add({ engine, sequence: child, leaseMs })),
        copiedPages,
      };
    },
    async truncate({ modelDigest, sequence: name, tokens }) {
      const engine = registry.engine(modelDigest);
      const { sequence } = leases.find(engine, name);
      await engine.call({ type: "truncate", sequence, tokens });
      return {};
    },
    async renew({ modelDigest, sequences, leaseMs }) {
      leases.renew(registry.engine(modelDigest), sequences, toLeaseMs(leaseMs));
      return {};
    },
    async release({ modelDigest, sequences }) {
      await leases.release(registry.engine(modelDigest), sequences);
      return {};
    },
    async stop({ modelDigest, sequences: names }) {
      const engine = registry.engine(modelDigest);
      const sequences = names.map((name) => leases.find(engine, name).sequence);
      await engine.call({ type: "stop", sequences });
      return {};
    },
  };
}
