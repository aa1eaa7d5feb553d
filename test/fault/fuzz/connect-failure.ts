/** What the Connect protocol says of a refused call, and how a message that is none is told from one that is refused. */
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import type { Hono } from "hono";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { checkField } from "./field-paths.ts";
import { RefusedAs } from "./target.ts";

/** The body of a refusal. */
export interface ConnectFailure {
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** Messages of what is no message of the schema. */
export const MALFORMED = /parse binary|malformed/i;

/** Calls a unary method; what it is refused with, if it is. */
export async function callUnary(
  app: Hono,
  path: string,
  body: Uint8Array,
): Promise<ConnectFailure | undefined> {
  const headers = { "content-type": "application/proto" };
  const response = await app.request(path, { method: "POST", headers, body: Buffer.from(body) });
  if (!response.ok) return (await response.json()) as ConnectFailure;
  await response.arrayBuffer();
  return undefined;
}

/** A failed call as a refusal, whose field must be one of the request. Errors without our details are the framework's own: unexplained. */
export function refusalOf(request: DescMessage, { message = "", details = [] }: ConnectFailure): RefusedAs {
  const found = details.find(({ type }) => type === "google.rpc.ErrorInfo");
  if (!found) return new RefusedAs("UNKNOWN", message);
  const { reason, metadata } = fromBinary(ErrorInfoSchema, Buffer.from(found.value, "base64"));
  checkField(request, reason, metadata["field"], message);
  return new RefusedAs(reason, message);
}
