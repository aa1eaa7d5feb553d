/** Small checks of request fields. Each returns the value or throws a typed error that names field and limit. */
import { TrimtabError } from "./errors.ts";

/** A finite number. @throws TrimtabError NON_FINITE. */
export function finite(field: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new TrimtabError("NON_FINITE", `${field} is ${value}, must be finite`, { field });
}

/** A finite number from `min` to `max`. @throws TrimtabError NON_FINITE, FIELD_OUT_OF_RANGE. */
export function inRange(field: string, value: number, min: number, max: number): number {
  finite(field, value);
  if (value >= min && value <= max) return value;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} is ${value}, must be ${min} to ${max}`, {
    field,
    limit: `${min}..${max}`,
  });
}

/** A whole number from `min` to `max`. @throws TrimtabError NON_FINITE, FIELD_OUT_OF_RANGE. */
export function integerInRange(field: string, value: number, min: number, max: number): number {
  inRange(field, value, min, max);
  if (Number.isInteger(value)) return value;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} is ${value}, must be a whole number`, { field });
}

/** A 64-bit field as a plain number. @throws TrimtabError FIELD_OUT_OF_RANGE. */
export function fromUint64(field: string, value: bigint, max: number): number {
  if (value >= 0n && value <= BigInt(max)) return Number(value);
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} is ${value}, must be 0 to ${max}`, {
    field,
    limit: max,
  });
}

/** A value that must be there. @throws TrimtabError FIELD_REQUIRED. */
export function present<T>(field: string, value: T | undefined | null): T {
  if (value !== undefined && value !== null) return value;
  throw new TrimtabError("FIELD_REQUIRED", `${field} is required`, { field });
}

/** Text of 1 to `maxBytes` bytes of UTF-8. @throws TrimtabError FIELD_REQUIRED, TOO_LARGE. */
export function textWithin(field: string, value: string, maxBytes: number): string {
  if (value === "") throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  const sizeBytes = Buffer.byteLength(value);
  if (sizeBytes <= maxBytes) return value;
  throw new TrimtabError("TOO_LARGE", `${field} has ${sizeBytes} bytes, the limit is ${maxBytes}`, {
    field,
    limit: maxBytes,
  });
}

/** A list of at most `max` items. @throws TrimtabError TOO_LARGE. */
export function atMost<T extends { readonly length: number }>(field: string, items: T, max: number): T {
  if (items.length <= max) return items;
  throw new TrimtabError("TOO_LARGE", `${field} has ${items.length} items, the limit is ${max}`, {
    field,
    limit: max,
  });
}
