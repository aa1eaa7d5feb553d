/**
 * JSON out of an answer, within bounds that hold before it is parsed. Linear in the text.
 */
import { SCHEMA_LIMITS } from "../../limits.ts";

/** Parsed JSON, the limit it exceeds, or nothing if it is not JSON. */
export type ParsedJson =
  { readonly value: unknown } | { readonly limit: string } | { readonly isJson: false };

/** Parses a text that is JSON and nothing else. */
export function parseJson(text: string): ParsedJson {
  let depth = 0;
  let values = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isInString) {
      if (char === "\\") at++;
      else if (char === '"') isInString = false;
    } else if (char === '"') {
      isInString = true;
    } else if (char === "{" || char === "[") {
      if (++depth > SCHEMA_LIMITS.instanceDepth) return { limit: `${SCHEMA_LIMITS.instanceDepth} levels` };
      values++;
    } else if (char === "}" || char === "]") {
      depth--;
    } else if (char === ",") {
      values++;
    }
  }
  if (values > SCHEMA_LIMITS.instanceValues) return { limit: `${SCHEMA_LIMITS.instanceValues} values` };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { isJson: false };
  }
}

/** The first code block, else what is between the first opening and the last closing bracket, else the text. */
export function extractJson(text: string): string {
  const fence = text.indexOf("```");
  if (fence >= 0) {
    const start = text.indexOf("\n", fence);
    const end = start < 0 ? -1 : text.indexOf("```", start);
    if (end > start) return text.slice(start + 1, end).trim();
  }
  const start = text.search(/[[{]/);
  if (start < 0) return text;
  const end = text.lastIndexOf(text[start] === "{" ? "}" : "]");
  return end > start ? text.slice(start, end + 1) : text;
}

/** The value with sorted keys, so that equal values are equal texts; nesting was bounded when it was parsed. */
export function spellJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
