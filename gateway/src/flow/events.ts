/** The events of a generation. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type GenerateResponse,
  GenerateResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

type EventInit = NonNullable<MessageInitShape<typeof GenerateResponseSchema>["event"]>;

/** Wraps an event. */
export function eventOf(event: EventInit): GenerateResponse {
  return create(GenerateResponseSchema, { event });
}
