/**
 * A scan of JSON text for what `JSON.parse` accepts and we do not: duplicate keys, `__proto__` and deep nesting.
 * One pass, no recursion; runs before anything else touches the text. The text is then also parsed, so that the
 * scan needs to understand valid JSON only.
 */

/**
 * Returns what is wrong with `json`, or undefined if it parses and is free of duplicate keys and deep nesting.
 * @param maxDepth largest allowed nesting of objects and arrays
 * @param maxKeys most keys of all objects together: each costs far more than its bytes
 */
export function scanJson(
  json: string,
  maxDepth: number,
  maxKeys = Number.POSITIVE_INFINITY,
): string | undefined {
  const keys: (Set<string> | undefined)[] = [];
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === "{" || char === "[") {
      if (keys.length === maxDepth) return `is nested deeper than ${maxDepth}`;
      keys.push(char === "{" ? new Set() : undefined);
    } else if (char === "}" || char === "]") {
      keys.pop();
    } else if (char === '"') {
      const end = endOfText(json, at);
      const known = keys.at(-1);
      if (known && nextSolid(json, end) === ":") {
        if (++count > maxKeys) return `has more than ${maxKeys} keys`;
        const fault = addKey(known, json.slice(at, end));
        if (fault !== undefined) return fault;
      }
      at = end - 1;
    }
  }
  try {
    JSON.parse(json);
    return undefined;
  } catch {
    return "is not valid JSON";
  }
}

function addKey(known: Set<string>, literal: string): string | undefined {
  let key: string;
  try {
    key = JSON.parse(literal) as string;
  } catch {
    return "is not valid JSON";
  }
  if (known.has(key)) return `repeats the key "${key.slice(0, 80)}"`;
  if (key === "__proto__") return 'has the key "__proto__"';
  known.add(key);
  return undefined;
}

/** Index after the closing quote of the text that starts at `start`. */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++;
    else if (json[at] === '"') return at + 1;
  }
  return json.length;
}

function nextSolid(json: string, from: number): string | undefined {
  let at = from;
  while (at < json.length && " \t\r\n".includes(json[at] as string)) at++;
  return json[at];
}
