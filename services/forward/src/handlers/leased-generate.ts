/** Generate: tokens of a leased sequence as a stream; a client that leaves stops the generation, not the lease. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { createPushable } from "#kit/streams.ts";
import type { ForwardService, GenerateResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { StreamEvent } from "../engine/client.ts";
import { fromFinished, fromTokens, toGenerate } from "../schema/generation.ts";
import type { Leases } from "../leases.ts";
import type { Registry } from "../registry.ts";
import { activationFrames } from "../schema/tensors.ts";

type Response = MessageInitShape<typeof GenerateResponseSchema>;

/** The Generate handler. */
export function createGenerateHandler(
  registry: Registry,
  leases: Leases,
): Pick<ServiceImpl<typeof ForwardService>, "generate"> {
  return {
    async *generate({ modelDigest, sequence: name, generate }, { signal }) {
      const engine = registry.engine(modelDigest);
      if (!generate) throw new TrimtabError("FIELD_REQUIRED", "generate is missing", { field: "generate" });
      if (generate.parkEveryTokens > 0) {
        const message = "parking needs a session, where coefficients can be sent";
        throw new TrimtabError("INVALID_ARGUMENT", message, { field: "generate.park_every_tokens" });
      }
      const { sequence } = leases.find(engine, name);
      const command = { ...toGenerate(generate, engine.model), sequence };
      const out = createPushable<Response>(Number.POSITIVE_INFINITY);
      const onEvent = (event: StreamEvent) => responses(event).forEach((response) => out.push(response));
      const leaving = new AbortController();
      const leave = (): void => leaving.abort();
      signal.addEventListener("abort", leave);
      leases
        .during(name, () => engine.generate(command, onEvent, leaving.signal))
        .then((finished) => out.push({ event: { case: "finished", value: fromFinished(finished) } }))
        .then(() => out.end(), out.fail);
      try {
        yield* out;
      } finally {
        signal.removeEventListener("abort", leave);
        leave();
      }
    },
  };
}

function responses(event: StreamEvent): Response[] {
  if (event.type === "tokens")
    return [{ event: { case: "tokens", value: { tokens: fromTokens(event.tokens) } } }];
  if (event.type !== "activations") return [];
  return event.activations
    .flatMap(activationFrames)
    .map((value) => ({ event: { case: "activation", value } }));
}
