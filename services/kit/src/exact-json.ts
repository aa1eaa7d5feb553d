/** JSON values whose numbers keep the digits they were written with: ids may have more than a number holds. */

interface Exactness {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
// Not among TypeScript's types yet.
const exact = JSON as unknown as Exactness;

/** The value of a JSON text; `JSON.stringify` writes its numbers as they were. */
export function parseExactly(json: string): unknown {
  return JSON.parse(json, (_: string, value: unknown, { source }: { source?: string } = {}): unknown =>
    typeof value === "number" && source !== undefined ? exact.rawJSON(source) : value,
  );
}

/** The digits of a number of such a value; undefined for what is none. */
export function digitsOf(value: unknown): string | undefined {
  return exact.isRawJSON(value) ? value.rawJSON : undefined;
}
