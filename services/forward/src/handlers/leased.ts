/** Fork, Truncate, Renew, Release, Stop of sequences that outlive a call, under a lease. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CHILDREN } from "../../limits.ts";
import { checkRange } from "../schema/checks.ts";
import type { Leases } from "../leases.ts";
import { toLeaseMs } from "../leases.ts";
import type { Registry } from "../registry.ts";

type Handlers = Pick<ServiceImpl<typeof ForwardService>, "fork" | "truncate" | "renew" | "release" | "stop">;

/** Handlers that change leased sequences. */
export function createLeasedHandlers(registry: Registry, leases: Leases): Handlers {
  return {
    async fork({ modelDigest, sequence: name, children: count }, { signal }) {
      const engine = registry.engine(modelDigest);
      checkRange("children", count, 1, MAX_CHILDREN);
      const { sequence, leaseMs } = leases.find(engine, name);
      const children = Array.from({ length: count }, () => engine.newSequence());
      const { copiedPages } = await engine.call({ type: "fork", sequence, children });
      if (signal.aborted) {
        // Nobody hears their names.
        void engine.call({ type: "release", sequences: children }).catch(() => undefined);
        throw signal.reason;
      }
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
      const sequences = leases.findAll(engine, names).map(({ sequence }) => sequence);
      await engine.call({ type: "stop", sequences });
      return {};
    },
  };
}
