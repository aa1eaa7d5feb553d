/** Events of a session cut into messages of at most a frame. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EventSchema, SessionResponseSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_FRAME_BYTES } from "../../limits.ts";
import { frameBytes } from "./tensors.ts";

/** An event as plain data. */
export type EventInit = MessageInitShape<typeof EventSchema>;

/** Rough bytes of an event besides its activation, and of one token. */
const EVENT_BYTES = 64;
const TOKEN_BYTES = 256;

/** Events gathered into messages, in order; an event over a frame is alone. */
export function* sessionFrames(
  events: readonly EventInit[],
): Generator<MessageInitShape<typeof SessionResponseSchema>> {
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
