/**
 * Checks parameters that a client sends against a JSON schema (2020-12) and names the field and the limit in the error.
 * Cost: linear in the parameters, whose size is bounded before.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { type Reason, TrimtabError } from "./errors.ts";

/** Checks parameters. @throws TrimtabError that names `field`. */
export type CheckParameters = (parameters: JsonObject, field: string) => void;

/** Bounds of parameters before the schema looks at them. */
export interface ParameterLimits {
  /** Nesting. */
  readonly parameterDepth: number;
  /** Characters of keys and strings, and other values. */
  readonly parameterChars: number;
}

const REASON_OF_KEYWORD: Record<string, Reason> = {
  additionalProperties: "UNKNOWN_FIELD",
  required: "FIELD_REQUIRED",
  minimum: "FIELD_OUT_OF_RANGE",
  maximum: "FIELD_OUT_OF_RANGE",
  exclusiveMinimum: "FIELD_OUT_OF_RANGE",
  exclusiveMaximum: "FIELD_OUT_OF_RANGE",
  enum: "FIELD_OUT_OF_RANGE",
  minItems: "FIELD_OUT_OF_RANGE",
  minLength: "FIELD_OUT_OF_RANGE",
  maxItems: "TOO_LARGE",
  maxLength: "TOO_LARGE",
};

/** Compiles the check of one schema. */
export function createParameterCheck(schema: JsonObject, limits: ParameterLimits): CheckParameters {
  return checkOf(createAjv(false).compile(schema), limits);
}

/** Checks of many schemas, each compiled when it is first used. A check also fills in the schema's defaults, in place. */
export function createParameterChecks(limits: ParameterLimits): (schema: JsonObject) => CheckParameters {
  const ajv = createAjv(true);
  const known = new WeakMap<JsonObject, CheckParameters>();
  return (schema) => {
    const check = known.get(schema) ?? checkOf(ajv.compile(schema), limits);
    known.set(schema, check);
    return check;
  };
}

function createAjv(useDefaults: boolean): Ajv2020 {
  return new Ajv2020({ strict: true, strictRequired: false, allErrors: false, useDefaults });
}

function checkOf(validate: ValidateFunction, limits: ParameterLimits): CheckParameters {
  return (parameters, field) => {
    checkPlain(parameters, field, limits);
    if (!validate(parameters)) throw describe(validate, field);
  };
}

function describe(validate: ValidateFunction, field: string): TrimtabError {
  const error = validate.errors?.[0] as ErrorObject;
  const params: Record<string, unknown> = error.params;
  const name = params.additionalProperty ?? params.missingProperty;
  const path = error.instancePath.replace(/\/(\d+)/g, "[$1]").replaceAll("/", ".");
  const at = `${field}${path}${typeof name === "string" ? `.${name.slice(0, 64)}` : ""}`;
  const reason = REASON_OF_KEYWORD[error.keyword] ?? "INVALID_ARGUMENT";
  const limit = params.limit ?? params.allowedValues;
  return new TrimtabError(reason, `${at} ${error.message ?? "is invalid"}`, {
    field: at,
    ...(limit === undefined ? {} : { limit: String(limit) }),
  });
}

/** Sizes and numbers, before a schema looks: no recursion, and every number finite. */
function checkPlain(parameters: JsonObject, field: string, limits: ParameterLimits): void {
  const open: { value: unknown; depth: number }[] = [{ value: parameters, depth: 0 }];
  let chars = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    chars += typeof value === "string" ? value.length : 1;
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new TrimtabError("NON_FINITE", `${field} holds a number that is not finite`, { field });
    }
    if (typeof value === "object" && value !== null) {
      if (depth === limits.parameterDepth) {
        throw new TrimtabError("TOO_LARGE", `${field} is nested too deeply`, {
          field,
          limit: `${limits.parameterDepth} levels`,
        });
      }
      for (const [key, inner] of Object.entries(value)) {
        chars += key.length;
        open.push({ value: inner, depth: depth + 1 });
      }
    }
    if (chars > limits.parameterChars) {
      throw new TrimtabError("TOO_LARGE", `${field} is too large`, {
        field,
        limit: `${limits.parameterChars} characters`,
      });
    }
  }
}
