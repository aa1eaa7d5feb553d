/** What the parts of the translation of a JSON schema share. */
import { TrimtabError } from "#kit/errors.ts";
import { MAX_COUNT } from "../../limits.ts";
import type { Expression } from "./automaton.ts";

/** A schema that is an object. */
export type Schema = Readonly<Record<string, unknown>>;

/** A translation under way. */
export interface Translation {
  readonly field: string;
  /** False ignores what cannot be enforced. */
  readonly strict: boolean;
  /** The rule or expression of a subschema. */
  translate(schema: unknown, path: string): string;
  /** Adds the rules of an expression; answers the name of the first. */
  regular(expression: Expression): string;
  /** Adds a rule; answers its name. Its alternatives must begin differently. */
  rule(body: string): string;
  /** Refuses a keyword, unless such keywords are to be ignored. */
  refuse(path: string, what: string): void;
}

/** A schema that is wrong. */
export function invalid(field: string, path: string, what: string): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", `${field}: ${path} ${what}`, { field });
}

/**
 * How many a keyword of a schema demands at least; 0 without it.
 * @throws TrimtabError FIELD_OUT_OF_RANGE for more than any text holds
 */
export function leastOf({ field }: Translation, schema: Schema, keyword: string, path: string): number {
  const count = Number(schema[keyword] ?? 0);
  if (count <= MAX_COUNT) return count;
  const message = `${field}: ${keyword} of ${count} at ${path}, at most ${MAX_COUNT} can be`;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", message, { field, limit: MAX_COUNT });
}

/** How many a keyword of a schema allows; infinite without it, and where no text holds as many. */
export function mostOf(schema: Schema, keyword: string): number {
  const count = Number(schema[keyword] ?? Number.POSITIVE_INFINITY);
  return count <= MAX_COUNT ? count : Number.POSITIVE_INFINITY;
}
