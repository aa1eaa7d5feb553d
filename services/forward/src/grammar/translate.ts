/** Constraints → EBNF that holds a text to them. Cost: up to seconds for expressions at their limits, in a thread. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { TrimtabError } from "#kit/errors.ts";
import { scanJson } from "#kit/json-scan.ts";
import type { JsonSchemaConstraint, TaggedConstraint } from "#proto/trimtab/type/v1/generation_pb.ts";
import { MAX_CONSTRAINT_DEPTH } from "../../limits.ts";
import { automatonRules, type Expression, textOf } from "./automaton.ts";
import { checkEbnf } from "./ebnf.ts";
import { literal } from "./characters.ts";
import { COMMON_RULES } from "./json-scalars.ts";
import { jsonSchemaRules, type SchemaPlace } from "./json-schema.ts";
import type { GrammarSource } from "./messages.ts";
import { readRegex } from "./regex.ts";

const META_SCHEMAS = new Ajv2020({ strict: false, logger: false, validateFormats: false });

/** The grammar of a constraint. @throws TrimtabError naming its field */
export function toGrammar({ kind, field }: GrammarSource): string {
  switch (kind.case) {
    case "jsonSchema":
      return json(schemaRules(kind.value, { field, root: "root" }));
    case "jsonObject":
      return json(["root ::= object"]);
    case "regex":
      return regular(readRegex(kind.value, "plain", field), field);
    case "ebnf":
      return checkEbnf(kind.value, field);
    case "choice":
      return regular({ kind: "choice", parts: kind.value.values.map(textOf) }, field);
    case "tagged":
      return json(taggedRules(kind.value, field));
  }
}

const json = (rules: readonly string[]): string => [...rules, ...COMMON_RULES].join("\n");

/** Free text is the library's dispatch on marks: it knows all tokens that hold none before a text is matched. */
function taggedRules({ forms, once }: TaggedConstraint, field: string): string[] {
  const ofMarks = new Map<string, string[]>();
  const rules = forms.flatMap(({ mark, begin, jsonSchema, end }, index) => {
    const name = `f${index}`;
    ofMarks.set(mark, [...(ofMarks.get(mark) ?? []), `${literal(begin)} ${name}`]);
    if (!jsonSchema)
      return [
        `${name} ::= TagDispatch(stop_eos=false, stop_str=(${literal(end)}), loop_after_dispatch=false)`,
      ];
    const place = { field: `${field}.forms[${index}].json_schema.schema`, root: `${name}json` };
    return [`${name} ::= ${place.root} ${literal(end)}`, ...schemaRules(jsonSchema, place)];
  });
  const marks = [...ofMarks].map(([mark, bodies], index) => ({ mark, bodies, name: `m${index}` }));
  const dispatches = marks.map(({ mark, name }) => `(${literal(mark)}, ${name})`);
  return [
    `root ::= TagDispatch(${dispatches.join(", ")}, stop_eos=true, loop_after_dispatch=${!once})`,
    ...marks.map(({ name, bodies }) => `${name} ::= ${bodies.join(" | ")}`),
    ...rules,
  ];
}

function schemaRules(
  { schema: text, strict = true }: JsonSchemaConstraint,
  { field, root }: Omit<SchemaPlace, "strict">,
): string[] {
  const fault = scanJson(text, MAX_CONSTRAINT_DEPTH);
  if (fault !== undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field} ${fault}`, {
      field,
      limit: `${MAX_CONSTRAINT_DEPTH} levels`,
    });
  }
  const schema: unknown = JSON.parse(text);
  // Other dialects are read as the one there is; what they have besides is refused as unknown.
  const plain = typeof schema === "object" && schema !== null ? { ...schema, $schema: undefined } : schema;
  if (plain === null) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field}: null is no JSON schema`, { field });
  }
  if (!META_SCHEMAS.validateSchema(plain as object)) {
    const [first] = META_SCHEMAS.errors ?? [];
    const message = `${field}: #${first?.instancePath ?? ""} ${first?.message ?? "is no JSON schema"}`;
    throw new TrimtabError("INVALID_ARGUMENT", message, { field });
  }
  return jsonSchemaRules(schema, { field, strict, root });
}

function regular(expression: Expression, field: string): string {
  return ["root ::= s0", ...automatonRules(expression, "s", field)].join("\n");
}
