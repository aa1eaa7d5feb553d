/** PrepareConstraint: compiles a grammar ahead of its use. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { toCaller } from "./caller.ts";
import type { Registry } from "../registry.ts";
import { toConstraint } from "../schema/constraint.ts";

/** The PrepareConstraint handler. */
export function createConstraintHandler(
  registry: Registry,
): Pick<ServiceImpl<typeof ForwardService>, "prepareConstraint"> {
  return {
    async prepareConstraint({ modelDigest, constraint, caller }) {
      const engine = registry.engine(modelDigest);
      const grammar = toConstraint(constraint);
      if (!grammar)
        throw new TrimtabError("FIELD_REQUIRED", "constraint is missing", { field: "constraint" });
      await engine.call({ type: "constraint", grammar, key: toCaller(caller, undefined).fairnessKey });
      return {};
    },
  };
}
