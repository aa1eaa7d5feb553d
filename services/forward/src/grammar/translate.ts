/** Constraints → EBNF that holds a text to them. Cost: up to seconds for expressions at their limits, in a thread. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { TrimtabError } from "#kit/errors.ts";
import { scanJson } from "#kit/json-scan.ts";
import { MAX_CONSTRAINT_DEPTH } from "../../limits.ts";
import { automatonRules, type Expression, textOf } from "./automaton.ts";
import { checkEbnf } from "./ebnf.ts";
import { jsonSchemaGrammar } from "./json-schema.ts";
import type { GrammarSource } from "./messages.ts";
import { readRegex } from "./regex.ts";

const META_SCHEMAS = new Ajv2020({ strict: false, logger: false, validateFormats: false });

/** The grammar of a constraint. @throws TrimtabError naming its field */
export function toGrammar({ kind, field }: GrammarSource): string {
  switch (kind.case) {
    case "jsonSchema":
      return fromSchema(kind.value.schema, field, kind.value.strict ?? true);
    case "jsonObject":
      return jsonSchemaGrammar({ type: "object" }, "constraint", true);
    case "regex":
      return regular(readRegex(kind.value, "plain", field), field);
    case "ebnf":
      return checkEbnf(kind.value, field);
    case "choice":
      return regular({ kind: "choice", parts: kind.value.values.map(textOf) }, field);
  }
}

function fromSchema(text: string, field: string, strict: boolean): string {
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
  return jsonSchemaGrammar(schema, field, strict);
}

function regular(expression: Expression, field: string): string {
  return ["root ::= s0", ...automatonRules(expression, "s", field)].join("\n");
}
