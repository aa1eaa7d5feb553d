/** JSON objects from untrusted files: size, UTF-8, depth and duplicate keys are checked before anything is used. */
import { TrimtabError } from "./errors.ts";
import { readRegularFile } from "./files.ts";
import { scanJson } from "./json-scan.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a file may be. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a JSON object; `label` is its name in errors.
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID, TOO_LARGE; the field is the label.
 */
export function readJsonFile(path: string, label: string, { maxBytes, maxDepth }: JsonLimits): JsonObject {
  const text = decodeUtf8(readRegularFile(path, { maxBytes, label }), label);
  const fault = scanJson(text, maxDepth);
  if (fault !== undefined) throw invalid(label, fault);
  const value = JSON.parse(text) as unknown;
  if (!isJsonObject(value)) throw invalid(label, "is no object");
  return value;
}

/** True for objects that are no arrays. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text of a file's bytes. @throws TrimtabError ARTIFACT_INVALID naming the file. */
export function decodeUtf8(bytes: Uint8Array, label: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid(label, "is not valid UTF-8");
  }
}

function invalid(label: string, problem: string): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", `${label} ${problem}`, { field: label });
}
