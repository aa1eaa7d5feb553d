/**
 * Generators that pass on what others yield, as `yield*` does, at one promise an item however deep they lie in each other: `yield*` takes
 * three, and a turn of its generator, at each depth, which streamed tokens would pay all the way.
 */

/** What yields what `source` yields; `each` hears of every item before it leaves. Made by {@link passOn}. */
class Passed<T> {
  readonly source: AsyncIterator<T | Passed<T>, void>;
  readonly each: ((item: T) => void) | undefined;

  constructor(source: AsyncIterator<T | Passed<T>, void>, each: ((item: T) => void) | undefined) {
    this.source = source;
    this.each = each;
  }
}

/** A generator that yields items, and with {@link passOn} those of others. {@link passing} makes an iterator of items of it. */
export type PassingGenerator<T> = AsyncGenerator<T | Passed<T>, void>;

/** Yielded by a {@link PassingGenerator}: everything that `source` yields takes its place; its errors are thrown where it is yielded. */
export function passOn<T>(source: AsyncIterable<T | Passed<T>, void>, each?: (item: T) => void): Passed<T> {
  return new Passed(source[Symbol.asyncIterator](), each);
}

/** The items of a generator and of all that it passes on. Leaving it ends them all, the innermost first. */
export function passing<T>(generator: PassingGenerator<T>): AsyncIterableIterator<T, void> {
  /** The innermost last. */
  const levels: Passed<T>[] = [new Passed(generator, undefined)];
  let running: Promise<unknown> | undefined;

  const step = (
    result: IteratorResult<T | Passed<T>, void>,
  ): IteratorResult<T, void> | Promise<IteratorResult<T, void>> => {
    if (result.done) {
      levels.pop();
      return advance();
    }
    const { value } = result;
    if (value instanceof Passed) {
      levels.push(value);
      return advance();
    }
    for (let at = levels.length - 1; at >= 0; at--) {
      try {
        levels[at]?.each?.(value);
      } catch (error) {
        return refuse(at, error);
      }
    }
    return { done: false, value };
  };
  /** Ends what lies within a level whose `each` threw; who passes it on is told. */
  const refuse = async (at: number, error: unknown): Promise<IteratorResult<T, void>> => {
    while (levels.length > at + 1) await levels.pop()?.source.return?.();
    await levels.at(-1)?.source.return?.();
    return fail(error);
  };
  const fail = (error: unknown): Promise<IteratorResult<T, void>> => {
    levels.pop();
    const outer = levels.at(-1)?.source;
    return outer?.throw ? outer.throw(error).then(step, fail) : Promise.reject(error);
  };
  const advance = (): Promise<IteratorResult<T, void>> =>
    levels.at(-1)?.source.next().then(step, fail) ?? Promise.resolve({ done: true, value: undefined });
  const leave = async (): Promise<void> => {
    const level = levels.pop();
    if (!level) return;
    try {
      await level.source.return?.();
    } finally {
      await leave();
    }
  };
  return {
    next: () => (running = advance()),
    async return() {
      await running?.then(undefined, () => undefined);
      await leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
