/**
 * AdamW (arXiv 1711.05101): Adam with decoupled weight decay, on flat f32 parameter arrays.
 *   m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − η·(m̂ / (√v̂ + ε) + λθ)
 */

/** Settings of the optimiser. */
export interface AdamWSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** An optimiser over a fixed list of parameter arrays. */
export interface Optimiser {
  /** One step; `gradients` lie beside the parameters and are set to zero afterwards. */
  step(gradients: readonly Float32Array[]): void;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Creates the optimiser; `parameters` are changed in place. */
export function createAdamW(parameters: readonly Float32Array[], settings: AdamWSettings): Optimiser {
  const first = parameters.map((p) => new Float32Array(p.length));
  const second = parameters.map((p) => new Float32Array(p.length));
  let steps = 0;
  return {
    step(gradients) {
      steps++;
      const rate = settings.learningRate / (1 - BETA1 ** steps);
      const correction = 1 / Math.sqrt(1 - BETA2 ** steps);
      const keep = 1 - settings.learningRate * settings.weightDecay;
      for (const [index, theta] of parameters.entries()) {
        const [m, v, g] = [first[index], second[index], gradients[index]] as [
          Float32Array,
          Float32Array,
          Float32Array,
        ];
        for (let i = 0; i < theta.length; i++) {
          const gradient = g[i] as number;
          m[i] = BETA1 * (m[i] as number) + (1 - BETA1) * gradient;
          v[i] = BETA2 * (v[i] as number) + (1 - BETA2) * gradient * gradient;
          const change = (rate * (m[i] as number)) / (Math.sqrt(v[i] as number) * correction + EPSILON);
          theta[i] = (theta[i] as number) * keep - change;
          g[i] = 0;
        }
      }
    },
  };
}
