/** Projections of the schema → the engine's, and their digests. */
import { toBinary } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { sha256Hex } from "#kit/files.ts";
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import type { Projection } from "../engine/projections.ts";
import { readF32 } from "./tensors.ts";

const FIELD = "matrix";

/** "sha256:<hex>" of a projection's canonical bytes. */
export function projectionDigest(projection: types.Projection): string {
  return `sha256:${sha256Hex(toBinary(types.ProjectionSchema, projection, { writeUnknownFields: false }))}`;
}

/** A projection as the engine takes it. @throws TrimtabError DTYPE_MISMATCH, SHAPE_MISMATCH */
export function toProjection({ matrix }: types.Projection): Projection {
  const values = readF32(matrix, FIELD);
  const [rank = 0, dim = 0, ...more] = matrix?.shape ?? [];
  if (more.length > 0 || rank === 0 || dim === 0) {
    throw new TrimtabError("SHAPE_MISMATCH", `${FIELD} must have the shape [rank, dim]`, {
      field: `${FIELD}.shape`,
    });
  }
  return { values, rank, dim };
}
