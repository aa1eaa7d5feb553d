/** Typed clients: connect-es' own, but for its generator around each streamed answer, which costs six promises a message. */
import type { DescMessage, DescService } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient,
  makeAnyClient,
  type StreamResponse,
  type Transport,
} from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";

/** A message as it is written down. */
type Init = Record<string, unknown>;

/** A client of `service`. */
export function createTypedClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const plain = createClient(service, transport) as Record<string, (...args: never[]) => unknown>;
  const client = makeAnyClient(service, (method) => {
    const { methodKind } = method;
    if (methodKind !== "server_streaming" && methodKind !== "bidi_streaming")
      return plain[method.localName] ?? null;
    return (input: Init | AsyncIterable<Init>, options: CallOptions = {}) => {
      const { signal, timeoutMs, headers, contextValues } = options;
      const requests =
        methodKind === "bidi_streaming"
          ? (input as AsyncIterable<Init>)
          : createAsyncIterable([input as Init]);
      return messagesOf(
        transport.stream(method, signal, timeoutMs, headers, requests, contextValues),
        options,
      );
    };
  });
  return client as Client<S>;
}

/** The messages of an answer that is yet to come. A reader that leaves does not end the call, as with connect-es. */
function messagesOf<T extends DescMessage>(
  answer: Promise<StreamResponse<DescMessage, T>>,
  { onHeader, onTrailer }: CallOptions,
): AsyncIterable<unknown> {
  let messages: AsyncIterator<unknown> | undefined;
  const opening = answer.then(({ header, trailer, message }) => {
    onHeader?.(header);
    const source = message[Symbol.asyncIterator]();
    messages = onTrailer ? { next: () => source.next().then(told(() => onTrailer(trailer))) } : source;
    return messages;
  });
  // Told to who reads.
  opening.catch(() => undefined);
  const next = (): Promise<IteratorResult<unknown>> =>
    messages ? messages.next() : opening.then((opened) => opened.next());
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** Passes results on; tells of the end, once. */
function told<R extends IteratorResult<unknown>>(end: () => void): (result: R) => R {
  let isOver = false;
  return (result) => {
    if (result.done && !isOver) {
      isOver = true;
      end();
    }
    return result;
  };
}
