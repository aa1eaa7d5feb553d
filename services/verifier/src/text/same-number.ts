/**
 * When two numbers are the same, given that one was calculated and one is written. Whole numbers are written in full, so they
 * are compared exactly; others are rounded somewhere.
 */

/** Of what is no whole number, nine digits count. */
const ROUNDING = 1e-9;
/** What is left of whole numbers too large for a double. */
const WHOLE_ROUNDING = 2 ** -50;

/** How far apart two spellings of one number may be, as they stand. */
export function roundingOf(a: number, b: number): number {
  const areWhole = Number.isInteger(a) && Number.isInteger(b);
  return (areWhole ? WHOLE_ROUNDING : ROUNDING) * Math.max(1, Math.abs(b));
}

/** Whether both are one number. */
export function isSameNumber(a: number, b: number): boolean {
  return Math.abs(a - b) <= roundingOf(a, b);
}

/** Whether digits that a text in the making ends with are the beginning of a number. */
export function mayBecome(spelled: string, value: number): boolean {
  return String(value).startsWith(spelled);
}
