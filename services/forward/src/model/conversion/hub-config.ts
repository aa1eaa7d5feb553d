/** `config.json` of a model directory, read with limits; errors name the key as `config.<key>`. */
import type { JsonObject } from "#kit/json-file.ts";
import { contradiction, unsupported } from "../metadata.ts";

/** The keys of a configuration, or of an object inside it. */
export interface HubConfig {
  /** The path of a key, for errors. */
  path(key: string): string;
  /** The value as it is; null is absent. */
  get(key: string): unknown;
  /** A number over 0. @throws TrimtabError ARTIFACT_INVALID */
  number(key: string, fallback?: number): number;
  /** A whole number over 0. @throws TrimtabError ARTIFACT_INVALID */
  count(key: string, fallback?: number): number;
  /** True or false. @throws TrimtabError ARTIFACT_INVALID */
  flag(key: string, fallback: boolean): boolean;
  /** Numbers over 0. @throws TrimtabError ARTIFACT_INVALID */
  numbers(key: string): number[];
  /** The object under a key, if there is one. @throws TrimtabError ARTIFACT_INVALID */
  inside(key: string): HubConfig | undefined;
  /** Refuses every value of a key but these (null and absent are always accepted). @throws BACKEND_CAPABILITY */
  only(key: string, ...accepted: readonly unknown[]): void;
}

/** A reader of a configuration. */
export function createHubConfig(values: JsonObject, prefix = "config"): HubConfig {
  const path = (key: string) => `${prefix}.${key}`;
  const get = (key: string): unknown => (Object.hasOwn(values, key) ? (values[key] ?? undefined) : undefined);
  const number = (key: string, fallback?: number): number => {
    const value = get(key) ?? fallback;
    if (value === undefined) throw contradiction(path(key), "is missing");
    if (isPositive(value)) return value;
    throw contradiction(path(key), `must be a number over 0, is ${show(value)}`);
  };
  return {
    ...{ path, get, number },
    count(key, fallback) {
      const value = number(key, fallback);
      if (Number.isSafeInteger(value)) return value;
      throw contradiction(path(key), `must be a whole number, is ${value}`);
    },
    flag(key, fallback) {
      const value = get(key) ?? fallback;
      if (typeof value === "boolean") return value;
      throw contradiction(path(key), `must be true or false, is ${show(value)}`);
    },
    numbers(key) {
      const value = get(key);
      if (Array.isArray(value) && value.every(isPositive)) return value;
      throw contradiction(path(key), "must be a list of numbers over 0");
    },
    inside(key) {
      const value = get(key);
      if (value === undefined) return undefined;
      if (typeof value === "object" && !Array.isArray(value)) {
        return createHubConfig(value as JsonObject, path(key));
      }
      throw contradiction(path(key), `must be an object, is ${show(value)}`);
    },
    only(key, ...accepted) {
      const value = get(key);
      if (value === undefined || accepted.some((one) => Bun.deepEquals(one, value))) return;
      throw unsupported(path(key), `the value ${show(value)}`);
    },
  };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
