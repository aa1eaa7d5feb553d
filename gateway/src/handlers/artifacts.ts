/** Artifacts: steering keeps them; the gateway passes on, and forgets what names meant when they change. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { forwardCall } from "#kit/interceptors.ts";
import { cancelSafe } from "#kit/streams.ts";
import {
  DeleteArtifactResponseSchema,
  ExportArtifactResponseSchema,
  type GatewayService,
  GetArtifactResponseSchema,
  ImportArtifactResponseSchema,
  ListArtifactsResponseSchema,
  PutArtifactResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayContext } from "../context.ts";
import { resolveModel } from "../flow/model.ts";

type ArtifactMethods =
  "putArtifact" | "getArtifact" | "listArtifacts" | "deleteArtifact" | "importArtifact" | "exportArtifact";

/** Handlers of artifacts. */
export function artifactHandlers({
  flow,
}: GatewayContext): Pick<ServiceImpl<typeof GatewayService>, ArtifactMethods> {
  const { steering } = flow.clients;
  return {
    async putArtifact({ put }, context) {
      if (!put) throw missing("put");
      const { artifact } = await steering.putArtifact(put, forwardCall(context));
      flow.requirements.clear();
      return create(PutArtifactResponseSchema, artifact ? { artifact } : {});
    },
    async *getArtifact({ reference }, context) {
      const call = forwardCall(context);
      const start = (signal: AbortSignal) => steering.getArtifact({ reference }, { ...call, signal });
      for await (const { artifact, chunk } of cancelSafe(start, call.signal)) {
        yield create(GetArtifactResponseSchema, { chunk, ...(artifact ? { artifact } : {}) });
      }
    },
    async listArtifacts({ kind }, context) {
      const { artifacts } = await steering.listArtifacts({ kind }, forwardCall(context));
      return create(ListArtifactsResponseSchema, { artifacts });
    },
    async deleteArtifact({ name }, context) {
      await steering.deleteArtifact({ name }, forwardCall(context));
      flow.requirements.clear();
      return create(DeleteArtifactResponseSchema);
    },
    async importArtifact({ import: file }, context) {
      if (!file) throw missing("import");
      const call = forwardCall(context);
      const modelDigest = file.modelDigest || (await resolveModel(flow.clients, "", call)).digest;
      const { artifact } = await steering.importArtifact({ ...file, modelDigest }, call);
      flow.requirements.clear();
      return create(ImportArtifactResponseSchema, artifact ? { artifact } : {});
    },
    async exportArtifact({ reference, format }, context) {
      const { data } = await steering.exportArtifact({ reference, format }, forwardCall(context));
      return create(ExportArtifactResponseSchema, { data });
    },
  };
}

function missing(field: string): TrimtabError {
  return new TrimtabError("FIELD_REQUIRED", `${field} is missing`, { field });
}
