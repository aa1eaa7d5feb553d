/**
 * "uniqueItems" of JSON schemas in linear time: items are told apart by their spelling with sorted keys. What ajv has compares every
 * item with every other one. Cost: one spelling an item.
 */
import type { KeywordDefinition } from "ajv/dist/2020.js";
import { spellJson } from "./json.ts";

/** The keyword for ajv. */
export const UNIQUE_ITEMS: KeywordDefinition = {
  keyword: "uniqueItems",
  type: "array",
  schemaType: "boolean",
  error: { message: "must NOT have duplicate items" },
  validate: (isAsked: boolean, items: readonly unknown[]) =>
    !isAsked || new Set(items.map(spellJson)).size === items.length,
};
