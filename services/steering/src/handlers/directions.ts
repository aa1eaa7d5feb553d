/** Directions in and out: foreign files, and vectors from a few texts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { checkArtifactName } from "#kit/artifact-store.ts";
import type { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Caller } from "#proto/trimtab/type/v1/caller_pb.ts";
import type { WorkScope } from "../clients.ts";
import {
  checkTexts,
  exportDirection,
  extractDirection,
  importDirection,
  storeDirection,
} from "../exchange.ts";
import { exportedDirection } from "../export.ts";
import { fetchModel } from "../model.ts";
import type { SteeringParts } from "../service.ts";
import { artifactMessage, checkSize } from "./artifacts.ts";

type Handlers = Pick<
  ServiceImpl<typeof SteeringService>,
  "importArtifact" | "exportArtifact" | "extractVector"
>;

/** Handlers of directions. */
export function directionHandlers(parts: SteeringParts): Handlers {
  const { clients, store } = parts;
  return {
    async importArtifact({ name, format, data, modelDigest }, { signal }) {
      checkSize(data);
      checkArtifactName(name);
      const model = await fetchModel(clients, modelDigest, { signal });
      const direction = await importDirection(parts, model, format, data, workScope(signal));
      return { artifact: artifactMessage(storeDirection(store, name, direction)) };
    },
    exportArtifact({ reference, format }) {
      return { data: exportDirection(exportedDirection(store, reference), format, MODEL_HINT) };
    },
    async extractVector(request, { signal }) {
      checkTexts(request);
      checkArtifactName(request.name);
      const model = await fetchModel(clients, request.modelDigest, { signal });
      const direction = await extractDirection(parts, model, request, workScope(signal, request.caller));
      return { artifact: artifactMessage(storeDirection(store, request.name, direction)) };
    },
  };
}

/** Readers show it and do nothing with it. */
const MODEL_HINT = "llama";

function workScope(signal: AbortSignal, caller?: Caller): WorkScope {
  return { signal, spend: () => {}, ...(caller && { caller }) };
}
