/**
 * Which place in the browser's storage this tab writes its words to. Every open tab holds a lock on a place of its own, so two
 * tabs never overwrite each other; the first place that is free is taken, so the next visit finds the last one's words.
 */

const PLACES = 16;
const PREFERRED = "trimtab.place";
/**
 * So long a tab waits for the place it had before. What was there before a reload lets go of it soon, on a busy machine late; a copy
 * of a tab never gets it, and is not to wait long.
 */
const PATIENCE_MS = { reload: 3_000, other: 500 } as const;

/** "" for the first place, else its number. */
export const place: string = await claim();

async function claim(): Promise<string> {
  // Without locks (a page over plain HTTP from another machine) tabs share one place.
  if (!("locks" in navigator)) return "";
  const before = sessionStorage.getItem(PREFERRED);
  const candidates = Array.from({ length: PLACES }, (_, index) => (index === 0 ? "" : String(index)));
  if (before !== null && (await hold(before, PATIENCE_MS[isReload() ? "reload" : "other"]))) return before;
  for (const candidate of candidates) {
    if (!(await hold(candidate, 0))) continue;
    sessionStorage.setItem(PREFERRED, candidate);
    return candidate;
  }
  return "";
}

function isReload(): boolean {
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return navigation?.type === "reload";
}

/** Holds a place for as long as the tab lives; false if another tab has it. */
function hold(name: string, patienceMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = patienceMs > 0 ? { signal: AbortSignal.timeout(patienceMs) } : { ifAvailable: true };
  navigator.locks
    .request(`trimtab.place.${name}`, options, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => {});
    })
    .catch(() => resolve(false));
  return promise;
}
