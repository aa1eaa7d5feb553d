/**
 * Edits as stored: any program with the coefficients that scale 1 gives it. Here it is checked that the parts of an edit
 * belong together; whether a model has the sites and dims is forward's to say, which is asked when an edit is put.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { sizeChecks } from "#kit/sizes.ts";
import { type Edit, EditSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { OperationSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import { ARTIFACT_LIMITS, STEERING_LIMITS } from "../limits.ts";

/** Throws TOO_LARGE. */
export const { checkCount } = sizeChecks("TOO_LARGE");

/** Encodes an edit. @throws TrimtabError as `checkEdit`. */
export function writeEdit(edit: Edit): Uint8Array {
  return toBinary(EditSchema, checkEdit(edit));
}

/** Reads an edit made for a model. @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE, NON_FINITE, TOO_LARGE. */
export function readEdit(bytes: Uint8Array, modelDigest: string): Edit {
  const edit = decodeMessage(() => fromBinary(EditSchema, bytes), "edit");
  return checkFit(checkEdit(edit), edit.program?.modelDigest ?? "", modelDigest);
}

/** Runs a decoder of bytes that anybody may have written. @throws TrimtabError ARTIFACT_INVALID. */
export function decodeMessage<T>(decode: () => T, what: string): T {
  try {
    return decode();
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", `the bytes are not an ${what}`, { field: "data", cause });
  }
}

/** The value, if what it was made for is the model asked about. @throws TrimtabError ARTIFACT_INCOMPATIBLE. */
export function checkFit<T>(value: T, madeFor: string, modelDigest: string): T {
  if (madeFor === modelDigest) return value;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the artifact was made for another model file", {
    field: "model_digest",
    limit: madeFor.slice(0, 64),
  });
}

/** Checks that an edit can be planned. @throws TrimtabError ARTIFACT_INVALID, NON_FINITE, TOO_LARGE. */
export function checkEdit(edit: Edit): Edit {
  const operations = edit.program?.operations ?? [];
  if (operations.length === 0) throw invalid("the edit has no operation", "program.operations");
  checkCount("program.operations", operations.length, ARTIFACT_LIMITS.operations);
  if (edit.strengths.length !== operations.length) {
    throw invalid(
      `the edit has ${operations.length} operations and ${edit.strengths.length} strengths`,
      "strengths",
    );
  }
  const last = Math.max(...operations.map(({ layer }) => layer));
  if (last >= edit.layers || edit.layers > STEERING_LIMITS.blocks) {
    throw invalid(`the edit acts on block ${last} of ${edit.layers}`, "layers");
  }
  const bad = edit.strengths.findIndex(({ coefficient }) => !Number.isFinite(coefficient));
  if (bad < 0) return edit;
  throw new TrimtabError("NON_FINITE", `strength ${bad} is not finite`, { field: `strengths[${bad}]` });
}

/** An edit of operations that were just made. */
export function createEdit(
  method: string,
  model: { readonly digest: string; readonly layers: number },
  parts: readonly EditPart[],
  facts: Readonly<Record<string, string>> = {},
): Edit {
  return checkEdit(
    create(EditSchema, {
      method,
      program: { modelDigest: model.digest, operations: parts.map(({ operation }) => operation) },
      strengths: parts.map(({ coefficient, fixed = false }) => ({ coefficient, fixed })),
      facts: { ...facts },
      layers: model.layers,
    }),
  );
}

/** One operation of an edit to create, and its strength. */
export interface EditPart {
  readonly operation: MessageInitShape<typeof OperationSchema>;
  readonly coefficient: number;
  readonly fixed?: boolean;
}

function invalid(message: string, field: string): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", message, { field });
}
