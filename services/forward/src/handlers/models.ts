/** ListModels, LoadModel, UnloadModel, GetModel, PutProgram, PutProjection. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { PAGE_TOKENS } from "#kernels";
import type { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { hasSite, SITES } from "../programs/program.ts";
import { findModelName } from "./model-name.ts";
import { programDigest, toProgram } from "./convert.ts";
import { projectionDigest, toProjection } from "./projection.ts";
import type { LoadedEntry, Registry } from "./registry.ts";

type Handlers = Pick<
  ServiceImpl<typeof ForwardService>,
  "listModels" | "loadModel" | "unloadModel" | "getModel" | "putProgram" | "putProjection"
>;

const OPERATION_KINDS = 6;

/** Handlers about models and programs. */
export function createModelHandlers(registry: Registry): Handlers {
  return {
    async listModels() {
      const loaded = await Promise.all(registry.loaded().map(describe));
      return { models: [...loaded, ...registry.available().map((name) => ({ name, backend: "wasm" }))] };
    },
    async loadModel({ source, expectedDigest }) {
      return { model: await describe(await registry.load(source, expectedDigest)) };
    },
    async unloadModel({ modelDigest }) {
      await registry.unload(modelDigest);
      return {};
    },
    async getModel({ model }) {
      const entries = registry.loaded();
      const meant = findModelName(
        entries.map(({ name }) => name),
        model,
      );
      const named = entries.find(({ name, engine }) => name === meant || engine.model.digest === model);
      const entry = model === "" && entries.length === 1 ? entries[0] : named;
      if (entry) return { model: await describe(entry) };
      const message = model === "" ? "no model or several models are loaded" : "no such model is loaded";
      throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "model" });
    },
    async putProgram({ program }) {
      if (!program) throw new TrimtabError("FIELD_REQUIRED", "program is missing", { field: "program" });
      const engine = registry.engine(program.modelDigest);
      const digest = programDigest(program);
      await engine.call({ type: "program", digest, program: toProgram(program) });
      return { programDigest: digest };
    },
    async putProjection({ projection: given }) {
      if (!given) throw new TrimtabError("FIELD_REQUIRED", "projection is missing", { field: "projection" });
      const engine = registry.engine(given.modelDigest);
      const digest = projectionDigest(given);
      await engine.call({ type: "projection", digest, projection: toProjection(given) });
      return { projectionDigest: digest };
    },
  };
}

async function describe({ name, engine }: LoadedEntry) {
  const { model } = engine;
  const stats = await engine.call({ type: "stats" });
  return {
    ...{
      name,
      digest: model.digest,
      architecture: model.architecture,
      layers: model.layers,
      width: model.width,
    },
    feedForwardWidth: model.feedForward,
    heads: model.heads,
    kvHeads: model.kvHeads,
    headDim: model.headDim,
    vocabularySize: model.vocabulary,
    contextTokens: model.contextTokens,
    stopIds: [...model.stopIds],
    loaded: true,
    backend: "wasm",
    sites: SITES.flatMap((site, index) => (hasSite(site, model) ? [index + 1] : [])),
    operations: Array.from({ length: OPERATION_KINDS }, (_, index) => index + 1),
    deterministic: true,
    fork: true,
    gradients: false,
    kvMemory: {
      pages: stats.pages,
      freePages: stats.freePages,
      pageTokens: PAGE_TOKENS,
      pageBytes: BigInt(stats.pageBytes),
      copiedPages: BigInt(stats.copiedPages),
      sequences: stats.sequences,
      cachedPages: stats.cachedPages,
      evictedPages: BigInt(stats.evictedPages),
      queriedTokens: BigInt(stats.queriedTokens),
      hitTokens: BigInt(stats.hitTokens),
    },
    compute: `${stats.threads} x ${stats.variant}`,
    parameters: BigInt(model.parameters),
  };
}
