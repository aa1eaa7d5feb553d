/**
 * One decoder row of a sparse autoencoder in SAELens' layout: safetensors with `W_dec` [features, width]. The row of a
 * feature becomes a direction in the block whose residual the autoencoder was trained on, which its configuration says and
 * the caller repeats.
 */
import { TrimtabError } from "#kit/errors.ts";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import type { FileVectors } from "./vectors.ts";

const DECODER = "W_dec";

/** Reads the decoder row of a feature. @throws TrimtabError ARTIFACT_INVALID, FIELD_OUT_OF_RANGE, TOO_LARGE. */
export function readDecoderRow(file: Uint8Array, feature: number, layer: number): FileVectors {
  const tensor = parseSafetensors(file).tensors.get(DECODER);
  const [features = 0, width = 0, ...more] = tensor?.shape ?? [];
  if (!tensor || more.length > 0 || width === 0) {
    throw new TrimtabError("ARTIFACT_INVALID", `the file has no ${DECODER} [features, width]`, {
      field: DECODER,
    });
  }
  if (feature >= features) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `the autoencoder has features 0 to ${features - 1}`, {
      field: "feature",
      limit: features - 1,
    });
  }
  const itemBytes = tensor.bytes.length / (features * width);
  const bytes = tensor.bytes.subarray(feature * width * itemBytes, (feature + 1) * width * itemBytes);
  const row = safetensorsToF32(DECODER, { ...tensor, shape: [width], bytes });
  return { raw: new Map([[layer, row]]), facts: { sae_feature: String(feature) } };
}
