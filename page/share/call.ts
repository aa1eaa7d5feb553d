/**
 * A call of the API as plain data, in the words the server takes: ProtoJSON of the request the page itself sends, and, for
 * generations, the body the OpenAI-compatible API takes for the same.
 */
import { create, type JsonObject, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import {
  BuildRecipeRequestSchema,
  ExtractVectorRequestSchema,
  FitArtifactRequestSchema,
  GenerateRequestSchema,
  ListModelsRequestSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

const SCHEMAS = {
  Generate: GenerateRequestSchema,
  ExtractVector: ExtractVectorRequestSchema,
  BuildRecipe: BuildRecipeRequestSchema,
  FitArtifact: FitArtifactRequestSchema,
  ListModels: ListModelsRequestSchema,
} as const;
type Method = keyof typeof SCHEMAS;

/** Methods that answer once. */
const UNARY = new Set<Method>(["ExtractVector", "ListModels"]);

/** One call. */
export interface Call {
  /** Method of `trimtab.gateway.v1.GatewayService`. */
  readonly method: Method;
  /** It answers with a stream. */
  readonly streams: boolean;
  /** ProtoJSON. */
  readonly request: JsonObject;
  /** Body of `POST /v1/chat/completions`; undefined for what that API does not have. */
  readonly completion?: JsonObject;
}

/** The call of a method with a request as the generated code takes it. */
export function callOf<M extends Method>(method: M, request: MessageInitShape<(typeof SCHEMAS)[M]>): Call {
  const schema: (typeof SCHEMAS)[Method] = SCHEMAS[method];
  const json = objectOf(toJson(schema, create(schema, request as never)));
  const streams = !UNARY.has(method);
  const spec = json["spec"];
  return { method, streams, request: json, ...(spec ? { completion: completionOf(objectOf(spec)) } : {}) };
}

/** A generation in the words of the OpenAI-compatible API; names of one word are the same in both. */
function completionOf(spec: JsonObject): JsonObject {
  const { model = "", conversation, maxTokens, sampling, steering, scaling, logprobs, topLogprobs } = spec;
  const { temperature, topP, seed } = objectOf(sampling);
  const { use, ...how } = objectOf(steering);
  const { budget, ...search } = objectOf(scaling);
  const body: Record<string, JsonValue | undefined> = {
    ...{ model, messages: objectOf(conversation)["messages"], max_tokens: maxTokens },
    // What is 0 is left out of ProtoJSON; here it is said, as the default is another.
    ...{ temperature: temperature ?? 0, top_p: topP, seed: seed === undefined ? seed : Number(seed) },
    ...{ logprobs, top_logprobs: topLogprobs },
    steering: use && { ...objectOf(use), ...how },
    scaling: scaling && { ...search, budget: numbersOf(objectOf(budget)) },
  };
  return Object.fromEntries(
    Object.entries(body).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}

/** 64-bit integers are strings in ProtoJSON. */
function numbersOf(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Number(value)]));
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
