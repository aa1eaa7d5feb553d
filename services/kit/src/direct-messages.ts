/**
 * Messages of a streamed gRPC answer, written as they come: framed here, straight to the HTTP/2 response. The pipeline of connect-es,
 * eight generators deep, is left with the headers of an answer without messages, its end and its trailers: so errors, deadlines and
 * limits are the same as ever. It cost the gateway almost half of its processor time of a token. A handler that has a message in its
 * hands may also send it at once, past the iterators between: those were most of the rest.
 */
import type { Message } from "@bufbuild/protobuf";
import { createContextKey, type Interceptor } from "@connectrpc/connect";
import { createMethodSerializationLookup } from "@connectrpc/connect/protocol";
import type { Http2ServerResponse } from "node:http2";

/** Context value with the response of a call whose messages may be written directly. */
export const directKey = createContextKey<Http2ServerResponse | undefined>(undefined, {
  description: "response",
});

/** Sends a message of the answer now. False: it is not sent (there is no room, or another is on its way), and is to be yielded. */
export type Send = (message: Message) => boolean;

/** Context value for handlers of streamed answers, absent where messages can only be yielded. Those that were yielded are sent before. */
export const sendKey = createContextKey<Send | undefined>(undefined, { description: "send" });

const OK = 200;
const PREFIX_BYTES = 5;
/** What says that messages are protobuf, and that they are gRPC's. */
const BINARY = /^application\/grpc(?:\+proto)?(?:;|$)/i;

/** Outermost of a listener's interceptors. Messages are never compressed, as in all our answers. */
export function writeDirectly(maxBytes: number): Interceptor {
  return (next) => async (request) => {
    const response = request.contextValues.get(directKey);
    if (!response || !BINARY.test(request.header.get("content-type") ?? "")) return await next(request);
    const limits = { readMaxBytes: maxBytes, writeMaxBytes: maxBytes };
    const form = createMethodSerializationLookup(request.method, undefined, undefined, limits).getO(true);
    const { serialize } = form;
    const way: Way = { response, serialize, header: undefined, isFull: false, signal: request.signal };
    request.contextValues.set(sendKey, (message) => sendOn(way, message));
    const answered = await next(request);
    if (!answered.stream) return answered;
    return { ...answered, message: written(answered.message, way, answered.header) };
  };
}

interface Way {
  readonly response: Http2ServerResponse;
  readonly serialize: (message: Message) => Uint8Array;
  readonly signal: AbortSignal;
  /** Of the answer, while its next message is waited for; leaves with the first one. */
  header: Headers | undefined;
  /** The last write found no room for another. */
  isFull: boolean;
}

function sendOn(way: Way, message: Message): boolean {
  if (!way.header || way.isFull || way.signal.aborted) return false;
  write(way.serialize(message), way, way.header);
  return true;
}

/** What is left of `messages` for the rest of the pipeline when all of them are written: their end, or their error. */
function written<T extends Message>(messages: AsyncIterable<T>, way: Way, header: Headers): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const source = messages[Symbol.asyncIterator]();
      return {
        async next() {
          for (;;) {
            let result: IteratorResult<T>;
            way.header = header;
            try {
              result = await source.next();
            } finally {
              way.header = undefined;
            }
            if (result.done) return { done: true, value: undefined };
            try {
              write(way.serialize(result.value), way, header);
              if (way.isFull) await room(way);
            } catch (error) {
              // Not awaited: it may wait for something that never comes.
              source.return?.().then(undefined, () => undefined);
              throw error;
            }
          }
        },
        async return(value?: unknown) {
          await source.return?.();
          return { done: true, value };
        },
      };
    },
  };
}

function write(message: Uint8Array, way: Way, header: Headers): void {
  const { response } = way;
  if (!response.headersSent) response.writeHead(OK, Object.fromEntries(header));
  way.isFull = !response.write(framed(message));
}

/** A message behind its prefix: no flags, and its length. Without a view, which is dear to make. */
function framed(message: Uint8Array): Uint8Array {
  const { length } = message;
  const frame = new Uint8Array(PREFIX_BYTES + length);
  for (let at = PREFIX_BYTES - 1, rest = length; rest > 0; at--, rest = Math.floor(rest / 256))
    frame[at] = rest & 255;
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Resolves when there is room again, or nobody left to write to: that the call's signal tells. */
function room(way: Way): Promise<void> {
  const { response } = way;
  return new Promise((resolve) => {
    const { stream } = response;
    const done = (): void => {
      response.off("drain", done).off("close", done);
      way.isFull = false;
      resolve();
    };
    if (!stream || stream.destroyed || stream.closed) return done();
    response.on("drain", done).on("close", done);
  });
}
