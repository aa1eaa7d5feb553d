/** From a model file to a running engine core: open, check, plan, load, start the compute threads. */
import { availableParallelism } from "node:os";
import { TrimtabError } from "#kit/errors.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { checkUnchanged, identityOfModel } from "#kit/model-identity.ts";
import type { KvKind, Operators } from "#kernels";
import { ARENA_START, copyPage, createCompute, createMemory, loadModule, PAGE_TOKENS } from "#kernels";
import type { Rotation } from "../families/family.ts";
import type { ModelConfig } from "../model/config.ts";
import { readConfig } from "../model/config.ts";
import type { KvChoice } from "../model/kv-layout.ts";
import { chooseKvKinds } from "../model/kv-layout.ts";
import type { LoadProgress } from "../model/load.ts";
import { loadModel } from "../model/load.ts";
import { openModel } from "../model/model-file.ts";
import type { MemoryPlan } from "../model/plan.ts";
import { planMemory } from "../model/plan.ts";
import { readRopeFactors } from "../model/weights.ts";
import { createGrammars } from "../grammar/matching.ts";
import { createAllocator } from "./allocator.ts";
import { type Capabilities, wasmCapabilities } from "./capabilities.ts";
import type { Core } from "./core.ts";
import { createCore } from "./core.ts";
import { createKvTree } from "./kv-tree.ts";
import { createProgramStore } from "./programs.ts";
import { createProjectionStore } from "./projections.ts";
import type { EngineEvent, SequenceId } from "./protocol.ts";
import { createSampler } from "./sampler.ts";
import { createScheduler } from "./scheduler.ts";
import type { CoreOptions } from "./state.ts";
import { createRehearsal } from "./rehearsal.ts";
import { createForward } from "./step.ts";
import { chooseStreams } from "./stream-choice.ts";
import { chooseThreads, createThreadChoice } from "./thread-choice.ts";
import type { Workspace } from "./workspace.ts";
import { createWorkspace } from "./workspace.ts";

/** What an engine is made from; every field is resolved. */
export interface RuntimeOptions {
  /** A GGUF file, a directory of the hub, or a decoder graph (`.onnx`) with its configuration beside it. */
  readonly modelPath: string;
  /** Type the float matrices are quantized to while they are loaded; null keeps them. */
  readonly quantize: QuantizedType | null;
  /** Digest the model must have, hex; empty is not checked. */
  readonly expectedDigest: string;
  /** Compute threads; `auto`: at most one a processor, as many of them as measure fastest. */
  readonly threads: number | "auto";
  readonly simd: "auto" | "plain";
  /** Storage of keys and values; null = as the model's family says. */
  readonly kvKind: KvChoice | null;
  readonly kvBytes: number | null;
  readonly contextTokens: number | null;
  readonly rowBudget: number;
  readonly prefillRows: number;
  /** Keep the pages of finished sequences for later requests that begin the same way. */
  readonly prefixCache: boolean;
}

/** A loaded model as the outside sees it. */
export interface ModelInfo {
  readonly name: string;
  /** See `digestOfModel`. */
  readonly digest: string;
  readonly architecture: string;
  readonly layers: number;
  readonly width: number;
  /** Neurons of an MLP, or of one expert. */
  readonly feedForward: number;
  /** 0 without a router. */
  readonly experts: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  readonly contextTokens: number;
  readonly stopIds: readonly number[];
  readonly parameters: number;
  readonly pages: number;
  readonly pageBytes: number;
  /** Storage of keys and values by layer. */
  readonly kvKinds: readonly KvKind[];
  readonly weightBytes: number;
  /** Threads started. */
  readonly threads: number;
  readonly variant: string;
  readonly capabilities: Capabilities;
}

/** A running engine on the calling thread. */
export interface Runtime {
  readonly model: ModelInfo;
  readonly core: Core;
  /** Runs a step of the start-up measurement while nothing else is to be done; false when there is none left. */
  rehearse(): boolean;
  /** Ends the compute threads. */
  close(): Promise<void>;
}

const LOGIT_ROWS = 32;
/** Most threads that `auto` starts. */
const MAX_AUTO_THREADS = 16;

/**
 * Loads a model and starts an engine; `wake` is called when events or work came up outside of a step,
 * `onProgress` while the weights are read.
 * @throws TrimtabError of the reader, the configuration and the plan; MODEL_MISMATCH for another digest
 */
export async function createRuntime(
  options: RuntimeOptions,
  emit: (event: EngineEvent) => void,
  wake: () => void,
  onProgress: LoadProgress,
): Promise<Runtime> {
  const identity = identityOfModel(options.modelPath);
  const file = openModel(options.modelPath, options.quantize);
  try {
    const config = readConfig(file.header);
    const { rowBudget, prefillRows } = options;
    const kvKindOf = chooseKvKinds(file, config, options.kvKind);
    const plan = planMemory(file.header, config, {
      ...options,
      kvKindOf,
      logitRows: Math.min(LOGIT_ROWS, rowBudget),
    });
    const memory = createMemory(plan.totalBytes);
    const { modelPath, quantize, simd } = options;
    const isAuto = options.threads === "auto";
    const threads =
      options.threads === "auto" ? Math.min(availableParallelism(), MAX_AUTO_THREADS) : options.threads;
    const { placements } = plan.weights;
    const digest = await loadModel({ file, modelPath, quantize, placements, memory, threads, onProgress });
    // What was hashed and what each thread read were opened one after the other.
    checkUnchanged(modelPath, identity);
    if (options.expectedDigest !== "" && options.expectedDigest !== digest) {
      throw new TrimtabError("MODEL_MISMATCH", `the model has the digest ${digest}`, {
        field: "expected_digest",
      });
    }
    const factorsOf = (rotation: Rotation) => readRopeFactors(file, rotation, plan.contextTokens);
    const space = createWorkspace(memory, plan, config, factorsOf);
    const compute = await createCompute({ memory, module: await loadModule(), threads, simd });
    const { operators } = compute;
    const choice = isAuto && threads > 1 ? createThreadChoice(threads) : null;
    const scheduler = createScheduler<SequenceId>({ rowBudget, prefillRows });
    const cacheFormat = options.prefixCache
      ? `${digest} wasm ${plan.kv.layers.map(({ shape }) => shape.kind).join()}`
      : null;
    const grammars = createGrammars({ modelPath, quantize, digest, identity, vocabulary: config.vocabulary });
    const now = () => performance.now();
    const streams = chooseStreams(createForward(plan.weights.model, operators, space), operators, now);
    const chosen = choice ? chooseThreads(streams, operators, choice, now) : streams;
    const parts = { ...createParts(memory, plan, config, space, operators), forward: chosen, now };
    const core = createCore({ ...parts, cacheFormat, scheduler, grammars, emit, wake });
    const close = () => {
      grammars.close();
      return compute.close();
    };
    return {
      model: describe(config, plan, digest, operators),
      core,
      close,
      rehearse: createRehearsal({ streams, chosen, choice, now }),
    };
  } finally {
    file.close();
  }
}

/** The parts of a core over a loaded arena. */
function createParts(
  memory: WebAssembly.Memory,
  plan: MemoryPlan,
  config: ModelConfig,
  space: Workspace,
  operators: Operators,
): Omit<CoreOptions, "forward" | "now" | "cacheFormat" | "scheduler" | "emit" | "wake" | "grammars"> {
  const { regions, pages, contextTokens, rowBudget } = plan;
  const { pageBytes } = plan.kv;
  const { vocabulary } = config;
  const scratch = {
    history: regions.history.pointer,
    bias: regions.bias.pointer,
    mask: regions.mask.pointer,
  };
  const { pointer, sizeBytes } = regions.programs;
  const allocator = createAllocator("programs", pointer, sizeBytes);
  return {
    sampler: createSampler(operators, memory, scratch, vocabulary),
    tree: createKvTree({
      pages,
      copyPage: (from, to) => copyPage(memory, space.pageAddress(from), space.pageAddress(to), pageBytes),
      clearPage: (page) => void new Uint8Array(memory.buffer, space.pageAddress(page), pageBytes).fill(0),
      pageCost: (depth) => pageCost(config, depth),
    }),
    programs: createProgramStore(memory, allocator, config),
    projections: createProjectionStore(memory, allocator, config),
    layers: config.layers,
    rowBudget,
    contextTokens,
    vocabulary,
    pageBytes,
    threads: () => operators.threads,
    variant: operators.variant,
  };
}

/** Multiply-adds of a page with `depth` pages before it, in multiples of those without any. */
function pageCost({ layers, headsWidth, parameters }: ModelConfig, depth: number): number {
  return 1 + (2 * layers * headsWidth * depth * PAGE_TOKENS) / parameters;
}

function describe(config: ModelConfig, plan: MemoryPlan, digest: string, operators: Operators): ModelInfo {
  const { name, layers, width, feedForward, experts, heads, kvHeads, headDim } = config;
  const { vocabulary, stopIds, parameters } = config;
  const { contextTokens, pages, kv } = plan;
  return {
    ...{ name, digest, architecture: config.family.architecture, layers, width, feedForward, heads, kvHeads },
    ...{ experts, headDim, vocabulary, contextTokens, stopIds, parameters, pages },
    pageBytes: kv.pageBytes,
    weightBytes: plan.weights.end - ARENA_START,
    kvKinds: kv.layers.map(({ shape }) => shape.kind),
    threads: operators.threads,
    variant: operators.variant,
    capabilities: wasmCapabilities(experts),
  };
}
