/** Events of a session on their way out: gathered into messages below 16 KiB, in order. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { plainError } from "../engine/state.ts";
import type { StreamEvent } from "../engine/client.ts";
import type { EventSchema, SessionResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_FRAME_BYTES } from "../../limits.ts";
import { fromTokens } from "./convert.ts";
import { activationFrames, frameBytes } from "./tensors.ts";

/** An event as plain data. */
export type EventInit = MessageInitShape<typeof EventSchema>;

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

/** Rough bytes of an event besides its activation, and of one token. */
const EVENT_BYTES = 64;
const TOKEN_BYTES = 256;

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
        yield* frames(batch);
        if (queue.length > 0) wake.resolve();
        else if (state.kind === "failed") throw state.error;
        else if (state.kind === "ended") return;
      }
    },
  };
}

function* frames(events: readonly EventInit[]): Generator<MessageInitShape<typeof SessionResponseSchema>> {
  let frame: EventInit[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = sizeOf(event);
    if (frame.length > 0 && bytes + size > MAX_FRAME_BYTES) {
      yield { events: frame };
      frame = [];
      bytes = 0;
    }
    frame.push(event);
    bytes += size;
  }
  if (frame.length > 0) yield { events: frame };
}

function sizeOf({ event }: EventInit): number {
  if (event?.case === "activation") return EVENT_BYTES + frameBytes(event.value);
  if (event?.case === "tokens") return EVENT_BYTES + (event.value.tokens?.length ?? 0) * TOKEN_BYTES;
  return EVENT_BYTES;
}
