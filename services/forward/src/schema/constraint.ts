/** Constraints of the schema → grammars, checked. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { TrimtabError } from "#kit/errors.ts";
import { sha256Hex } from "#kit/files.ts";
import { scanJson } from "#kit/json-scan.ts";
import type { Constraint } from "#proto/trimtab/type/v1/generation_pb.ts";
import { MAX_CHOICES, MAX_CONSTRAINT_BYTES, MAX_CONSTRAINT_DEPTH } from "../../limits.ts";
import { automatonRules, type Expression, textOf } from "../grammar/automaton.ts";
import { checkEbnf } from "../grammar/ebnf.ts";
import { jsonSchemaGrammar } from "../grammar/json-schema.ts";
import type { GrammarSource } from "../grammar/messages.ts";
import { readRegex } from "../grammar/regex.ts";

const META_SCHEMAS = new Ajv2020({ strict: false, logger: false, validateFormats: false });
const encoder = new TextEncoder();

/** A constraint as a grammar; null for none. @throws TrimtabError naming its field */
export function toGrammar(constraint: Constraint | undefined): GrammarSource | null {
  if (!constraint) return null;
  const { kind } = constraint;
  switch (kind.case) {
    case "jsonSchema":
      return fromSchema(kind.value.schema, kind.value.strict ?? true);
    case "jsonObject":
      return source(jsonSchemaGrammar({ type: "object" }, "constraint", true), "constraint.json_object");
    case "regex": {
      const field = "constraint.regex";
      checkText(kind.value, field);
      return regular(readRegex(kind.value, "plain", field), field);
    }
    case "ebnf":
      checkText(kind.value, "constraint.ebnf");
      return source(checkEbnf(kind.value, "constraint.ebnf"), "constraint.ebnf");
    case "choice":
      return fromChoice(kind.value.values);
    default:
      throw new TrimtabError("FIELD_REQUIRED", "the constraint has no kind", { field: "constraint" });
  }
}

function fromSchema(text: string, strict: boolean): GrammarSource {
  const field = "constraint.json_schema.schema";
  checkText(text, field);
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
  return source(jsonSchemaGrammar(schema, field, strict), field);
}

function fromChoice(values: readonly string[]): GrammarSource {
  const field = "constraint.choice.values";
  if (values.length === 0) throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  if (values.length > MAX_CHOICES) {
    const message = `${field}: ${values.length} entries, at most ${MAX_CHOICES}`;
    throw new TrimtabError("TOO_LARGE", message, { field, limit: MAX_CHOICES });
  }
  checkText(values.join(""), field);
  const empty = values.indexOf("");
  if (empty >= 0)
    throw new TrimtabError("FIELD_REQUIRED", `${field}[${empty}] is empty`, { field: `${field}[${empty}]` });
  return regular({ kind: "choice", parts: values.map(textOf) }, field);
}

function checkText(text: string, field: string): void {
  if (text === "") throw new TrimtabError("FIELD_REQUIRED", `${field} is empty`, { field });
  const sizeBytes = encoder.encode(text).length;
  if (sizeBytes <= MAX_CONSTRAINT_BYTES) return;
  const message = `${field}: ${sizeBytes} bytes, at most ${MAX_CONSTRAINT_BYTES}`;
  throw new TrimtabError("TOO_LARGE", message, { field, limit: `${MAX_CONSTRAINT_BYTES} bytes` });
}

function regular(expression: Expression, field: string): GrammarSource {
  return source(["root ::= s0", ...automatonRules(expression, "s", field)].join("\n"), field);
}

function source(text: string, field: string): GrammarSource {
  return { text, field, digest: sha256Hex(encoder.encode(`${field} ${text}`)) };
}
