/**
 * The weighted controller network (Guiding Giants, arXiv 2505.20309, section 3). What runs is its ONNX file (`artifact.ts`).
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
