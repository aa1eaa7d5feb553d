/**
 * What is loaded once by its digest and kept while it is used. A newer one may push it out while somebody still decides with it: it is
 * closed when the last who holds it has let go.
 */
import { createLru } from "#kit/lru.ts";

/** A value that stays open until it is let go of. */
export interface Held<T> {
  readonly value: T;
  /** Once it is not needed any more; a second time does nothing. */
  letGo(): void;
}

/** Loaded values by digest. */
export interface Shelf<T> {
  /** The value of a digest, loaded unless it is there; what could not be loaded is tried again by the next who asks. */
  hold(digest: string, load: () => Promise<T>): Promise<Held<T>>;
  /** Closes what nobody holds; the rest closes when it is let go of. */
  close(): Promise<void>;
}

interface Entry<T> {
  readonly loading: Promise<T>;
  holders: number;
  isOut: boolean;
}

/** An empty shelf for so many values that nobody holds. */
export function createShelf<T>(capacity: number, closeValue: (value: T) => Promise<void>): Shelf<T> {
  const kept = createLru<Entry<T>>(capacity, (entry) => void putOut(entry));
  const closeIdle = async ({ loading, holders, isOut }: Entry<T>): Promise<void> => {
    if (isOut && holders === 0) await loading.then(closeValue).catch(() => undefined);
  };
  const putOut = (entry: Entry<T>): Promise<void> => {
    entry.isOut = true;
    return closeIdle(entry);
  };
  const leave = (entry: Entry<T>): void => {
    entry.holders--;
    void closeIdle(entry);
  };
  return {
    async hold(digest, load) {
      const entry = kept.get(digest) ?? { loading: load(), holders: 0, isOut: false };
      entry.holders++;
      kept.set(digest, entry);
      try {
        const value = await entry.loading;
        let isHeld = true;
        const letGo = (): void => {
          if (isHeld) leave(entry);
          isHeld = false;
        };
        return { value, letGo };
      } catch (error) {
        if (kept.get(digest) === entry) kept.delete(digest);
        leave(entry);
        throw error;
      }
    },
    async close() {
      const all = kept.values();
      kept.clear();
      await Promise.all(all.map(putOut));
    },
  };
}
