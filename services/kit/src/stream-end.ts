/**
 * Ends of answers that come in pieces. While one is sent its connection may be silent for as long as it likes; from its end on the
 * connection is as idle as any other. Bun tells nobody of that end, so who makes the pieces does.
 */

/** What a handler is given of the connection behind its request, as `env`; nothing where it is called without one. */
export interface HttpEnvironment {
  readonly streamEnded: () => void;
}

/** The same items; the connection of `env` hears when there are no more. */
export function heardToEnd<T>(items: AsyncIterator<T, void>, env: unknown): AsyncIterator<T, void> {
  const ended = (env as Partial<HttpEnvironment> | undefined)?.streamEnded;
  if (!ended) return items;
  const hear = (result: IteratorResult<T, void>): IteratorResult<T, void> => {
    if (result.done) ended();
    return result;
  };
  const fail = (error: unknown): never => {
    ended();
    throw error;
  };
  return {
    next: () => items.next().then(hear, fail),
    ...(items.return && { return: items.return.bind(items) }),
    ...(items.throw && { throw: items.throw.bind(items) }),
  };
}

/** The same of what can be iterated. */
export function heardStream<T>(items: AsyncIterable<T, void>, env: unknown): AsyncIterable<T, void> {
  return { [Symbol.asyncIterator]: () => heardToEnd(items[Symbol.asyncIterator](), env) };
}
