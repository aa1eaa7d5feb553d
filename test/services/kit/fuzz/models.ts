/** What services do with a header once it is read: vocabulary, configuration, plan of the memory. */
import type { GgufHeader } from "#kit/gguf.ts";
import { parseGguf } from "#kit/gguf.ts";
import { readConfig } from "../../../../services/forward/src/model/config.ts";
import { type ModelHeader, openModel } from "../../../../services/forward/src/model/model-file.ts";
import { planMemory } from "../../../../services/forward/src/model/plan.ts";
import { readVocabulary } from "../../../../services/tokenizer/src/vocabulary.ts";
import { syntheticModel } from "../../../support/synthetic-model.ts";
import { markAll } from "./gguf-files.ts";

const PLAN = {
  kvKindOf: () => "int8" as const,
  kvBytes: null,
  contextTokens: null,
  rowBudget: 32,
  logitRows: 8,
} as const;
const bytes = syntheticModel({ layers: 1, metadata: { "tokenizer.ggml.merges": [] } });

/** A model that runs. */
export const modelFile = markAll(bytes, parseGguf(bytes).dataOffset);

/** Reads a header as the services do. @throws TrimtabError */
export function readAsModel(header: GgufHeader | ModelHeader): void {
  const config = readConfig(header);
  planMemory(header, config, PLAN);
  readVocabulary(header.metadata);
}

/** Opens a directory and reads it as far. @throws TrimtabError */
export function readDirectory(path: string): void {
  const file = openModel(path);
  try {
    planMemory(file.header, readConfig(file.header), PLAN);
  } finally {
    file.close();
  }
}
