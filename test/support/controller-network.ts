/** The controller network by its definition, in plain loops: what the ONNX file must compute. */
import {
  type ControllerNetwork,
  type ControllerOutput,
  sigmoid,
} from "../../services/steering/src/controller/network.ts";

/** Raw outputs [outputs] for one input row [inputs], before the sigmoid. */
export function evaluateNetwork(network: ControllerNetwork, x: Float32Array): Float32Array {
  const { inputs, hidden, outputs, mean, std, w1, b1, w2, b2 } = network;
  const z = new Float32Array(inputs);
  for (let i = 0; i < inputs; i++) z[i] = ((x[i] as number) - (mean[i] as number)) / (std[i] as number);
  const a = new Float32Array(hidden);
  for (let h = 0; h < hidden; h++) a[h] = Math.max(0, (b1[h] as number) + dot(w1, h * inputs, z, inputs));
  const y = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) y[o] = (b2[o] as number) + dot(w2, o * hidden, a, hidden);
  return y;
}

/** Raw outputs as a decision. */
export function controllerOutput(raw: ArrayLike<number>): ControllerOutput {
  const layerWeights = new Float32Array(raw.length - 1);
  for (let l = 0; l < layerWeights.length; l++) layerWeights[l] = sigmoid(raw[l + 1] as number);
  return { gate: sigmoid(raw[0] as number), layerWeights };
}

function dot(matrix: Float32Array, start: number, vector: Float32Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (matrix[start + i] as number) * (vector[i] as number);
  return sum;
}
