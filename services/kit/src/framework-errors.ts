/**
 * Errors that connect-es answers before any interceptor runs (malformed or oversized unary requests, bad deadlines,
 * unknown compressions) get the same details as all others, and malformed messages become INVALID_ARGUMENT.
 *
 * Such an error is in the response of the handler: in the gRPC trailer, in the gRPC-Web trailer frame, or in the JSON
 * body of a failed Connect call. Anything with our `ErrorInfo` passes untouched.
 */
import { ConnectError } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorFromJsonBytes, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { ErrorInfoSchema } from "#proto/google/rpc/error_details_pb.ts";
import { ERROR_DOMAIN, toConnectError } from "./errors.ts";
import { normaliseFramework } from "./interceptors.ts";

const FRAME_HEADER_BYTES = 5;
const MAX_ERROR_BYTES = 64 * 1024;

/** Wraps the handler of one method. Cost: nothing for answers without an error. */
export function mapFrameworkErrors(handler: UniversalHandlerFn): UniversalHandlerFn {
  return async (request) => {
    const response = await handler(request);
    const type = response.header?.get("content-type") ?? "";
    if (type.startsWith("application/grpc-web")) return mapWebTrailer(response);
    if (type.startsWith("application/grpc")) return mapTrailer(response);
    if (response.status >= 400 && type === "application/json") return mapJson(response);
    return response;
  };
}

function rewritten(error: ConnectError): ConnectError | undefined {
  if (error.findDetails(ErrorInfoSchema).some((info) => info.domain === ERROR_DOMAIN)) return undefined;
  return toConnectError(normaliseFramework(error));
}

function mapTrailer(response: UniversalServerResponse): UniversalServerResponse {
  // A unary error is in the trailer before the first body byte; errors of streams went through the interceptors.
  const trailer = response.trailer;
  const error = trailer && findTrailerError(trailer);
  const better = error && rewritten(error);
  if (trailer && better) setTrailerStatus(trailer, better);
  return response;
}

function mapWebTrailer(response: UniversalServerResponse): UniversalServerResponse {
  const body = response.body;
  if (!body) return response;
  return { ...response, body: mapChunks(body, mapWebFrame) };
}

/** A chunk that is one whole trailer frame with a foreign error → the same with our details. */
function mapWebFrame(chunk: Uint8Array): Uint8Array {
  if (chunk.length < FRAME_HEADER_BYTES || chunk[0] !== trailerFlag) return chunk;
  const trailer = trailerParse(chunk.subarray(FRAME_HEADER_BYTES));
  const error = findTrailerError(trailer);
  const better = error && rewritten(error);
  if (!better) return chunk;
  setTrailerStatus(trailer, better);
  const payload = trailerSerialize(trailer);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  frame[0] = trailerFlag;
  new DataView(frame.buffer).setUint32(1, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

async function mapJson(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  if (!response.body) return response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  const same = { ...response, body: mapChunks([bytes], (chunk) => chunk) };
  if (bytes.length > MAX_ERROR_BYTES) return same;
  const error = errorFromJsonBytes(bytes, undefined, new ConnectError("unreadable error"));
  const better = rewritten(error);
  if (!better) return same;
  const body = errorToJsonBytes(better, undefined);
  const header = new Headers(response.header);
  header.set("content-length", String(body.length));
  return {
    ...response,
    status: codeToHttpStatus(better.code),
    header,
    body: mapChunks([body], (chunk) => chunk),
  };
}

async function* mapChunks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  map: (chunk: Uint8Array) => Uint8Array,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) yield map(chunk);
}
