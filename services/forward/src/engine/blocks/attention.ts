/** x += norm(O · attention(transform(QKV · norm(x)))); the family's parts are constants of the layer. */
import type { HeadTransform } from "#kernels";
import type { ModelConfig } from "../../model/config.ts";
import type { LayerKv } from "../../model/kv-layout.ts";
import type { LayerWeights } from "../../model/weights.ts";
import type { Workspace } from "../workspace.ts";
import { addBranch, multiply, normalize, type Pass, quantize } from "./pass.ts";

/** The first half of the attention block of layer l: keys and values go into their pages, queries stay for `attend`. */
export function storeKeysAndValues(pass: Pass, l: number, layer: LayerWeights): void {
  const { ops, space, config, rows } = pass;
  const { qkv, query, positions } = space;
  const { shape, slot } = space.kvLayers[l] as LayerKv;
  const { heads, headsWidth } = config;
  const transform = pass.transforms[l] as HeadTransform;
  normalize(pass, layer.attentionNorm, layer.qkv, "attention_norm", l);
  multiply(pass, layer.qkv, qkv, headsWidth + 2 * config.kvHeads * config.headDim, false);
  ops.ropeStore({
    qkv,
    positions,
    pageTables: space.rowTables,
    rows,
    layer: slot,
    shape,
    heads,
    transform,
    query,
  });
}

/** The second half: what the rows of the pass, the first of those stored, read; added to the residual stream. */
export function attend(pass: Pass, l: number, layer: LayerWeights): void {
  const { ops, space, config, rows, hooks, unitCount, maxSegments } = pass;
  const { query, positions, partials } = space;
  const { shape, slot } = space.kvLayers[l] as LayerKv;
  const { heads, headsWidth } = config;
  const window = config.layerSettings[l]?.window ?? 0;
  const over = { units: space.units, unitCount, maxSegments, positions, partials, window };
  ops.attention({ ...over, query, rows, layer: slot, shape, heads, out: space.attended });
  hooks.run("heads", l, space.attended, headsWidth);
  quantize(pass, space.attended, layer.output, headsWidth);
  addBranch(pass, layer.output, layer.attentionPostNorm, "attention_output", l);
}

/** What layer l does to its query, key and value vectors. */
export function headTransform(
  config: ModelConfig,
  space: Workspace,
  l: number,
  layer: LayerWeights,
): HeadTransform {
  const rotation = config.layerSettings[l]?.rotation ?? null;
  return {
    bias: layer.qkvBias,
    queryNorm: layer.queryNorm,
    keyNorm: layer.keyNorm,
    eps: config.normEpsilon,
    ropeTable: rotation === null ? 0 : (space.ropeTables[rotation] ?? 0),
    rotary: rotation === null ? 0 : config.rotary,
    interleaved: config.family.ropeInterleaved,
    scoreScale: config.scales.scores,
  };
}
