/** The forward service: runs the network. Executes what others decide; calls nobody. */
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import type { TrimtabError } from "#kit/errors.ts";
import { registerEngineMetrics } from "#kit/engine-metrics.ts";
import { createLoadedList, type ListedModel } from "#kit/loaded-list.ts";
import { createMetrics, type Metrics } from "#kit/metrics.ts";
import { defaultModelDirectories } from "#kit/model-sources.ts";
import { ForwardService, ModelSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { EngineOptions } from "./src/engine/client.ts";
import type { ModelInfo } from "./src/engine/runtime.ts";
import { createCaptureHandler } from "./src/handlers/capture.ts";
import { createConstraintHandler } from "./src/handlers/constraint.ts";
import { createGenerateHandler } from "./src/handlers/leased-generate.ts";
import { createOpenHandler } from "./src/handlers/leased-open.ts";
import { createLeasedHandlers } from "./src/handlers/leased.ts";
import { createLeases } from "./src/leases.ts";
import { createModelHandlers } from "./src/handlers/models.ts";
import { createRegistry, type LoadedEntry } from "./src/registry.ts";
import { createScoreHandler } from "./src/handlers/score.ts";
import { createSessionHandler } from "./src/handlers/session.ts";
import type { LoadProgress } from "./src/model/load.ts";
import { toModel } from "./src/schema/model.ts";

export { createEngine } from "./src/engine/client.ts";
export type { Engine, EngineOptions } from "./src/engine/client.ts";
export type { ModelInfo } from "./src/engine/runtime.ts";
export { exportOnnx } from "./src/onnx/export.ts";
export type { OnnxExportOptions } from "./src/onnx/export.ts";

/** Options of the forward service; besides `modelPath` those of the engine. */
export interface ForwardServiceOptions extends Omit<EngineOptions, "modelPath"> {
  /** Model loaded at start, or several; omit to start without one. */
  readonly modelPath?: string | readonly string[];
  /** Directories LoadModel may load from; default: the model cache and the directories of `modelPath`. */
  readonly modelDirectories?: readonly string[];
  /** Hears how far `modelPath` is loaded. */
  readonly onProgress?: LoadProgress;
  /** File that keeps which models are loaded; where it exists already, those are loaded instead of `modelPath`. */
  readonly loadedFile?: string;
}

/** A running forward service. */
export interface RunningForwardService {
  /** Registers the routes of trimtab.forward.v1. */
  readonly routes: (router: ConnectRouter) => void;
  /** The services registered, for health and reflection. */
  readonly services: readonly [typeof ForwardService];
  /** KV memory, sequences, queue depth. */
  readonly metrics: Metrics;
  /** Models loaded now. */
  models(): readonly ModelInfo[];
  /** Resolves with the reason when an engine died by itself: the process should end and be started again. */
  readonly broken: Promise<TrimtabError>;
  /** Frees every sequence and ends the engines. */
  close(): Promise<void>;
}

/**
 * Creates the service and loads its first models, one after the other.
 * @throws TrimtabError of the loader: ARTIFACT_NOT_FOUND, ARTIFACT_INVALID, BACKEND_CAPABILITY, OUT_OF_MEMORY
 */
export async function createForwardService(options: ForwardServiceOptions): Promise<RunningForwardService> {
  const { modelPath, modelDirectories, onProgress, loadedFile, ...engineOptions } = options;
  const paths = [modelPath ?? []].flat();
  const list = createLoadedList(loadedFile, "forward");
  const keep = (): void => list.keep(registry.loaded().map(listed));
  const registry = createRegistry({
    directories: modelDirectories ?? defaultModelDirectories(paths),
    engineOptions,
    ...(onProgress && { onProgress }),
    onChange: keep,
  });
  const leases = createLeases();
  try {
    await list.restore(
      ({ path, quantize, digest }) => registry.loadFile(path, { quantize, expectedDigest: digest }),
      async () => {
        for (const path of paths) await registry.loadFile(path);
      },
    );
    keep();
  } catch (error) {
    await registry.close();
    throw error;
  }
  const metrics = createMetrics("forward");
  registerEngineMetrics(metrics, async () => {
    const models = await Promise.all(registry.loaded().map(toModel));
    return models.map((model) => create(ModelSchema, model));
  });
  return {
    metrics,
    services: [ForwardService],
    routes: (router) =>
      void router.service(ForwardService, {
        ...createModelHandlers(registry),
        ...createConstraintHandler(registry),
        ...createOpenHandler(registry, leases),
        ...createGenerateHandler(registry, leases),
        ...createLeasedHandlers(registry, leases),
        ...createScoreHandler(registry),
        ...createCaptureHandler(registry),
        ...createSessionHandler(registry),
      }),
    broken: registry.broken,
    models: () => registry.loaded().map(({ engine }) => engine.model),
    async close() {
      leases.close();
      await registry.close();
    },
  };
}

const listed = ({ path, quantize, engine }: LoadedEntry): ListedModel => ({
  ...{ path, quantize, digest: engine.model.digest },
});
