/** Counts the numbers that code reads through DataView: its work on a file, whatever the machine. */

const READERS = ["getUint8", "getUint32", "getBigUint64"] as const;

/** Runs `work`; answers its result and how many numbers it read. */
export function countWork<T>(work: () => T): { result: T; numbersRead: number } {
  let numbersRead = 0;
  const prototype = DataView.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const originals = READERS.map((name) => [name, prototype[name]] as const);
  for (const [name, original] of originals) {
    prototype[name] = function counted(this: DataView, ...args: unknown[]) {
      numbersRead += 1;
      return original!.apply(this, args);
    };
  }
  try {
    const result = work();
    return { result, numbersRead };
  } finally {
    for (const [name, original] of originals) prototype[name] = original!;
  }
}
