/** Events of a session on their way out: gathered into messages below 16 KiB, in order. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { plainError } from "../plain-error.ts";
import type { StreamEvent } from "../engine/client.ts";
import type { SessionResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type EventInit, sessionFrames } from "../schema/session-frames.ts";
import { fromTokens } from "../schema/generation.ts";
import { activationFrames } from "../schema/tensors.ts";

/** The outgoing half of a session. */
export interface SessionEvents {
  push(event: EventInit): void;
  /** Pushes what streams out of a command. */
  stream(sequenceId: bigint, commandId: bigint, event: StreamEvent): void;
  /** Pushes the failure of a command. */
  failed(sequenceId: bigint, commandId: bigint, error: unknown): void;
  /** Ends the messages after the events already pushed. */
  end(): void;
  /** Ends the messages with an error. */
  fail(error: unknown): void;
  messages(): AsyncGenerator<MessageInitShape<typeof SessionResponseSchema>>;
}

/** An empty queue of events. */
export function createSessionEvents(): SessionEvents {
  let queue: EventInit[] = [];
  let state: { kind: "open" } | { kind: "ended" } | { kind: "failed"; error: unknown } = { kind: "open" };
  let wake = Promise.withResolvers<void>();
  const push = (event: EventInit): void => {
    queue.push(event);
    wake.resolve();
  };
  const close = (next: typeof state): void => {
    if (state.kind === "open") state = next;
    wake.resolve();
  };
  return {
    push,
    stream(sequenceId, commandId, event) {
      if (event.type === "tokens") {
        push({
          sequenceId,
          commandId,
          event: { case: "tokens", value: { tokens: fromTokens(event.tokens) } },
        });
      } else if (event.type === "parked") {
        const { generatedTokens } = event;
        push({ sequenceId, commandId, event: { case: "parked", value: { generatedTokens } } });
      } else {
        for (const value of event.activations.flatMap(activationFrames)) {
          push({ sequenceId, commandId, event: { case: "activation", value } });
        }
      }
    },
    failed(sequenceId, commandId, error) {
      const { reason, message, field = "", limit = "" } = plainError(error);
      push({ sequenceId, commandId, event: { case: "failed", value: { reason, message, field, limit } } });
    },
    end: () => close({ kind: "ended" }),
    fail: (error) => close({ kind: "failed", error }),
    async *messages() {
      for (;;) {
        await wake.promise;
        wake = Promise.withResolvers<void>();
        const batch = queue;
        queue = [];
        yield* sessionFrames(batch);
        if (queue.length > 0) wake.resolve();
        else if (state.kind === "failed") throw state.error;
        else if (state.kind === "ended") return;
      }
    },
  };
}
