/**
 * Is the answer JSON that fits a schema? Draft 2020-12, validated by ajv in strict mode; patterns run on RE2.
 * Cost: subschemas × values, both bounded.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { RE2JS } from "re2js";
import { TrimtabError } from "#kit/errors.ts";
import { SCHEMA_LIMITS } from "../../limits.ts";
import { extractJson, parseJson } from "../text/json.ts";
import { checkSchemaCost } from "../text/schema-cost.ts";
import { UNIQUE_ITEMS } from "../text/unique-items.ts";
import { eachItem, type Outcome, type Verifier } from "../verifier.ts";

interface SchemaParameters {
  readonly schema: JsonObject;
  readonly extract?: "whole" | "block";
}

/** Creates the verifier "json_schema". */
export function createJsonSchemaVerifier(): Verifier {
  return {
    name: "json_schema",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["valid", "invalid", "not_json"],
    description: "Whether the answer is JSON that fits a schema (draft 2020-12, without recursion).",
    calibration: "exact",
    parameters: {
      type: "object",
      properties: {
        schema: { type: "object", description: "The JSON schema." },
        extract: {
          type: "string",
          enum: ["whole", "block"],
          description: "All of the answer (default), or its first code block or outermost object or array.",
        },
      },
      required: ["schema"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { schema, extract = "whole" } = parameters as unknown as SchemaParameters;
      const validate = compile(schema);
      return {
        score: eachItem(({ text }) => judge(extract === "whole" ? text : extractJson(text), validate)),
      };
    },
  };
}

function judge(text: string, validate: ValidateFunction): Outcome {
  if (text.length > SCHEMA_LIMITS.textChars) {
    return { failure: "TOO_LARGE", reason: `the JSON is longer than ${SCHEMA_LIMITS.textChars} characters` };
  }
  const parsed = parseJson(text);
  if ("limit" in parsed) return { failure: "TOO_LARGE", reason: `the JSON exceeds ${parsed.limit}` };
  if (!("value" in parsed)) return { score: 0, label: "not_json", reason: "the answer is not JSON" };
  if (validate(parsed.value)) return { score: 1, label: "valid", reason: "fits the schema" };
  const error = validate.errors?.[0];
  return {
    score: 0,
    label: "invalid",
    reason: `${error?.instancePath || "/"} ${error?.message ?? "does not fit"}`,
  };
}

/** Unknown keywords and formats are refused; style rules of ajv's strict mode are not ours to impose. */
const AJV_OPTIONS = {
  strictSchema: true,
  strictNumbers: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  inlineRefs: false,
  // A property named "constructor" is none that every object has.
  ownProperties: true,
  logger: false,
} as const;
/** RE2 in the place of JavaScript's engine. */
const linearRegExp = Object.assign((pattern: string) => RE2JS.compile(pattern), { code: "RE2JS.compile" });

function compile(schema: JsonObject): ValidateFunction {
  const field = "schema";
  if (JSON.stringify(schema).length > SCHEMA_LIMITS.schemaChars) {
    throw new TrimtabError("TOO_LARGE", "schema is too large", {
      field,
      limit: `${SCHEMA_LIMITS.schemaChars} characters`,
    });
  }
  checkSchemaCost(schema, field);
  try {
    const ajv = new Ajv2020({ ...AJV_OPTIONS, code: { regExp: linearRegExp } });
    ajv.removeKeyword("uniqueItems").addKeyword(UNIQUE_ITEMS);
    return ajv.compile(schema);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 200) : "";
    throw new TrimtabError("INVALID_ARGUMENT", `schema cannot be used: ${why}`, { field, cause });
  }
}
