/**
 * The forward pass of one batch, a decoder of the llama family on packed weights:
 *
 *   x = embed(ids)
 *   per layer:  x += O · attention(rope(QKV · norm(x)))
 *               x += down · swiglu(gate-up · norm(x))
 *   logits = head · norm(x), only for rows somebody reads
 *
 * Programs and taps sit between the operators. Where none acts, fused operators run; they give the same bits. No bit
 * of a row depends on the other rows. Cost: see kernels; this file only orders them.
 */
import type { ActivationForm, Operators, Pointer } from "#kernels";
import type { ModelConfig } from "../model/config.ts";
import type { LayerWeights, LoadedModel, Projection } from "../model/weights.ts";
import type { Site } from "../programs/program.ts";
import type { ChainHeads } from "./binding.ts";
import type { KvTable } from "./kv-tree.ts";
import type { Hooks } from "./hooks.ts";
import { createHooks } from "./hooks.ts";
import { layOut } from "./lay-out.ts";
import type { TapCollector } from "./taps.ts";
import type { Workspace } from "./workspace.ts";

/** One token of a batch. Rows of one table are adjacent, in position order. */
export interface BatchRow {
  readonly id: number;
  readonly position: number;
  readonly table: KvTable;
  readonly heads: ChainHeads | null;
  readonly collector: TapCollector | null;
  /** Called with the row's logits, f32 [vocabulary], or null when nobody reads them. */
  readonly onLogits: ((logits: Pointer) => void) | null;
}

/** Runs batches. */
export interface Forward {
  /**
   * Computes the rows, writes their keys and values, calls `onLogits` in row order.
   * @returns pages whose keys and values every layer read, those that sequences share counted once
   */
  run(batch: readonly BatchRow[]): number;
}

/** A batch on its way through the layers. */
interface Pass {
  readonly ops: Operators;
  readonly space: Workspace;
  readonly config: ModelConfig;
  readonly rows: number;
  readonly hooks: Hooks;
  readonly unitCount: number;
  readonly maxSegments: number;
}

/** A forward pass over the model with the given workspace. */
export function createForward(model: LoadedModel, ops: Operators, space: Workspace): Forward {
  const { config, embedding, layers } = model;
  return {
    run(batch) {
      const rows = batch.length;
      const hooks = createHooks(batch, ops, space, config.layers);
      const { unitCount, maxSegments, pagesRead } = layOut(batch, space);
      const pass: Pass = { ops, space, config, rows, hooks, unitCount, maxSegments };
      ops.embed({ table: embedding, ids: space.ids, rows, scale: config.embeddingScale, out: space.x });
      for (const [l, layer] of layers.entries()) {
        hooks.run("block_input", l, space.x, config.width);
        attentionBlock(pass, l, layer);
        mlpBlock(pass, l, layer);
        hooks.run("residual", l, space.x, config.width);
      }
      readLogits(batch, model, ops, space);
      return pagesRead;
    },
  };
}

/** x += O · attention(rope(QKV · norm(x))) */
function attentionBlock(pass: Pass, l: number, layer: LayerWeights): void {
  const { ops, space, config, rows, hooks, unitCount, maxSegments } = pass;
  const { qkv, query, positions, partials, kvShape: shape } = space;
  const { heads, headsWidth, ropeInterleaved: interleaved } = config;
  const qkvWidth = headsWidth + 2 * config.kvHeads * config.headDim;
  normalize(pass, layer.attentionNorm, layer.qkv, "attention_norm", l);
  multiply(ops, layer.qkv, space, rows, qkv, qkvWidth, false);
  const rope = { positions, pageTables: space.rowTables, ropeTable: space.ropeTable, interleaved };
  ops.ropeStore({ ...rope, qkv, rows, layer: l, shape, heads, query });
  const over = { units: space.units, unitCount, maxSegments, positions, partials };
  ops.attention({ ...over, query, rows, layer: l, shape, heads, out: space.attended });
  hooks.run("heads", l, space.attended, headsWidth);
  quantize(pass, space.attended, layer.output, headsWidth);
  addBranch(pass, layer.output, "attention_output", l);
}

/** x += down · swiglu(gate-up · norm(x)) */
function mlpBlock(pass: Pass, l: number, layer: LayerWeights): void {
  const { ops, space, config, rows, hooks } = pass;
  const { gateUp, neurons } = space;
  const cols = config.feedForward;
  normalize(pass, layer.mlpNorm, layer.gateUp, "mlp_norm", l);
  multiply(ops, layer.gateUp, space, rows, gateUp, 2 * cols, false);
  const form = onlyForm(layer.down);
  if (form && !hooks.acts("neurons", l)) {
    ops.swigluQuantize({ gateUp, form, rows, cols, out: space.quantized[form] });
  } else {
    ops.swiglu({ gateUp, rows, cols, out: neurons });
    hooks.run("neurons", l, neurons, cols);
    quantize(pass, neurons, layer.down, cols);
  }
  addBranch(pass, layer.down, "mlp_output", l);
}

/** Quantized rms-normed rows of x for a projection; hooks see the normed rows. */
function normalize(pass: Pass, weight: Pointer, to: Projection, site: Site, l: number): void {
  const { ops, space, rows, hooks } = pass;
  const { width: cols, normEpsilon: eps } = pass.config;
  const form = onlyForm(to);
  if (form && !hooks.acts(site, l)) {
    return ops.rmsNormQuantize({
      x: space.x,
      add: 0,
      weight,
      eps,
      form,
      rows,
      cols,
      out: space.quantized[form],
    });
  }
  ops.rmsNorm({ x: space.x, weight, eps, rows, cols, out: space.normed });
  hooks.run(site, l, space.normed, cols);
  quantize(pass, space.normed, to, cols);
}

/** x += by · (quantized rows); hooks see the product before it is added. */
function addBranch(pass: Pass, by: Projection, site: Site, l: number): void {
  const { ops, space, rows, hooks } = pass;
  const { width } = pass.config;
  if (!hooks.acts(site, l)) return multiply(ops, by, space, rows, space.x, width, true);
  multiply(ops, by, space, rows, space.branch, width, false);
  hooks.run(site, l, space.branch, width);
  ops.addRows({ x: space.x, y: space.branch, rows, cols: width });
}

function quantize({ ops, space, rows }: Pass, from: Pointer, to: Projection, cols: number): void {
  for (const form of to.forms) ops.quantize({ x: from, form, rows, cols, out: space.quantized[form] });
}

/** The form all parts of a projection share, if they do. */
function onlyForm({ forms }: Projection): ActivationForm | undefined {
  return forms.length === 1 ? forms[0] : undefined;
}

/** The head over the rows somebody reads, `logitRows` at a time. */
function readLogits(batch: readonly BatchRow[], model: LoadedModel, ops: Operators, space: Workspace): void {
  const { width, vocabulary, normEpsilon: eps } = model.config;
  const readers = batch.flatMap(({ onLogits }, row) => (onLogits ? [{ onLogits, row }] : []));
  const floats = new Float32Array(space.memory.buffer);
  for (let start = 0; start < readers.length; start += space.logitRows) {
    const group = readers.slice(start, start + space.logitRows);
    for (const [index, { row }] of group.entries()) {
      const from = space.x / 4 + row * width;
      floats.copyWithin(space.branch / 4 + index * width, from, from + width);
    }
    const rows = group.length;
    ops.rmsNorm({ x: space.branch, weight: model.outputNorm, eps, rows, cols: width, out: space.normed });
    for (const form of model.head.forms) {
      ops.quantize({ x: space.normed, form, rows, cols: width, out: space.quantized[form] });
    }
    multiply(ops, model.head, space, rows, space.logits, vocabulary, false);
    for (const [index, { onLogits }] of group.entries()) onLogits(space.logits + index * vocabulary * 4);
  }
}

function multiply(
  ops: Operators,
  by: Projection,
  space: Workspace,
  rows: number,
  y: Pointer,
  yStride: number,
  accumulate: boolean,
): void {
  for (const { matrix, form, column } of by.parts) {
    ops.matmul({ weight: matrix, x: space.quantized[form], rows, y: y + column * 4, yStride, accumulate });
  }
}
