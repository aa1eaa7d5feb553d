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

/** Errors without our details are the framework's own, and count as unexplained. */
export function reasonOf(details: NonNullable<ConnectFailure["details"]>): string {
  const info = details.find(({ type }) => type === "google.rpc.ErrorInfo");
  return info ? fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason : "UNKNOWN";
}
