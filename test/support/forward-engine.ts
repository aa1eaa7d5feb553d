/** Short ways to talk to an engine in tests. */
import { afterAll } from "bun:test";
import {
  type CommandInput,
  createEngine,
  type Engine,
  type EngineOptions,
  type StreamEvent,
} from "../../services/forward/src/engine/client.ts";
import type {
  Caller,
  Finished,
  Opened,
  Sampling,
  ScoredToken,
  SequenceId,
} from "../../services/forward/src/engine/protocol.ts";
import type { Activation, TapSpec } from "../../services/forward/src/engine/taps.ts";
import { SITES as ALL_SITES, hasSite } from "../../services/forward/src/programs/program.ts";
import type { TrimtabError } from "../../services/kit/src/errors.ts";
import { createRandom, type SyntheticOptions, VOCABULARY, writeSyntheticModel } from "./synthetic-model.ts";

/** Greedy, no penalties. */
export const GREEDY: Sampling = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: [],
  seed: 1n,
};

/** The sites of a model without experts. */
export const SITES = ALL_SITES.filter((site) => hasSite(site, { experts: 0 }));

/** The last token's residuals of every layer of a 4-layer model. */
export const LAST_RESIDUALS: TapSpec = {
  site: "residual",
  layers: [0, 1, 2, 3],
  positions: "last",
  first: 0,
  end: 0,
  pooling: "none",
};

/** A caller who stays out of the prefix cache, so that what it pays for does not depend on what ran before. */
export const UNCACHED: Caller = { fairnessKey: "test", cacheSalt: "", bypassCache: true, waitMs: 5_000 };

/** A caller like any other. */
export const CALLER: Caller = { ...UNCACHED, bypassCache: false };

/** An engine for the tests of one file, which asks for it at its top; it ends with them. */
export async function startEngineForFile(
  options: Partial<EngineOptions> & { readonly synthetic?: SyntheticOptions } = {},
): Promise<Engine> {
  const { synthetic, ...others } = options;
  const engine = await createEngine({
    modelPath: await writeSyntheticModel(synthetic),
    threads: 1,
    ...others,
  });
  afterAll(() => engine.close());
  return engine;
}

/** Seeded token ids of the synthetic vocabulary, none of them a stop id. */
export function prompt(length: number, seed = 1): number[] {
  const random = createRandom(seed);
  return Array.from({ length }, () => 3 + Math.floor(((random() + 1) / 2) * (VOCABULARY - 3)));
}

/** Opens a sequence; `activations` are those of the taps. */
export async function open(
  engine: Engine,
  ids: readonly number[],
  options: Partial<CommandInput<"open">> = {},
): Promise<Opened & { sequence: SequenceId; activations: Activation[] }> {
  const sequence = options.sequence ?? engine.newSequence();
  const activations: Activation[] = [];
  const nothing = {
    caller: CALLER,
    parent: null,
    taps: [],
    binding: null,
    score: null,
    complete: false,
    transient: false,
  };
  const opened = await engine.call(
    { type: "open", promptTokens: ids.length, ...nothing, ids, ...options, sequence },
    (event) => void (event.type === "activations" && activations.push(...event.activations)),
  );
  return { ...opened, sequence, activations };
}

/** The error a promise fails with. */
export function failure(promise: Promise<unknown>): Promise<TrimtabError> {
  return promise.then(
    () => {
      throw new Error("expected a failure");
    },
    (error: unknown) => error as TrimtabError,
  );
}

/** What a generation produced. */
export interface Generated extends Finished {
  readonly tokens: readonly ScoredToken[];
  readonly activations: readonly Activation[];
}

/** Generates to the end. */
export async function generate(
  engine: Engine,
  sequence: SequenceId,
  options: Partial<CommandInput<"generate">> = {},
  onEvent?: (event: StreamEvent) => void,
): Promise<Generated> {
  const tokens: ScoredToken[] = [];
  const activations: Activation[] = [];
  const finished = await engine.call(
    {
      ...{
        type: "generate",
        sequence,
        maxTokens: 8,
        sampling: GREEDY,
        stream: 0n,
        stopIds: [],
        haltIds: [],
        minTokens: 0,
        topLogprobs: 5,
      },
      ...{ binding: null, replayLast: false, taps: [], parkEvery: 0, parkTimeoutMs: 5_000 },
      ...{ constraint: null, speculation: null },
      ...options,
    },
    (event) => {
      if (event.type === "tokens") tokens.push(...event.tokens);
      if (event.type === "activations") activations.push(...event.activations);
      onEvent?.(event);
    },
  );
  return { ...finished, tokens, activations };
}
