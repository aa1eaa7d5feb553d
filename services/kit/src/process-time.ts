/** Processor time of this process. */

/** Starts to count; the answer tells what all threads have used since, in milliseconds. */
export function startProcessClock(): () => number {
  const started = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1_000;
  };
}
