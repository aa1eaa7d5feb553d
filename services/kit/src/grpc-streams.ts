/**
 * Streamed gRPC calls of our clients: requests, interceptors, deadlines and errors are connect-es', the messages of answers are read by
 * `message-reader.ts`, past its iterators.
 */
import type { Message } from "@bufbuild/protobuf";
import { createContextKey, createContextValues, type Interceptor, type Transport } from "@connectrpc/connect";
import { createNodeHttpClient, type Http2SessionManager } from "@connectrpc/connect-node";
import {
  createMethodSerializationLookup,
  createMethodUrl,
  pipe,
  runStreamingCall,
  transformJoinEnvelopes,
  transformSerializeEnvelope,
  type UniversalClientRequest,
  type UniversalClientResponse,
} from "@connectrpc/connect/protocol";
import {
  requestHeaderWithCompression,
  validateResponseWithCompression,
  validateTrailer,
} from "@connectrpc/connect/protocol-grpc";
import type { ClientHttp2Stream } from "node:http2";
import { finished } from "node:stream/promises";
import { RPC_LIMITS } from "./limits.ts";
import { type ByteSource, readMessages } from "./message-reader.ts";

/** A listener of a streamed call: see {@link arrivalKey}. */
export type Arrival = (message: Message) => boolean;

/**
 * Context value of a call: hears of each message of the answer in the moment it arrives, if somebody waits for one; true: it has taken
 * the message, and who waits goes on waiting. Transports without sockets do not know it: their messages are all waited for.
 */
export const arrivalKey = createContextKey<Arrival | undefined>(undefined, { description: "arrival" });

/** What calls go through. */
export interface StreamOptions {
  readonly baseUrl: string;
  readonly sessionManager: Http2SessionManager;
  readonly interceptors: Interceptor[];
  readonly maxBytes: number;
}

/** `Transport.stream` without compression. */
export function createStreams(options: StreamOptions): Transport["stream"] {
  const { baseUrl, sessionManager, interceptors, maxBytes } = options;
  const limits = { readMaxBytes: maxBytes, writeMaxBytes: maxBytes };
  return async (method, signal, timeoutMs, header, message, contextValues) => {
    const forms = createMethodSerializationLookup(method, undefined, undefined, limits);
    const [input, output] = [forms.getI(true), forms.getO(true)];
    const givenMs = timeoutMs !== undefined && timeoutMs <= 0 ? undefined : timeoutMs;
    return await runStreamingCall({
      interceptors,
      signal,
      timeoutMs: givenMs,
      req: {
        ...{ stream: true, service: method.parent, method, requestMethod: "POST", message },
        url: createMethodUrl(baseUrl, method),
        header: requestHeaderWithCompression(true, givenMs, header, [], null),
        contextValues: contextValues ?? createContextValues(),
      },
      async next(request) {
        const body = pipe(request.message, transformSerializeEnvelope(input), transformJoinEnvelopes(), {
          propagateDownStreamError: true,
        });
        const sent = { url: request.url, method: "POST", header: request.header, signal: request.signal };
        const { answered, source } = await send(sessionManager, { ...sent, body });
        const { status, header: head, trailer } = answered;
        const { foundStatus, headerError } = validateResponseWithCompression([], status, head);
        if (headerError) throw headerError;
        const end = (): void => {
          if (!foundStatus) validateTrailer(trailer, head);
        };
        const isTaken = request.contextValues.get(arrivalKey);
        const format = { parse: (bytes: Uint8Array) => output.parse(bytes), maxBytes, end, isTaken };
        return { ...request, header: head, trailer, message: readMessages(source, format) };
      },
    });
  };
}

interface Sent {
  readonly answered: UniversalClientResponse;
  readonly source: ByteSource;
}

/**
 * One call of connect-es' client, to the headers of its answer. The iterator it takes of the HTTP/2 stream has no chunks, only the end:
 * so that all it does when the call is left, fails or is reset is done as ever, while the chunks go where they are wanted.
 */
async function send(sessionManager: Http2SessionManager, request: UniversalClientRequest): Promise<Sent> {
  let stream: ClientHttp2Stream | undefined;
  const session = {
    authority: sessionManager.authority,
    async request(...args: Parameters<Http2SessionManager["request"]>) {
      stream = await sessionManager.request(...args);
      return Object.assign(stream, { [Symbol.asyncIterator]: endOf });
    },
    notifyResponseByteRead: (read: ClientHttp2Stream) => sessionManager.notifyResponseByteRead(read),
  };
  const answered = await createNodeHttpClient({ httpVersion: "2", sessionProvider: () => session })(request);
  if (!stream) throw new Error("an answer without a stream");
  const from = stream;
  let heardMs = 0;
  const onBytes = (): void => {
    // It moves a timer: that is not for every token.
    const nowMs = performance.now();
    if (nowMs < heardMs + RPC_LIMITS.aliveMs) return;
    heardMs = nowMs;
    sessionManager.notifyResponseByteRead(from);
  };
  const ended = (): Promise<unknown> => answered.body[Symbol.asyncIterator]().next();
  return { answered, source: { stream, ended, onBytes } };
}

/** An iterator over a stream without its chunks. */
function endOf(this: ClientHttp2Stream): AsyncIterableIterator<never, undefined> {
  return {
    next: async () => {
      await finished(this, { writable: false });
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
