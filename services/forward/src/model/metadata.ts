/** The metadata of one architecture in a GGUF file, read with its limits; and the two refusals of a model file. */
import { TrimtabError } from "#kit/errors.ts";
import type { ModelHeader } from "./model-file.ts";

/** Metadata under `<architecture>.`. */
export interface Metadata {
  /** The key with its prefix, for errors. */
  key(name: string): string;
  /** The value as it is, if there is one. */
  get(name: string): unknown;
  /** A number over 0. @throws TrimtabError ARTIFACT_INVALID */
  number(name: string, fallback?: number): number;
  /** A whole number over 0, at most `limit`. @throws TrimtabError ARTIFACT_INVALID */
  count(name: string, limit: number, fallback?: number): number;
}

/** The metadata of an architecture in a file. */
export function createMetadata(header: ModelHeader, architecture: string): Metadata {
  const key = (name: string): string => `${architecture}.${name}`;
  const get = (name: string): unknown => header.metadata.get(key(name));
  const number = (name: string, fallback?: number): number => {
    const value = get(name) ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw contradiction(key(name), `must be a number over 0, is ${String(value).slice(0, 40)}`);
  };
  return {
    key,
    get,
    number,
    count(name, limit, fallback) {
      const value = number(name, fallback);
      if (Number.isInteger(value) && value <= limit) return value;
      throw contradiction(key(name), `must be a whole number up to ${limit}, is ${value}`);
    },
  };
}

/** A file that contradicts itself. */
export function contradiction(field: string, text: string): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", `${field}: ${text}`, { field });
}

/** A file that asks for what this build does not do. */
export function unsupported(field: string, text: string): TrimtabError {
  return new TrimtabError("BACKEND_CAPABILITY", `${field}: ${text} is not supported`, { field });
}
