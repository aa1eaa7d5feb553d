/** What the Connect protocol says of a refused call, and how a message that is none is told from one that is refused. */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";

/** The body of a refusal. */
export interface ConnectFailure {
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** Messages of what is no message of the schema. */
export const MALFORMED = /parse binary|malformed/i;

/** Reason and field of a refusal. Errors without our details are the framework's own, and count as unexplained. */
export function whyRefused(details: NonNullable<ConnectFailure["details"]>): {
  reason: string;
  field?: string;
} {
  const found = details.find(({ type }) => type === "google.rpc.ErrorInfo");
  if (!found) return { reason: "UNKNOWN" };
  const { reason, metadata } = fromBinary(ErrorInfoSchema, Buffer.from(found.value, "base64"));
  return { reason, ...(metadata["field"] === undefined ? {} : { field: metadata["field"] }) };
}
