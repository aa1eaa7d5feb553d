/** Models as the schema describes them: what to load, and what is loaded. */
import { PAGE_TOKENS } from "#kernels";
import { OPERATION_KINDS } from "../engine/capabilities.ts";
import { KvKind } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { SITES } from "../programs/program.ts";
import type { LoadedEntry } from "../registry.ts";

const KV_KINDS = { int8: KvKind.INT8, int16: KvKind.INT16 } as const;

/** Shape and capabilities of a loaded model, known without asking its engine. */
export function toModelWithoutState({ name, engine }: LoadedEntry) {
  const { model } = engine;
  const { capabilities: can } = model;
  return {
    name,
    digest: model.digest,
    architecture: model.architecture,
    layers: model.layers,
    width: model.width,
    feedForwardWidth: model.feedForward,
    heads: model.heads,
    kvHeads: model.kvHeads,
    headDim: model.headDim,
    vocabularySize: model.vocabulary,
    contextTokens: model.contextTokens,
    stopIds: [...model.stopIds],
    loaded: true,
    backend: can.backend,
    sites: can.sites.map((site) => SITES.indexOf(site) + 1),
    operations: can.operations.map((kind) => OPERATION_KINDS.indexOf(kind) + 1),
    deterministic: can.deterministic,
    fork: can.fork,
    gradients: can.gradients,
    parameters: BigInt(model.parameters),
    weightBytes: BigInt(model.weightBytes),
  };
}

/** Shape, capabilities and state of a loaded model; asks its engine once, which answers between two steps. */
export async function toModel(entry: LoadedEntry) {
  const { model } = entry.engine;
  const stats = await entry.engine.call({ type: "stats" });
  return {
    ...toModelWithoutState(entry),
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
      sharedPages: stats.sharedPages,
      readPages: BigInt(stats.readPages),
      layerKinds: model.kvKinds.map((kind) => KV_KINDS[kind]),
    },
    load: {
      runningSequences: stats.running,
      waitingSequences: stats.waiting,
      promptTokens: BigInt(stats.promptTokens),
      generatedTokens: BigInt(stats.generatedTokens),
      steps: BigInt(stats.steps),
      rows: BigInt(stats.rows),
    },
    compute: `${stats.threads} x ${stats.variant}`,
  };
}
