/**
 * What a controller reads: the residual after the last third of the blocks at the last prompt token, block by block.
 */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type Activation,
  Pooling,
  Site,
  type Tap,
  TapPositions,
  TapSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { f32Rows } from "./tensors.ts";

/** Blocks l ≥ 2N/3 of a model of N blocks. */
export function controllerLayers(layers: number): number[] {
  const first = Math.ceil((2 * layers) / 3);
  return Array.from({ length: layers - first }, (_, i) => first + i);
}

/** The tap a controller needs. */
export function featureTap(layers: readonly number[]): Tap {
  return create(TapSchema, {
    site: Site.RESIDUAL,
    layers: [...layers],
    positions: TapPositions.LAST,
    pooling: Pooling.NONE,
  });
}

/**
 * Activations of one prompt as a controller's input [layers · width], whatever order they come in.
 * @throws TrimtabError naming the activation that is missing, doubled, foreign or malformed
 */
export function featureRow(
  activations: readonly Activation[],
  layers: readonly number[],
  width: number,
): Float32Array {
  const row = new Float32Array(layers.length * width);
  const seen = new Set<number>();
  for (const [index, activation] of activations.entries()) {
    const field = `activations[${index}]`;
    const slot = layers.indexOf(activation.layer);
    if (activation.site !== Site.RESIDUAL || slot < 0 || seen.has(activation.layer)) {
      throw new TrimtabError(
        "INVALID_ARGUMENT",
        `${field} (block ${activation.layer}) was not asked for, or comes twice`,
        {
          field,
          limit: `residual of blocks ${layers[0]} to ${layers.at(-1)}`,
        },
      );
    }
    seen.add(activation.layer);
    const rows = f32Rows(activation.values, width, `${field}.values`);
    if (rows.length !== 1) {
      throw new TrimtabError("SHAPE_MISMATCH", `${field} has ${rows.length} rows, one is wanted`, {
        field: `${field}.values`,
        limit: 1,
      });
    }
    row.set(rows[0] as Float32Array, slot * width);
  }
  const missing = layers.find((layer) => !seen.has(layer));
  if (missing === undefined) return row;
  throw new TrimtabError("FIELD_REQUIRED", `the activation of block ${missing} is missing`, {
    field: "activations",
  });
}
