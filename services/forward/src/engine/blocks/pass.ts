/** A batch on its way through the layers, and the steps its blocks share: norms, products, adding to the residual. */
import type { ActivationForm, HeadTransform, Operators, Pointer } from "#kernels";
import type { ModelConfig } from "../../model/config.ts";
import type { Projection } from "../../model/weights.ts";
import type { Site } from "../../programs/program.ts";
import type { Hooks } from "../hooks.ts";
import type { Workspace } from "../workspace.ts";

/** A batch and what is computed with. */
export interface Pass {
  readonly ops: Operators;
  readonly space: Workspace;
  readonly config: ModelConfig;
  /** By layer. */
  readonly transforms: readonly HeadTransform[];
  readonly rows: number;
  readonly hooks: Hooks;
  readonly unitCount: number;
  readonly maxSegments: number;
}

/** Quantized rms-normed rows of x for a projection; hooks see the normed rows. */
export function normalize(pass: Pass, weight: Pointer, to: Projection, site: Site, l: number): void {
  const { ops, space, rows, hooks } = pass;
  const { width: cols, normEpsilon: eps } = pass.config;
  const form = onlyForm(to);
  if (form && !hooks.acts(site, l)) {
    const out = space.quantized[form];
    return ops.rmsNormQuantize({ x: space.x, add: 0, weight, eps, form, rows, cols, out });
  }
  ops.rmsNorm({ x: space.x, weight, eps, rows, cols, out: space.normed });
  hooks.run(site, l, space.normed, cols);
  quantize(pass, space.normed, to, cols);
}

/**
 * x += by · (quantized rows), normed first where `norm` ≠ 0, and times the model's factor; hooks see what is added.
 */
export function addBranch(pass: Pass, by: Projection, norm: Pointer, site: Site, l: number): void {
  const { space, hooks, config } = pass;
  if (norm === 0 && config.scales.residual === 1 && !hooks.acts(site, l)) {
    return multiply(pass, by, space.x, config.width, true);
  }
  multiply(pass, by, space.branch, config.width, false);
  finishBranch(pass, norm, site, l);
}

/** Adds the rows of `branch` to x as `addBranch` does. */
export function finishBranch(pass: Pass, norm: Pointer, site: Site, l: number): void {
  const { ops, space, rows, hooks, config } = pass;
  const { width: cols, normEpsilon: eps } = config;
  const { residual: factor } = config.scales;
  const x = space.branch;
  if (norm !== 0) ops.rmsNorm({ x, weight: norm, eps, rows, cols, out: x });
  if (factor !== 1) ops.scaleRows({ x, factor, rows, cols });
  hooks.run(site, l, x, cols);
  ops.addRows({ x: space.x, y: x, rows, cols });
}

/** The forms of f32 rows that a projection reads. */
export function quantize(pass: Pass, from: Pointer, to: Projection, cols: number): void {
  const { ops, space, rows } = pass;
  for (const form of to.forms) ops.quantize({ x: from, form, rows, cols, out: space.quantized[form] });
}

/** y = by · (quantized rows), or y += when `accumulate`; `yStride` in floats. */
export function multiply(
  { ops, space, rows }: Pick<Pass, "ops" | "space" | "rows">,
  by: Projection,
  y: Pointer,
  yStride: number,
  accumulate: boolean,
): void {
  for (const { matrix, form, column } of by.parts) {
    ops.matmul({ weight: matrix, x: space.quantized[form], rows, y: y + column * 4, yStride, accumulate });
  }
}

/** The form all parts of a projection share, if they do. */
export function onlyForm({ forms }: Projection): ActivationForm | undefined {
  return forms.length === 1 ? forms[0] : undefined;
}
