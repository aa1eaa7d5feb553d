/** What a body says about the form of its answer, and about speculation, in our schema. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type Constraint,
  ConstraintSchema,
  type Speculation,
  SpeculationSchema,
} from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CommonBody } from "./schema.ts";

type Kind = Exclude<MessageInitShape<typeof ConstraintSchema>, Constraint>["kind"];

/** The constraint of a body, if it has one. Throws INVALID_ARGUMENT if it has several. */
export function constraintOf(body: CommonBody): { constraint?: Constraint } {
  const { regex, grammar, choice } = body.structured_outputs ?? {};
  const kinds: [Kind, string][] = [
    [formatOf(body.response_format), "response_format"],
    [regex === undefined ? undefined : { case: "regex", value: regex }, "regex"],
    [grammar === undefined ? undefined : { case: "ebnf", value: grammar }, "grammar"],
    [choice === undefined ? undefined : { case: "choice", value: { values: choice } }, "choice"],
  ];
  const [first, second] = kinds.filter(([kind]) => kind !== undefined);
  if (second) {
    const message = "response_format and structured_outputs together say more than one thing";
    throw new TrimtabError("INVALID_ARGUMENT", message, { field: `structured_outputs.${second[1]}` });
  }
  return first?.[0] ? { constraint: create(ConstraintSchema, { kind: first[0] }) } : {};
}

/** The speculation of a body. */
export function speculationOf({
  prompt_lookup: lookup,
}: NonNullable<CommonBody["speculation"]>): Speculation {
  const value = { ngram: lookup.ngram ?? 0, maxDraft: lookup.max_draft ?? 0 };
  return create(SpeculationSchema, { source: { case: "promptLookup", value } });
}

function formatOf(format: CommonBody["response_format"]): Kind {
  if (format?.type === "json_object") return { case: "jsonObject", value: {} };
  if (format?.type !== "json_schema") return undefined;
  const { schema, strict } = format.json_schema;
  const value = { schema: JSON.stringify(schema), ...(typeof strict === "boolean" ? { strict } : {}) };
  return { case: "jsonSchema", value };
}
