/** Artifacts that come from outside are what they claim to be, or are refused. */
import { hasReason, TrimtabError } from "#kit/errors.ts";
import type { Edit } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type ControllerFacts, loadController } from "./controller/artifact.ts";
import type { ModelShape, SteeringClients } from "./clients.ts";
import { checkDirection } from "./direction.ts";
import { readEdit } from "./edit.ts";
import { parseStoredDirection } from "./library.ts";
import { fetchModel } from "./model.ts";
import { checkReadable, readRuleset } from "./ruleset.ts";

/** What is put. */
export interface Content {
  readonly kind: ArtifactKind;
  readonly data: Uint8Array;
  readonly modelDigest: string;
}

/**
 * Checks bytes that are put under a kind. Programs are shown to forward, which knows what the model can carry; directions and controllers
 * must have its blocks and width if it is served.
 * @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_INCOMPATIBLE, SHAPE_MISMATCH, FIELD_REQUIRED, UNSUPPORTED for kinds that are not put,
 *   and what forward says about a program
 */
export async function checkContent(
  clients: SteeringClients,
  { kind, data, modelDigest }: Content,
): Promise<void> {
  if (kind === ArtifactKind.DIRECTION) {
    const direction = parseStoredDirection(data, modelDigest);
    const model = await servedModel(clients, modelDigest);
    if (model) checkDirection({ ...direction, layers: model.layers, width: model.width });
  } else if (kind === ArtifactKind.CONTROLLER) {
    const controller = await loadController(data);
    await controller.close();
    if (controller.modelDigest !== modelDigest) {
      throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the controller reads another model", {
        field: "model_digest",
        limit: controller.modelDigest,
      });
    }
    checkFacts(controller, await servedModel(clients, modelDigest));
  } else if (kind === ArtifactKind.EDIT) {
    await showPrograms(clients, [readEdit(data, modelDigest)]);
  } else if (kind === ArtifactKind.RULESET) {
    const ruleset = readRuleset(data, modelDigest);
    checkReadable(ruleset, await fetchModel(clients, modelDigest, {}));
    await showPrograms(
      clients,
      ruleset.rules.flatMap(({ edit }) => edit ?? []),
    );
  } else if (kind === ArtifactKind.PROBE || kind === ArtifactKind.POLICY) {
    checkJson(data, modelDigest);
  } else if (kind === ArtifactKind.UNSPECIFIED) {
    throw new TrimtabError("FIELD_REQUIRED", "the kind of the artifact is required", { field: "kind" });
  } else {
    throw new TrimtabError(
      "UNSUPPORTED",
      "only directions, edits, rulesets, controllers, probes and policies can be put; recipes are built",
      {
        field: "kind",
      },
    );
  }
}

/** The model if it is served; else what is for it is kept until it is. */
async function servedModel(clients: SteeringClients, modelDigest: string): Promise<ModelShape | undefined> {
  try {
    return await fetchModel(clients, modelDigest, {});
  } catch (error) {
    if (hasReason(error, "MODEL_NOT_FOUND", "MODEL_NOT_LOADED", "SERVICE_UNAVAILABLE")) return undefined;
    throw error;
  }
}

function checkFacts({ layers, width }: ControllerFacts, model: ModelShape | undefined): void {
  if (!model || (layers === model.layers && width === model.width)) return;
  const limit = `${model.layers} blocks of width ${model.width}`;
  const message = `the controller reads a model of ${layers} blocks of width ${width}; this one has ${limit}`;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", message, { field: "trimtab.controller", limit });
}

async function showPrograms({ forward }: SteeringClients, edits: readonly Edit[]): Promise<void> {
  for (const { program } of edits) if (program) await forward.putProgram({ program });
}

/** Who reads probes and policies knows their format; here it counts that one is JSON and says for which model. */
function checkJson(data: Uint8Array, modelDigest: string): void {
  let content: { modelDigest?: unknown } | null;
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data)) as typeof content;
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "the artifact is not JSON", { field: "data", cause });
  }
  if (content?.modelDigest === modelDigest) return;
  throw new TrimtabError("ARTIFACT_INCOMPATIBLE", "the artifact is of another model", {
    field: "model_digest",
  });
}
