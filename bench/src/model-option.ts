/** How benchmarks are told their models. */
import { Option } from "commander";
import { locateModel } from "#kit/model-sources.ts";
import { defaultModelPath } from "#kit/paths.ts";

/** `--model`: a path in the end. */
export const modelOption = (): Option =>
  new Option("--model <model>", "model file, or its name in the cache")
    .argParser(locateModel)
    .default(defaultModelPath());

/** `--models`: paths in the end. */
export const modelsOption = (): Option =>
  new Option("--models <list>", "model files or their names in the cache, with commas between")
    .argParser((list) => list.split(",").map((name) => locateModel(name.trim())))
    .default([defaultModelPath()]);
