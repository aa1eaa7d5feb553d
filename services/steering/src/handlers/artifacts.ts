/** Stored artifacts: put, get in chunks, list, delete. What is put is checked as what it claims to be. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ArtifactRecord } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import type { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type Artifact, ArtifactSchema } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { STEERING_LIMITS } from "../../limits.ts";
import { checkContent } from "../content.ts";
import { checkModelDigest } from "../model.ts";
import type { SteeringParts } from "../service.ts";

/** A record as a message. */
export function artifactMessage(record: ArtifactRecord): Artifact {
  const { name, digest, kind, sizeBytes, modelDigest, madeFrom, created } = record;
  return create(ArtifactSchema, {
    name,
    digest,
    kind,
    sizeBytes: BigInt(sizeBytes),
    modelDigest,
    madeFrom: { ...madeFrom },
    created,
  });
}

/** Handlers of artifacts. */
export function artifactHandlers({
  clients,
  store,
}: SteeringParts): Pick<
  ServiceImpl<typeof SteeringService>,
  "putArtifact" | "getArtifact" | "listArtifacts" | "deleteArtifact"
> {
  return {
    async putArtifact({ name, kind, data, modelDigest, expectedDigest }) {
      checkSize(data);
      checkModelDigest(modelDigest);
      await checkContent(clients, { kind, data, modelDigest });
      const record = store.put({
        name,
        kind,
        bytes: data,
        modelDigest,
        ...(expectedDigest === "" ? {} : { expectedDigest }),
      });
      return { artifact: artifactMessage(record) };
    },
    async *getArtifact({ reference }, { signal }) {
      const { record, bytes } = store.get(reference);
      for (let at = 0; at < bytes.length && !signal.aborted; at += STEERING_LIMITS.chunkBytes) {
        const chunk = bytes.subarray(at, at + STEERING_LIMITS.chunkBytes);
        yield at === 0 ? { artifact: artifactMessage(record), chunk } : { chunk };
      }
    },
    listArtifacts: ({ kind, modelDigest }) => ({
      artifacts: store.list({ kind, modelDigest }).map(artifactMessage),
    }),
    deleteArtifact({ name }) {
      store.delete(name);
      return {};
    },
  };
}

/** @throws TrimtabError TOO_LARGE, FIELD_REQUIRED. */
export function checkSize(data: Uint8Array): void {
  if (data.length === 0) throw new TrimtabError("FIELD_REQUIRED", "the data is empty", { field: "data" });
  if (data.length <= STEERING_LIMITS.artifactBytes) return;
  throw new TrimtabError("TOO_LARGE", `the data has ${data.length} bytes`, {
    field: "data",
    limit: STEERING_LIMITS.artifactBytes,
  });
}
