/** x += norm(down · (act(gate) · up)) with gate and up of norm(x). */
import type { LayerWeights, MlpWeights } from "../../model/weights.ts";
import { addBranch, multiply, normalize, onlyForm, type Pass, quantize } from "./pass.ts";

/** The MLP block of layer l, which has one MLP. */
export function mlpBlock(pass: Pass, l: number, layer: LayerWeights): void {
  const { ops, space, rows, hooks } = pass;
  const { feedForward: cols } = pass.config;
  const { activation } = pass.config.family;
  const { gateUp, neurons } = space;
  const [{ gateUp: into, down }] = layer.mlps as [MlpWeights];
  normalize(pass, layer.mlpNorm, into, "mlp_norm", l);
  multiply(pass, into, gateUp, 2 * cols, false);
  const form = onlyForm(down);
  if (form && !hooks.acts("neurons", l)) {
    ops.gluQuantize({ gateUp, activation, form, rows, cols, out: space.quantized[form] });
  } else {
    ops.glu({ gateUp, activation, rows, cols, out: neurons });
    hooks.run("neurons", l, neurons, cols);
    quantize(pass, neurons, down, cols);
  }
  addBranch(pass, down, layer.mlpPostNorm, "mlp_output", l);
}
