/** Which model a request means. Asked of forward every time: a model may be loaded or unloaded at any moment. */
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { isReasonOf } from "./reasons.ts";

/** What a model may be called. Anything else is certainly not the name of one, so it is not passed on. */
const MODEL_REFERENCE = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]*$/;

/**
 * The loaded model a request names; empty means the only loaded one. What its engine would have to tell (memory, compute
 * threads) is left out unless `withState`: the answer does not wait for a step.
 * Throws MODEL_NOT_FOUND, MODEL_NOT_LOADED, FIELD_OUT_OF_RANGE (name too long).
 */
export async function resolveModel(
  clients: GatewayClients,
  reference: string,
  scope: CallScope,
  withState = false,
): Promise<Model> {
  if (reference.length > LIMITS.referenceChars) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", "the name of the model is too long", {
      field: "model",
      limit: LIMITS.referenceChars,
    });
  }
  if (reference !== "" && !MODEL_REFERENCE.test(reference)) throw unknownModel(reference);
  let model: Model | undefined;
  try {
    model = (await clients.forward.getModel({ model: reference, withoutState: !withState }, scope)).model;
  } catch (error) {
    if (isReasonOf(error, "MODEL_NOT_FOUND") && reference !== "") throw unknownModel(reference);
    throw error;
  }
  if (!model) throw unknownModel(reference);
  if (!model.loaded) {
    throw new TrimtabError("MODEL_NOT_LOADED", `the model ${quoted(model.name)} is not loaded`, {
      field: "model",
    });
  }
  return model;
}

function unknownModel(reference: string): TrimtabError {
  return new TrimtabError(
    "MODEL_NOT_FOUND",
    `there is no model ${quoted(reference)}; ListModels, GET /v1/models, names those there are`,
    { field: "model" },
  );
}
