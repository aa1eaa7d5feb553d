/**
 * Which models are loaded, in a file: a process that is started again after a fault loads them again, and not those that
 * were unloaded, so that no load and no unload that was acknowledged is lost.
 */
import { existsSync } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";
import { writeFileAtomic } from "#kit/files.ts";
import { isQuantizedType, type QuantizedType } from "#kit/gguf-quantize.ts";
import { isJsonObject, readJsonFile } from "#kit/json-file.ts";
import { LOADED_LIST } from "../limits.ts";

/** A model as it was loaded. */
export interface ListedModel {
  readonly path: string;
  readonly quantize: QuantizedType | null;
  /** What it was, hex: another file under the same path is not the model that was loaded. */
  readonly digest: string;
}

/**
 * The models of a list; undefined when there is none.
 * @throws TrimtabError ARTIFACT_INVALID for a file that is no list
 */
export function readLoadedList(file: string): readonly ListedModel[] | undefined {
  if (!existsSync(file)) return undefined;
  const { models } = readJsonFile(file, "loaded", LOADED_LIST);
  if (Array.isArray(models) && models.every(isListed)) return models;
  throw new TrimtabError("ARTIFACT_INVALID", `${file} is no list of loaded models`, { field: "loaded" });
}

/** Writes the list, durable before it returns. */
export function writeLoadedList(file: string, models: readonly ListedModel[]): void {
  const listed = models.map(({ path, quantize, digest }) => ({ path, quantize, digest }));
  writeFileAtomic(file, new TextEncoder().encode(JSON.stringify({ models: listed })));
}

function isListed(value: unknown): value is ListedModel {
  if (!isJsonObject(value)) return false;
  const { path, quantize, digest } = value;
  const isType = quantize === null || (typeof quantize === "string" && isQuantizedType(quantize));
  return isType && typeof path === "string" && typeof digest === "string";
}
