/** Directions in and out: foreign files, and vectors from a few texts. */
import type { ServiceImpl } from "@connectrpc/connect";
import { checkArtifactName } from "#kit/artifact-store.ts";
import { DirectionFormat, type SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Caller } from "#proto/trimtab/type/v1/caller_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { WorkScope } from "../clients.ts";
import {
  checkChoice,
  checkTexts,
  digestOfTexts,
  exportDirection,
  extractDirection,
  importDirection,
  storeDirection,
} from "../exchange.ts";
import { exportedDirection } from "../export.ts";
import { readFcController } from "../formats/fc-controller.ts";
import { madeBefore } from "../made-before.ts";
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
    async importArtifact(file, { signal }) {
      const { name, format, data, modelDigest } = file;
      checkSize(data);
      checkArtifactName(name);
      checkChoice(file);
      const model = await fetchModel(clients, modelDigest, { signal });
      if (format === DirectionFormat.FC_CONTROLLER) {
        const bytes = readFcController(data, model);
        const record = store.put({ name, kind: ArtifactKind.CONTROLLER, bytes, modelDigest });
        return { artifact: artifactMessage(record) };
      }
      const direction = await importDirection(parts, model, file, workScope(signal));
      return { artifact: artifactMessage(storeDirection(store, name, direction)) };
    },
    exportArtifact({ reference, format }) {
      return { data: exportDirection(exportedDirection(store, reference), format, MODEL_HINT) };
    },
    async extractVector(request, { signal }) {
      const { name, modelDigest, caller } = request;
      checkTexts(request);
      checkArtifactName(name);
      const model = await fetchModel(clients, modelDigest, { signal });
      const madeFrom = { texts: digestOfTexts(request, model) };
      const known = madeBefore(store, name, "texts", madeFrom.texts);
      if (known) return { artifact: artifactMessage(known) };
      const direction = await extractDirection(parts, model, request, workScope(signal, caller));
      return { artifact: artifactMessage(storeDirection(store, name, direction, madeFrom)) };
    },
  };
}

/** Readers show it and do nothing with it. */
const MODEL_HINT = "llama";

function workScope(signal: AbortSignal, caller?: Caller): WorkScope {
  return { signal, spend: () => {}, ...(caller && { caller }) };
}
