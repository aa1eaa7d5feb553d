/**
 * What a recipe or direction needs to decide, remembered for a moment. Failures are never remembered; an unpinned name
 * is asked again after two seconds, or at once after a build or a change of artifacts through this gateway.
 */
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { createLru } from "#kit/lru.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  GetRequirementsRequestSchema,
  type GetRequirementsResponse,
  type SteeringUse,
  SteeringUseSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { isReasonOf, steeringFailure } from "./reasons.ts";

/** Remembers what recipes need. */
export interface Requirements {
  /** Needs of `use` on `model`; throws RECIPE_NOT_FOUND with how to build it, or STEERING_UNAVAILABLE. */
  get(model: Model, use: SteeringUse, scope: CallScope): Promise<GetRequirementsResponse>;
  /** Forgets everything: names may mean something else now. */
  clear(): void;
}

interface Entry {
  readonly answer: GetRequirementsResponse;
  readonly expires: number;
}

/** Creates an empty memory; `now` in milliseconds, monotonic. */
export function createRequirements(
  clients: GatewayClients,
  now = (): number => performance.now(),
): Requirements {
  const entries = createLru<Entry>(LIMITS.requirementsCacheEntries);
  /** How often everything was forgotten. */
  let cleared = 0;
  return {
    clear() {
      cleared++;
      entries.clear();
    },
    async get(model, use, scope) {
      const request = create(GetRequirementsRequestSchema, { modelDigest: model.digest, steering: use });
      const key = Buffer.from(toBinary(GetRequirementsRequestSchema, request)).toString("base64");
      const known = entries.get(key);
      if (known && known.expires > now()) return known.answer;
      entries.delete(key);
      const before = cleared;
      try {
        // A dose in nats is measured when it is first asked for, on as many tokens as a long answer has.
        const patient = { timeoutMs: LIMITS.requestMs, ...scope };
        const answer = await clients.steering.getRequirements(request, patient);
        // What was asked for before names changed may tell of what they meant before.
        if (cleared !== before) return answer;
        entries.set(key, { answer, expires: now() + LIMITS.requirementsCacheMs });
        return answer;
      } catch (error) {
        if (isReasonOf(error, "RECIPE_NOT_FOUND", "ARTIFACT_NOT_FOUND") && use.recipe !== "") {
          throw await missingRecipe(clients, model, use.recipe, scope);
        }
        throw steeringFailure(error, scope.signal);
      }
    },
  };
}

/** `use` with its names replaced by what they resolved to, so that requirements and plan speak of the same bytes. */
export function pinned(
  use: SteeringUse,
  { resolved, resolvedParts }: Pick<GetRequirementsResponse, "resolved" | "resolvedParts">,
): SteeringUse {
  const copy = clone(SteeringUseSchema, use);
  copy.parts = use.parts.map((part, i) =>
    pinned(part, { resolved: resolvedParts[i] ?? "", resolvedParts: [] }),
  );
  if (resolved === "") return copy;
  if (copy.recipe !== "") copy.recipe = resolved;
  else copy.direction = resolved;
  return copy;
}

async function missingRecipe(
  clients: GatewayClients,
  model: Model,
  name: string,
  scope: CallScope,
): Promise<TrimtabError> {
  const field = "steering.use.recipe";
  const listed = await clients.steering
    .listRecipes({ modelDigest: model.digest }, scope)
    .then(({ recipes }) => recipes)
    .catch(() => []);
  const bare = name.split("@")[0] ?? name;
  const recipe = listed.find((entry) => entry.name === bare);
  if (recipe && !recipe.built) {
    return new TrimtabError(
      "RECIPE_NOT_FOUND",
      `the recipe "${bare}" is not built for the model ${model.name} yet; ` +
        `build it with \`trimtab recipe build ${bare}\` or the RPC GatewayService.BuildRecipe`,
      { field },
    );
  }
  const names = listed.map((entry) => `"${entry.name}"`).join(", ");
  const known = names === "" ? "" : `; known recipes: ${names}`;
  return new TrimtabError("RECIPE_NOT_FOUND", `there is no recipe "${name}"${known}`, { field });
}
