/** Several generators run side by side, a few at a time; what they yield comes out as it comes. */
import { createPushable } from "#kit/streams.ts";

const WAITING = 16;

/** Merges `sources`; the first failure ends all of them. `abort` is called when the merged stream is left. */
export async function* merged<T>(
  sources: readonly (() => AsyncGenerator<T, void>)[],
  concurrency: number,
  abort: () => void,
): AsyncGenerator<T, void> {
  const out = createPushable<T>(WAITING);
  const queue = [...sources];
  const work = async (): Promise<void> => {
    for (let source = queue.shift(); source; source = queue.shift()) {
      for await (const item of source()) {
        if (!(await out.send(item))) return;
      }
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, sources.length) }, work);
  void Promise.all(workers).then(out.end, out.fail);
  try {
    yield* out;
  } finally {
    out.end();
    abort();
  }
}
