/** Numbers as people read them. */

/** A probability in percent, small ones with a digit more. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

/** Bytes in the largest unit that leaves at least one digit before the point. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 2 ** (10 * power)).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Milliseconds, as seconds from one second on. */
export function duration(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** A whole number with thin spaces between thousands. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", "\u2009");
}
