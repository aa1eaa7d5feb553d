/**
 * The forward pass of one batch, a decoder on packed weights; the blocks are in blocks/, what differs between families
 * is data:
 *
 *   x = embed(ids)
 *   per layer:  x += attention block
 *               x += MLP or mixture of experts
 *   logits = head · norm(x), only for rows somebody reads
 *
 * Of the last layer the other rows need their keys and values alone (read-rows.ts): nothing of a prompt but its end goes further. The
 * same holds for the first blocks of a row whose residuals are known there (trail.ts). Programs and taps sit between the operators.
 * Where none acts, fused operators run; they give the same bits. No bit of a row depends on the other rows. Cost: see kernels; this
 * file only orders them.
 */
import type { Operators, Pointer } from "#kernels";
import type { LoadedModel } from "../model/weights.ts";
import type { ChainHeads } from "./binding.ts";
import type { KvTable } from "./kv-tree.ts";
import { attend, headTransform, storeKeysAndValues } from "./blocks/attention.ts";
import { expertsBlock } from "./blocks/experts.ts";
import { mlpBlock } from "./blocks/mlp.ts";
import { createHead } from "./head.ts";
import { createHooks } from "./hooks.ts";
import { layOut } from "./lay-out.ts";
import { keepRead, type Rows } from "./read-rows.ts";
import { createTapReader } from "./tap-rows.ts";
import { followTrails, keepTrails, knownBlocks, type Trail } from "./trail.ts";
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
  /** Where its residuals are noted, if it will be computed again. */
  readonly keeps?: Trail | null;
  /** Its residuals where no program acts, if it has been computed before. */
  readonly follows?: Trail | null;
}

/** Runs batches. */
export interface Forward {
  /**
   * Computes the rows, writes their keys and values, calls `onLogits` in row order.
   * @returns pages whose keys and values a layer read, those that sequences share counted once
   */
  run(batch: readonly BatchRow[]): number;
}

/** A forward pass over the model with the given workspace. */
export function createForward(model: LoadedModel, ops: Operators, space: Workspace): Forward {
  const { config, embedding, layers } = model;
  const transforms = layers.map((layer, l) => headTransform(config, space, l, layer));
  const head = createHead(model, ops, space);
  const readTaps = createTapReader(ops, space, head);
  return {
    run(batch) {
      const rows = batch.length;
      const hooksOf = (some: readonly BatchRow[]) => createHooks(some, ops, space, readTaps, config.layers);
      const hooks = hooksOf(batch);
      const { unitCount, maxSegments, pagesRead } = layOut(batch, space);
      let computed: Rows = {
        pass: { ops, space, config, transforms, rows, hooks, unitCount, maxSegments },
        batch,
      };
      const { embedding: scale } = config.scales;
      ops.embed({ table: embedding, ids: space.ids, rows, scale, out: space.x });
      const known = knownBlocks(batch, layers.length);
      for (const [l, layer] of layers.entries()) {
        if (known > 0 && l <= known) followTrails(batch, l, space, config.width);
        keepTrails(batch, l, space, config.width);
        hooks.run("block_input", l, space.x, config.width);
        storeKeysAndValues(computed.pass, l, layer);
        if (l < known) continue;
        if (l === layers.length - 1) computed = keepRead(computed, l, hooksOf);
        const { pass } = computed;
        if (pass.rows === 0) return pagesRead;
        attend(pass, l, layer);
        if (layer.router === null) mlpBlock(pass, l, layer);
        else expertsBlock(pass, l, layer, layer.router);
        pass.hooks.run("residual", l, space.x, config.width);
      }
      if (known === layers.length) followTrails(batch, known, space, config.width);
      keepTrails(computed.batch, layers.length, space, config.width);
      const readers = computed.batch.flatMap(({ onLogits }, row) => (onLogits ? [{ onLogits, row }] : []));
      const read = readers.map(({ row }) => row);
      head.read(space.x, read, (index, logits) => readers[index]?.onLogits(logits));
      return pagesRead;
    },
  };
}
