/**
 * The weighted controller network (Guiding Giants, arXiv 2505.20309, section 3) and its evaluation in TypeScript.
 *   z = (x − mean) / std;  a = relu(W1 z + b1);  [s, w_1 … w_L] = W2 a + b2
 * x: residuals of the last third of the blocks at the last prompt token, concatenated in block order. The emitted gate
 * is sigmoid(s), the layer weights are sigmoid(w). The paper's loss gives w no gradient: its rows of W2 are zero and its
 * biases carry the weights of the dose search. All matrices are f32, row-major [outputs, inputs].
 */

const LARGEST_LOGIT = 16;

/** Sizes of a controller. */
export interface ControllerShape {
  readonly inputs: number;
  readonly hidden: number;
  /** 1 + blocks of the model. */
  readonly outputs: number;
}

/** A trained controller. */
export interface ControllerNetwork extends ControllerShape {
  /** [inputs] */
  readonly mean: Float32Array;
  /** [inputs], > 0 */
  readonly std: Float32Array;
  /** [hidden, inputs] */
  readonly w1: Float32Array;
  /** [hidden] */
  readonly b1: Float32Array;
  /** [outputs, hidden] */
  readonly w2: Float32Array;
  /** [outputs] */
  readonly b2: Float32Array;
}

/** What a controller says about one prompt. */
export interface ControllerOutput {
  /** In 0 to 1. */
  readonly gate: number;
  /** [layers], in 0 to 1. */
  readonly layerWeights: Float32Array;
}

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

/** The logistic function. */
export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** What the sigmoid makes `weight` of; 0 and 1 are met to 1e-7. */
export function logitOf(weight: number): number {
  if (weight <= 0) return -LARGEST_LOGIT;
  if (weight >= 1) return LARGEST_LOGIT;
  return Math.min(LARGEST_LOGIT, Math.max(-LARGEST_LOGIT, Math.log(weight / (1 - weight))));
}

function dot(matrix: Float32Array, start: number, vector: Float32Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (matrix[start + i] as number) * (vector[i] as number);
  return sum;
}
