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
import type { Operators, Pointer } from "#kernels";
import { PAGE_TOKENS, SEGMENT_TOKENS, unitBytes, writeUnits } from "#kernels";
import type { LoadedModel, Projection } from "../model/weights.ts";
import type { Site } from "../programs/program.ts";
import type { ChainHeads } from "./binding.ts";
import type { KvTable } from "./kv-tree.ts";
import type { Workspace } from "./workspace.ts";
import { createHooks } from "./hooks.ts";
import type { TapCollector } from "./taps.ts";

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
  /** Computes the rows, writes their keys and values, calls `onLogits` in row order. */
  run(batch: readonly BatchRow[]): void;
}

/** Attention rows a unit holds at most: small enough to share the work of a long chunk between threads. */
const UNIT_ROWS = 64;

/** A forward pass over the model with the given workspace. */
export function createForward(model: LoadedModel, operators: Operators, space: Workspace): Forward {
  const { config, layers } = model;
  const { width, headsWidth, feedForward, heads, normEpsilon: eps } = config;
  const { x, branch, normed, qkv, query, attended, gateUp, neurons } = space;
  const ops = operators;
  const shape = space.kvShape;
  const qkvWidth = headsWidth + 2 * config.kvHeads * config.headDim;

  return {
    run(batch) {
      const rows = batch.length;
      const { units, unitCount, maxSegments } = layOut(batch, space);
      const hooks = createHooks(batch, operators, space, config.layers);
      const hook = (site: Site, layer: number, at: Pointer, dim: number) => hooks.run(site, layer, at, dim);

      /** Quantized rms-normed rows for a projection; a hook sees the normed rows. */
      const normalize = (weight: Pointer, to: Projection, site: Site | null, layer: number): void => {
        const [form, ...others] = to.forms;
        if (form !== undefined && others.length === 0 && !(site !== null && hooks.acts(site, layer))) {
          return ops.rmsNormQuantize({
            x,
            add: 0,
            weight,
            eps,
            form,
            rows,
            cols: width,
            out: space.quantized[form],
          });
        }
        ops.rmsNorm({ x, weight, eps, rows, cols: width, out: normed });
        if (site !== null) hook(site, layer, normed, width);
        quantize(normed, to, width);
      };
      const quantize = (from: Pointer, to: Projection, cols: number): void => {
        for (const form of to.forms) ops.quantize({ x: from, form, rows, cols, out: space.quantized[form] });
      };
      const project = (by: Projection, y: Pointer, yStride: number, accumulate: boolean): void => {
        multiply(ops, by, space, rows, y, yStride, accumulate);
      };
      /** x += by · (quantized rows); a hook sees the product before it is added. */
      const addBranch = (by: Projection, site: Site, layer: number): void => {
        if (!hooks.acts(site, layer)) return project(by, x, width, true);
        project(by, branch, width, false);
        hook(site, layer, branch, width);
        ops.addRows({ x, y: branch, rows, cols: width });
      };

      ops.embed({ table: model.embedding, ids: space.ids, rows, scale: config.embeddingScale, out: x });
      for (const [l, layer] of layers.entries()) {
        hook("block_input", l, x, width);

        normalize(layer.attentionNorm, layer.qkv, "attention_norm", l);
        project(layer.qkv, qkv, qkvWidth, false);
        ops.ropeStore({
          qkv,
          rows,
          positions: space.positions,
          pageTables: space.rowTables,
          layer: l,
          shape,
          heads,
          ropeTable: space.ropeTable,
          interleaved: config.ropeInterleaved,
          query,
        });
        ops.attention({
          query,
          units,
          unitCount,
          rows,
          positions: space.positions,
          layer: l,
          shape,
          heads,
          maxSegments,
          partials: space.partials,
          out: attended,
        });
        hook("heads", l, attended, headsWidth);
        quantize(attended, layer.output, headsWidth);
        addBranch(layer.output, "attention_output", l);

        normalize(layer.mlpNorm, layer.gateUp, "mlp_norm", l);
        project(layer.gateUp, gateUp, 2 * feedForward, false);
        const [form, ...others] = layer.down.forms;
        if (form !== undefined && others.length === 0 && !hooks.acts("neurons", l)) {
          ops.swigluQuantize({ gateUp, form, rows, cols: feedForward, out: space.quantized[form] });
        } else {
          ops.swiglu({ gateUp, rows, cols: feedForward, out: neurons });
          hook("neurons", l, neurons, feedForward);
          quantize(neurons, layer.down, feedForward);
        }
        addBranch(layer.down, "mlp_output", l);

        hook("residual", l, x, width);
      }
      readLogits(batch, model, operators, space);
    },
  };
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

/** Writes ids, positions, page tables and attention units of a batch into the workspace. */
function layOut(
  batch: readonly BatchRow[],
  space: Workspace,
): { units: Pointer; unitCount: number; maxSegments: number } {
  const { buffer } = space.memory;
  new Int32Array(buffer, space.ids, batch.length).set(batch.map(({ id }) => id));
  new Int32Array(buffer, space.positions, batch.length).set(batch.map(({ position }) => position));
  const rowTables = new Uint32Array(buffer, space.rowTables, batch.length);
  const units: { segment: number; pageTable: Pointer; rows: Pointer; rowCount: number }[] = [];
  let maxSegments = 1;
  let pageTable = space.pageTables;
  for (let first = 0; first < batch.length;) {
    const table = batch[first]?.table;
    let end = first + 1;
    while (end < batch.length && batch[end]?.table === table) end++;
    const lastPosition = batch[end - 1]?.position ?? 0;
    const pages = Math.floor(lastPosition / PAGE_TOKENS) + 1;
    const addresses = new Uint32Array(buffer, pageTable, pages);
    for (let page = 0; page < pages; page++) addresses[page] = space.pageAddress(table?.pages[page] ?? 0);
    rowTables.fill(pageTable, first, end);
    const segments = Math.floor(lastPosition / SEGMENT_TOKENS) + 1;
    maxSegments = Math.max(maxSegments, segments);
    for (let segment = 0; segment < segments; segment++) {
      // Rows ascend in position, so those that look at this segment are the last ones of the sequence.
      let from = first;
      while ((batch[from]?.position ?? 0) < segment * SEGMENT_TOKENS) from++;
      for (let row = from; row < end; row += UNIT_ROWS) {
        const rowCount = Math.min(UNIT_ROWS, end - row);
        units.push({ segment, pageTable, rows: space.rowIndices + row * 4, rowCount });
      }
    }
    pageTable += pages * 4;
    first = end;
  }
  if (units.length * unitBytes > space.unitsBytes) throw new RangeError("more attention units than planned");
  writeUnits(space.memory, space.units, units);
  return { units: space.units, unitCount: units.length, maxSegments };
}
