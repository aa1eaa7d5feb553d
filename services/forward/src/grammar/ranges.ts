/**
 * Numbers within bounds as regular expressions over their digits. Integers have up to 15 digits, so that every one is exact; fractions up
 * to 8 digits beyond those of the bounds. Source: ranges of equal length split at their common beginning. Cost: O(digits²).
 */

/** Bounds of a number; absent ones are infinite. */
export interface Bounds {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly lowExcluded?: boolean;
  readonly highExcluded?: boolean;
}

/** Digits of an integer at most. */
const MAX_DIGITS = 15;
const LARGEST = 10 ** MAX_DIGITS - 1;
const MORE_DIGITS = 8;
/** Decimals of a bound at most. */
const MAX_DECIMALS = 6;
/** Decimals by which an excluded bound is kept away from. */
const APART = 2;

/** Integers within bounds; null if there is none of up to 15 digits. */
export function integersWithin({ low, high, lowExcluded, highExcluded }: Bounds): string | null {
  const first =
    low === undefined ? -LARGEST : Math.ceil(low) + (lowExcluded && Number.isInteger(low) ? 1 : 0);
  const last =
    high === undefined ? LARGEST : Math.floor(high) - (highExcluded && Number.isInteger(high) ? 1 : 0);
  const from = Math.max(first, -LARGEST);
  const to = Math.min(last, LARGEST);
  const parts: string[] = [];
  if (from <= Math.min(to, -1)) parts.push(`-${naturals(Math.max(1, -to), -from)}`);
  if (Math.max(from, 0) <= to) parts.push(naturals(Math.max(from, 0), to));
  return alternatives(parts);
}

/** Decimal numbers within bounds; null if there is none, or a bound has more than 6 decimals or 15 digits. */
export function numbersWithin(bounds: Bounds): string | null {
  const { low = -LARGEST, high = LARGEST, lowExcluded = false, highExcluded = false } = bounds;
  const decimals = Math.max(decimalsOf(low), decimalsOf(high));
  if (decimals > MAX_DECIMALS || Math.abs(low) > LARGEST || Math.abs(high) > LARGEST) return null;
  const places = decimals + (lowExcluded || highExcluded ? APART : decimals === 0 ? 1 : 0);
  const scaled = (value: number) =>
    BigInt(Math.round(value * 10 ** decimals)) * 10n ** BigInt(places - decimals);
  const from = scaled(low) + (lowExcluded ? 1n : 0n);
  const to = scaled(high) - (highExcluded ? 1n : 0n);
  const parts: string[] = [];
  if (from < 0n) {
    const least = to < 0n ? -to : 1n;
    const inner = decimalsWithin(least, -from, places);
    if (inner !== null) parts.push(`-${inner}`);
  }
  const positive = to < 0n ? null : decimalsWithin(from > 0n ? from : 0n, to, places);
  if (positive !== null) parts.push(positive);
  return alternatives(parts);
}

/** k/10^places for from ≤ k ≤ to, with fewer decimals where they are zero and with more between two of them. */
function decimalsWithin(from: bigint, to: bigint, places: number): string | null {
  if (from > to) return null;
  const unit = 10n ** BigInt(places);
  const first = from / unit;
  const last = to / unit;
  const parts: string[] = [];
  const cell = (whole: bigint, low: bigint, high: bigint, openHigh: bigint) => {
    for (let width = 0; width <= places; width++) {
      const step = 10n ** BigInt(places - width);
      const least = (low + step - 1n) / step;
      const most = high / step;
      if (least > most) continue;
      if (width === 0) parts.push(String(whole));
      else parts.push(`${whole}\\.${digits(padded(least, width), padded(most, width))}`);
    }
    if (low > openHigh) return;
    parts.push(`${whole}\\.${digits(padded(low, places), padded(openHigh, places))}[0-9]{1,${MORE_DIGITS}}`);
  };
  if (first === last) cell(first, from % unit, to % unit, (to % unit) - 1n);
  else {
    cell(first, from % unit, unit - 1n, unit - 1n);
    cell(last, 0n, to % unit, (to % unit) - 1n);
    if (first + 1n <= last - 1n) {
      parts.push(`${naturals(Number(first + 1n), Number(last - 1n))}(\\.[0-9]{1,${places + MORE_DIGITS}})?`);
    }
  }
  return alternatives(parts);
}

/** Integers from ≥ 0 to `to`, without leading zeros. */
function naturals(from: number, to: number): string {
  const parts: string[] = [];
  for (let low = from; low <= to;) {
    const width = String(low).length;
    const high = Math.min(to, 10 ** width - 1);
    parts.push(digits(String(low), String(high)));
    low = high + 1;
  }
  return alternatives(parts) ?? "";
}

/** Strings of digits of one length between two. */
function digits(low: string, high: string): string {
  if (low === high) return low;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return `[0-9]{${low.length}}`;
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return `${first}${digits(lowRest, highRest)}`;
  const parts: string[] = [];
  const isLowOpen = /^0*$/.test(lowRest);
  const isHighOpen = /^9*$/.test(highRest);
  if (!isLowOpen) parts.push(`${first}${digits(lowRest, "9".repeat(lowRest.length))}`);
  const [from, to] = [isLowOpen ? first : first + 1, isHighOpen ? last : last - 1];
  if (from <= to) parts.push(`[${from}-${to}]${lowRest.length > 0 ? `[0-9]{${lowRest.length}}` : ""}`);
  if (!isHighOpen) parts.push(`${last}${digits("0".repeat(highRest.length), highRest)}`);
  return alternatives(parts) ?? "";
}

function alternatives(parts: readonly string[]): string | null {
  if (parts.length < 2) return parts[0] ?? null;
  return `(${parts.join("|")})`;
}

function padded(value: bigint, width: number): string {
  return String(value).padStart(width, "0");
}

function decimalsOf(value: number): number {
  for (let decimals = 0; decimals <= MAX_DECIMALS; decimals++) {
    if (Number(value.toFixed(decimals)) === value) return decimals;
  }
  return MAX_DECIMALS + 1;
}
