/**
 * Streamed gRPC calls of our clients: requests, interceptors, deadlines and errors are connect-es', the messages of answers are read by
 * `message-reader.ts`.
 */
import { createContextValues, type Interceptor, type Transport } from "@connectrpc/connect";
import { createNodeHttpClient, type Http2SessionManager } from "@connectrpc/connect-node";
import {
  createMethodSerializationLookup,
  createMethodUrl,
  pipe,
  runStreamingCall,
  transformJoinEnvelopes,
  transformSerializeEnvelope,
} from "@connectrpc/connect/protocol";
import {
  requestHeaderWithCompression,
  validateResponseWithCompression,
  validateTrailer,
} from "@connectrpc/connect/protocol-grpc";
import { readMessages } from "./message-reader.ts";

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
  const send = createNodeHttpClient({ httpVersion: "2", sessionProvider: () => sessionManager });
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
        const answered = await send({ ...sent, body });
        const { status, header: head, trailer } = answered;
        const { foundStatus, headerError } = validateResponseWithCompression([], status, head);
        if (headerError) throw headerError;
        const end = (): void => {
          if (!foundStatus) validateTrailer(trailer, head);
        };
        const format = { parse: output.parse, maxBytes, end };
        return { ...request, header: head, trailer, message: readMessages(answered.body, format) };
      },
    });
  };
}
