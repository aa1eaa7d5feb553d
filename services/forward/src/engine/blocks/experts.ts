/**
 * x += Σ_e weight_e · mlp_e(norm(x)) over the experts with the largest router logits; equal logits go to the lowest
 * index. The weights are the softmax over the chosen ones, which is that over all experts, made to sum to 1. Programs
 * that push a logit far down mask that expert. A row's sum runs over its experts in ascending order, so that its bits
 * do not depend on the other rows. Cost: the chosen experts' products; rows of one expert go through it together.
 */
import { exponential } from "#kernels";
import type { LayerWeights, Projection } from "../../model/weights.ts";
import { finishBranch, multiply, onlyForm, type Pass, quantize } from "./pass.ts";

/** The rows of one expert and the weights of its output. */
export interface Share {
  readonly rows: number[];
  readonly factors: number[];
}

/** The mixture of layer l. */
export function expertsBlock(pass: Pass, l: number, layer: LayerWeights, router: Projection): void {
  const { ops, space, config, rows, hooks } = pass;
  const { width: cols, normEpsilon: eps, experts } = config;
  ops.rmsNorm({ x: space.x, weight: layer.mlpNorm, eps, rows, cols, out: space.normed });
  hooks.run("mlp_norm", l, space.normed, cols);
  quantize(pass, space.normed, router, cols);
  multiply(pass, router, space.routed, experts, false);
  hooks.run("router", l, space.routed, experts);
  const { buffer } = space.memory;
  const logits = new Float32Array(buffer, space.routed, rows * experts);
  new Float32Array(buffer, space.branch, rows * cols).fill(0);
  for (const [expert, share] of shareRows(logits, rows, experts, config.expertsUsed).entries()) {
    if (share.rows.length > 0) runExpert(pass, layer, expert, share);
  }
  finishBranch(pass, layer.mlpPostNorm, "mlp_output", l);
}

/** branch[rows] += factors · mlp(normed[rows]) */
function runExpert(pass: Pass, layer: LayerWeights, expert: number, share: Share): void {
  const { ops, space, config } = pass;
  const { gathered, gateUp, neurons, expertOutput, expertRows, expertFactors } = space;
  const { width, feedForward } = config;
  const { activation } = config.family;
  const weights = layer.mlps[expert];
  if (!weights) throw new RangeError(`no expert ${expert}`);
  const rows = share.rows.length;
  const { buffer } = space.memory;
  const floats = new Float32Array(buffer);
  for (const [index, row] of share.rows.entries()) {
    const from = space.normed / 4 + row * width;
    floats.copyWithin(gathered / 4 + index * width, from, from + width);
  }
  new Int32Array(buffer, expertRows, rows).set(share.rows);
  new Float32Array(buffer, expertFactors, rows).set(share.factors);
  const part = { ...pass, rows };
  quantize(part, gathered, weights.gateUp, width);
  multiply(part, weights.gateUp, gateUp, 2 * feedForward, false);
  const form = onlyForm(weights.down);
  const common = { gateUp, activation, rows, cols: feedForward };
  if (form) ops.gluQuantize({ ...common, form, out: space.quantized[form] });
  else {
    ops.glu({ ...common, out: neurons });
    quantize(part, neurons, weights.down, feedForward);
  }
  multiply(part, weights.down, expertOutput, width, false);
  const scatter = { indices: expertRows, factors: expertFactors, rows, cols: width };
  ops.scatterRows({ x: space.branch, y: expertOutput, ...scatter });
}

/**
 * Which rows go to which expert: the `used` largest logits of each row, f32 [rows, experts].
 * @returns by expert
 */
export function shareRows(logits: Float32Array, rows: number, experts: number, used: number): Share[] {
  const shares = Array.from({ length: experts }, (): Share => ({ rows: [], factors: [] }));
  for (let row = 0; row < rows; row++) {
    const own = logits.subarray(row * experts, (row + 1) * experts);
    const chosen = largest(own, used);
    const top = own[chosen[0] ?? 0] ?? 0;
    const weights = chosen.map((expert) => exponential(Math.max((own[expert] ?? 0) - top, LEAST)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, expert] of chosen.entries()) {
      shares[expert]?.rows.push(row);
      shares[expert]?.factors.push((weights[index] ?? 0) / total);
    }
  }
  return shares;
}

/** e^x of less than this is no share of a sum. */
const LEAST = -700;

/** Indices of the `count` largest values, largest first, the lowest index among equals. */
function largest(values: Float32Array, count: number): number[] {
  const chosen: number[] = [];
  while (chosen.length < count) {
    let best = -1;
    for (let i = 0; i < values.length; i++) {
      if (chosen.includes(i)) continue;
      if (best < 0 || (values[i] ?? 0) > (values[best] ?? 0)) best = i;
    }
    chosen.push(best);
  }
  return chosen;
}
