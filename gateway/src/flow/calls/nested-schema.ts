/** The schema of a function's arguments as a part of another schema: its references follow it there. */

/** Keywords whose values are data. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);
/** Keywords whose values are schemas by name: a name is no keyword, whatever it is. */
const NAMED: ReadonlySet<string> = new Set([
  ...["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"],
]);
const SCALAR_KEYWORDS = ["type", "$ref", "anyOf", "oneOf", "allOf"];

/**
 * The schema, checked to be a JSON object, at `place`; its dialect is that of the other one. Arguments are an object, said or not; a
 * function that names none takes none.
 * @param parameters the schema as JSON, or ""
 */
export function nestedSchema(parameters: string, place: string): unknown {
  if (parameters === "") return { type: "object", additionalProperties: false };
  const { $schema: _, ...schema } = moved(JSON.parse(parameters), place) as Record<string, unknown>;
  return SCALAR_KEYWORDS.some((keyword) => keyword in schema) ? schema : { ...schema, type: "object" };
}

function moved(part: unknown, place: string, isByName = false): unknown {
  if (Array.isArray(part)) return part.map((item) => moved(item, place));
  if (typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).map(([key, value]) => {
    if (isByName) return [key, moved(value, place)];
    if (key === "$ref" && typeof value === "string" && /^#(\/|$)/.test(value))
      return [key, place + value.slice(1)];
    return [key, DATA.has(key) ? value : moved(value, place, NAMED.has(key))];
  });
  return Object.fromEntries(entries) as unknown;
}
