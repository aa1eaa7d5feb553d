/** ListModels, LoadModel, UnloadModel, GetModel, PutProgram, PutProjection. */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError, underField } from "#kit/errors.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { toQuantizedType } from "#kit/model-sources.ts";
import { createPushable } from "#kit/streams.ts";
import type { ForwardService, LoadProgressSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { findModelName } from "./model-name.ts";
import { programDigest, toProgram } from "../schema/program.ts";
import { projectionDigest, toProjection } from "../schema/projection.ts";
import type { Registry } from "../registry.ts";
import { toModel, toModelWithoutState } from "../schema/model.ts";

type Handlers = Pick<
  ServiceImpl<typeof ForwardService>,
  "listModels" | "loadModel" | "unloadModel" | "getModel" | "putProgram" | "putProjection"
>;

/** Handlers about models and programs. */
export function createModelHandlers(registry: Registry): Handlers {
  return {
    async listModels() {
      const loaded = await Promise.all(registry.loaded().map(toModel));
      return { models: [...loaded, ...registry.available().map((name) => ({ name, backend: "wasm" }))] };
    },
    async *loadModel({ source, expectedDigest, quantize: type }) {
      const quantize = toQuantizedType(type);
      // Some twenty a second at most: however slowly they are read, nobody else's loading may fail for it.
      const progress = createPushable<MessageInitShape<typeof LoadProgressSchema>>(Number.POSITIVE_INFINITY);
      const onProgress = (loadedBytes: number, totalBytes: number) =>
        void progress.push({ loadedBytes: BigInt(loadedBytes), totalBytes: BigInt(totalBytes) });
      const loading = registry.load(source, { expectedDigest, quantize, onProgress });
      void loading.then(
        () => progress.end(),
        (error: unknown) => progress.fail(error),
      );
      for await (const value of progress) yield { event: { case: "progress" as const, value } };
      yield { event: { case: "model" as const, value: await toModel(await loading) } };
    },
    async unloadModel({ modelDigest }) {
      await registry.unload(modelDigest);
      return {};
    },
    async getModel({ model, withoutState }) {
      const entries = registry.loaded();
      const meant = findModelName(
        entries.map(({ name }) => name),
        model,
      );
      const named = entries.find(({ name, engine }) => name === meant || engine.model.digest === model);
      const entry = model === "" && entries.length === 1 ? entries[0] : named;
      if (entry) return { model: withoutState ? toModelWithoutState(entry) : await toModel(entry) };
      const message = model === "" ? "no model or several models are loaded" : "no such model is loaded";
      throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "model" });
    },
    async putProgram({ program }) {
      if (!program) throw new TrimtabError("FIELD_REQUIRED", "program is missing", { field: "program" });
      return await underField(/^/, "program.", async () => {
        const engine = registry.engine(program.modelDigest);
        const digest = programDigest(program);
        await engine.call({ type: "program", digest, program: toProgram(program) });
        return { programDigest: digest };
      });
    },
    async putProjection({ projection: given }) {
      if (!given) throw new TrimtabError("FIELD_REQUIRED", "projection is missing", { field: "projection" });
      return await underField(/^/, "projection.", async () => {
        const engine = registry.engine(given.modelDigest);
        const digest = projectionDigest(given);
        await engine.call({ type: "projection", digest, projection: toProjection(given) });
        return { projectionDigest: digest };
      });
    },
  };
}
