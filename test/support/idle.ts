/** Whether this process is at rest: what it uses of the processor while nobody asks it for anything. */

const WINDOW_MS = 250;
/** Compiling and collecting of what ran before end at some time; threads that spin do not. */
const WINDOWS = 40;

/** The least share of one processor that is used in a window of time: the first that is below `most`, or that of all. */
export async function idleShare(most: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS && least >= most; window++) {
    const began = performance.now();
    const before = process.cpuUsage();
    await Bun.sleep(WINDOW_MS);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000 / (performance.now() - began));
  }
  return least;
}
