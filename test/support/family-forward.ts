/** A model file through the forward pass itself, on this thread: residuals after every block, and logits, of all positions. */
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { createCompute, createMemory, loadModule } from "#kernels";
import type { Family } from "../../services/forward/src/families/family.ts";
import { families } from "../../services/forward/src/families/index.ts";
import { createForward } from "../../services/forward/src/engine/step.ts";
import type { TapCollector } from "../../services/forward/src/engine/taps.ts";
import { createWorkspace } from "../../services/forward/src/engine/workspace.ts";
import { readConfig } from "../../services/forward/src/model/config.ts";
import { openModel } from "../../services/forward/src/model/model-file.ts";
import { planMemory } from "../../services/forward/src/model/plan.ts";
import { loadWeights } from "../../services/forward/src/model/load.ts";
import { readRopeFactors } from "../../services/forward/src/model/weights.ts";
import { SITES } from "../../services/forward/src/programs/program.ts";

/** What the engine computed for some ids. */
export interface Computed {
  /** f32 [layers, n, width] */
  readonly residuals: Float32Array;
  /** f32 [n, vocabulary] */
  readonly logits: Float32Array;
}

/** How to compute; the result must not depend on it, except for the family. */
export interface ComputeChoice {
  /** Read the file as another family than its own. */
  readonly family?: Family;
  /** Rows of a batch. */
  readonly rows?: number;
  readonly threads?: number;
  readonly quantize?: QuantizedType;
  readonly simd?: "auto" | "plain";
}

/** Runs ids through a file. Keys and values are int16, the finest there are. */
export async function computeInside(
  modelPath: string,
  ids: readonly number[],
  { family, rows = 128, threads = 1, simd = "auto", quantize }: ComputeChoice = {},
): Promise<Computed> {
  const file = openModel(modelPath, quantize);
  const config = readConfig(file.header, family ? new Map([[family.architecture, family]]) : families);
  const { layers, width, vocabulary } = config;
  const plan = planMemory(file.header, config, {
    ...{ kvKindOf: () => "int16", kvBytes: null, contextTokens: null, rowBudget: rows, logitRows: rows },
  });
  const memory = createMemory(plan.totalBytes);
  loadWeights(file, plan.weights, memory);
  const space = createWorkspace(memory, plan, config, (one) =>
    readRopeFactors(file, one, plan.contextTokens),
  );
  file.close();
  const compute = await createCompute({ memory, module: await loadModule(), threads, simd });
  const forward = createForward(plan.weights.model, compute.operators, space);
  const residuals = new Float32Array(layers * ids.length * width);
  const logits = new Float32Array(ids.length * vocabulary);
  const collector = residualCollector(layers, (layer, position, row) =>
    residuals.set(row, (layer * ids.length + position) * width),
  );
  const table = {
    pages: Array.from({ length: Math.ceil(ids.length / 32) }, (_, page) => page),
    length: ids.length,
  };
  const onLogits = (position: number) => (row: number) =>
    logits.set(new Float32Array(memory.buffer, row, vocabulary), position * vocabulary);
  for (let first = 0; first < ids.length; first += rows) {
    const batch = ids.slice(first, first + rows).map((id, index) => {
      const position = first + index;
      return { id, position, table, heads: null, collector, onLogits: onLogits(position) };
    });
    forward.run(batch);
  }
  await compute.close();
  return { residuals, logits };
}

/** Takes the residual after every block at every position. */
function residualCollector(
  layers: number,
  take: (layer: number, position: number, row: Float32Array) => void,
): TapCollector {
  const first = SITES.indexOf("residual") * layers;
  const nothing = { finalNorm: false, projector: null, wantsLogits: false, waitingBytes: 0 };
  const cells = Array.from({ length: layers }, (_, layer) => ({
    ...nothing,
    first: 0,
    end: Number.POSITIVE_INFINITY,
    take: (position: number, row: Float32Array) => take(layer, position, row),
    takeLogits: () => {},
    flush: () => [],
  }));
  return {
    places: cells.map((_, layer) => first + layer),
    at: (place) => cells.slice(place - first, place - first + 1),
    flush: () => [],
    waitingBytes: 0,
    close: () => {},
  };
}
