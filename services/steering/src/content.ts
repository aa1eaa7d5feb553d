/** Artifacts that come from outside are what they claim to be, or are refused. */
import { TrimtabError } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { loadController } from "./controller/artifact.ts";
import { parseStoredDirection } from "./library.ts";

/**
 * Checks bytes that are put under a kind.
 * @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE, FIELD_REQUIRED, UNSUPPORTED for kinds that are not put
 */
export async function checkContent(kind: ArtifactKind, data: Uint8Array, modelDigest: string): Promise<void> {
  if (kind === ArtifactKind.DIRECTION) {
    parseStoredDirection(data, modelDigest);
  } else if (kind === ArtifactKind.CONTROLLER) {
    const controller = await loadController(data);
    await controller.close();
    if (controller.modelDigest !== modelDigest) {
      throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the controller reads another model", {
        field: "model_digest",
        limit: controller.modelDigest,
      });
    }
  } else if (kind === ArtifactKind.UNSPECIFIED) {
    throw new TrimtabError("FIELD_REQUIRED", "the kind of the artifact is required", { field: "kind" });
  } else {
    throw new TrimtabError("UNSUPPORTED", "only directions and controllers can be put; recipes are built", {
      field: "kind",
    });
  }
}
