/** Range checks that name the field and the limit they enforce. */
import { TrimtabError } from "#kit/errors.ts";
import { checkText, sizeChecks } from "#kit/sizes.ts";

export { checkText };

/** Throw FIELD_OUT_OF_RANGE. */
export const { checkBytes, checkCount } = sizeChecks("FIELD_OUT_OF_RANGE");

/** A closed or half-open range. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** `min` itself is refused. */
  readonly openMin?: boolean;
}

/** Throws NON_FINITE or FIELD_OUT_OF_RANGE unless `value` is absent or within the range. */
export function checkRange(field: string, value: number | undefined, range: Range): void {
  if (value === undefined) return;
  if (!Number.isFinite(value)) {
    throw new TrimtabError("NON_FINITE", `${field} must be a finite number`, { field, limit: spell(range) });
  }
  if (value < range.min || value > range.max || (range.openMin === true && value === range.min)) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} must be ${spell(range)}`, {
      field,
      limit: spell(range),
    });
  }
}

/** Throws FIELD_REQUIRED unless the condition holds. */
export function checkRequired(field: string, present: boolean, message: string): void {
  if (!present) throw new TrimtabError("FIELD_REQUIRED", message, { field });
}

/** Checks strings that are looked for in answers: some, none of them empty, none longer than `bytes`. */
export function checkMarks(
  field: string,
  marks: readonly string[],
  limits: { readonly count: number; readonly bytes: number },
): void {
  checkCount(field, marks.length, limits.count, "strings");
  marks.forEach((mark, index) => {
    const at = `${field}[${index}]`;
    if (mark === "") throw new TrimtabError("INVALID_ARGUMENT", `${at} is empty`, { field: at });
    checkText(at, mark);
    checkBytes(at, mark, limits.bytes);
  });
}

function spell({ min, max, openMin }: Range): string {
  return openMin === true ? `over ${min} and at most ${max}` : `between ${min} and ${max}`;
}
