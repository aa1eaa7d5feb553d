/** A bounded map that forgets what was not used for longest. Cost: one step an access. */

/** Least recently used cache by text key. */
export interface Lru<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  clear(): void;
  values(): T[];
}

/** Creates the cache; `drop` is called with values that were pushed out by newer ones. */
export function createLru<T>(capacity: number, drop: (value: T) => void = () => {}): Lru<T> {
  const entries = new Map<string, T>();
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      for (const [oldest, dropped] of entries) {
        if (entries.size <= capacity) return;
        entries.delete(oldest);
        drop(dropped);
      }
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    values: () => [...entries.values()],
  };
}
