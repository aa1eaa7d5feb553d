/** What the parts of the translation of a JSON schema share. */
import { TrimtabError } from "#kit/errors.ts";
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
