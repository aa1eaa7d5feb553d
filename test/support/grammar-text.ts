/** Constraints as EBNF, the way from a request to the library. */
import { create } from "@bufbuild/protobuf";
import { type Constraint, ConstraintSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { GrammarSource } from "../../services/forward/src/grammar/messages.ts";
import { toGrammar } from "../../services/forward/src/grammar/translate.ts";
import { toConstraint } from "../../services/forward/src/schema/constraint.ts";

/** A constraint as the engine takes it. */
export function constraintOf(kind: Constraint["kind"]): GrammarSource {
  const made = toConstraint(create(ConstraintSchema, { kind }));
  if (!made) throw new Error("no constraint");
  return made;
}

/** The text of its grammar. */
export const grammarText = (kind: Constraint["kind"]): string => toGrammar(constraintOf(kind));

/** The text of the grammar of a JSON schema. */
export const schemaGrammar = (schema: string, strict = true): string =>
  grammarText({ case: "jsonSchema", value: { schema, strict } as never });
