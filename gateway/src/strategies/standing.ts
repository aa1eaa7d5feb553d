/** How candidates stand: which of them can grow, and which count when one is chosen. */
import type { Candidate } from "./strategy.ts";

/** True while it can grow. */
export function isOpen({ ended }: Pick<Candidate, "ended">): boolean {
  return ended === undefined;
}

/** True unless the engine failed it: what there is of such a candidate is chosen only if there is nothing else. */
export function isSound({ ended }: Pick<Candidate, "ended">): boolean {
  return ended !== "error";
}

/** The sound ones; all, if there is none. */
export function soundOf(candidates: readonly Candidate[]): readonly Candidate[] {
  return preferring(candidates, isSound);
}

/** Those that `holds` is true of; all, if there is none. */
export function preferring<T>(items: readonly T[], holds: (item: T) => boolean): readonly T[] {
  const some = items.filter(holds);
  return some.length > 0 ? some : items;
}
