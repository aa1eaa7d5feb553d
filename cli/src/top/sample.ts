/** What a server does, from two readings of ListModels: counts of now, and rates between the two. */
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";

/** One reading. */
export interface Reading {
  readonly atMs: number;
  readonly models: readonly Model[];
}

/** One model at one moment. Rates are 0 in the first sample of a model. */
export interface Load {
  readonly model: string;
  readonly compute: string;
  readonly runningSequences: number;
  readonly waitingSequences: number;
  readonly generatedTokensPerSecond: number;
  readonly promptTokensPerSecond: number;
  readonly stepsPerSecond: number;
  /** Rows (tokens of one sequence) computed together. */
  readonly rowsPerStep: number;
  readonly kvPages: number;
  readonly kvPagesUsed: number;
  /** Kept for prompts that begin alike; counted as free. */
  readonly kvPagesCached: number;
  readonly kvBytes: number;
  readonly weightBytes: number;
  /** Of the prompt tokens so far, those found in the cache, 0 to 1. */
  readonly prefixHits: number;
}

/** Loads of the models that are loaded. */
export function loadsOf(now: Reading, before: Reading | undefined): Load[] {
  const seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
  return now.models
    .filter(({ loaded }) => loaded)
    .map((model) =>
      loadOf(
        model,
        before?.models.find(({ digest }) => digest === model.digest),
        seconds,
      ),
    );
}

function loadOf(model: Model, before: Model | undefined, seconds: number): Load {
  const grown = (of: (one: Model) => bigint | undefined): number =>
    before && seconds > 0 ? Math.max(0, Number((of(model) ?? 0n) - (of(before) ?? 0n))) : 0;
  const rate = (of: (one: Model) => bigint | undefined): number => grown(of) / Math.max(seconds, 1e-3);
  const steps = grown(({ load }) => load?.steps);
  const { kvMemory } = model;
  const asked = Number(kvMemory?.queriedTokens ?? 0n);
  const pages = kvMemory?.pages ?? 0;
  return {
    ...{ model: model.name, compute: model.compute },
    runningSequences: model.load?.runningSequences ?? 0,
    waitingSequences: model.load?.waitingSequences ?? 0,
    generatedTokensPerSecond: rate(({ load }) => load?.generatedTokens),
    promptTokensPerSecond: rate(({ load }) => load?.promptTokens),
    stepsPerSecond: rate(({ load }) => load?.steps),
    rowsPerStep: steps === 0 ? 0 : grown(({ load }) => load?.rows) / steps,
    kvPages: pages,
    kvPagesUsed: pages - (kvMemory?.freePages ?? 0),
    kvPagesCached: kvMemory?.cachedPages ?? 0,
    kvBytes: pages * Number(kvMemory?.pageBytes ?? 0n),
    weightBytes: Number(model.weightBytes),
    prefixHits: asked === 0 ? 0 : Number(kvMemory?.hitTokens ?? 0n) / asked,
  };
}
