/** Everything a generation needs before its first token is computed; what fails here costs nothing but a few calls. */
import { randomInt } from "node:crypto";
import { clone, create, equals, type JsonObject } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { CheckParameters } from "#kit/parameters.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import {
  type GetRequirementsResponse,
  type SteeringUse,
  SteeringUseSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Audit } from "../audit.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import type { Breathe } from "./breath.ts";
import { choiceOf, failureOfSchemas, withToolChoice } from "./calls/tool-choice.ts";
import type { Programs } from "./programs.ts";
import { encodePrompt, type Prompt } from "./prompt.ts";
import { serviceFailure } from "./reasons.ts";
import { pinned, type Requirements } from "./requirements.ts";
import { type PreparedScaling, prepareScaling } from "./search/options.ts";
import { checkStepwise } from "./stepwise.ts";
import { resolveModel } from "./model.ts";
import type { RunningGenerations } from "./running.ts";
import { REPLY_MODE, validateSpec } from "./validate.ts";
import { checkVerifiers } from "./verdicts.ts";
import type { Vocabularies, Vocabulary } from "./vocabulary.ts";

/** What every flow works with. */
export interface FlowContext {
  readonly clients: GatewayClients;
  readonly requirements: Requirements;
  readonly programs: Programs;
  readonly vocabularies: Vocabularies;
  readonly running: RunningGenerations;
  /** Lets what came meanwhile have its turn between two tokens. */
  readonly breathe: Breathe;
  /** Writes down what steering decided. */
  readonly audit: Audit;
  /** Checks the parameters of strategies. */
  readonly parameterChecks: (schema: JsonObject) => CheckParameters;
}

/** A recipe or direction with its needs; `use` is pinned to what it resolved to. */
export interface PreparedSteering {
  readonly use: SteeringUse;
  readonly needs: GetRequirementsResponse;
}

/** A checked request, tokenized. */
export interface Prepared {
  readonly spec: GenerationSpec;
  readonly model: Model;
  readonly vocabulary: Vocabulary;
  readonly prompt: Prompt;
  readonly seed: bigint;
  readonly steering: PreparedSteering | undefined;
  /** Undefined: one sample a choice. */
  readonly scaling: PreparedScaling | undefined;
}

const DRAWN_SEEDS = 2 ** 32;

/** Checks and tokenizes a request; `continuation` is the beginning of its answer. */
export async function prepare(
  flow: FlowContext,
  request: GenerationSpec | undefined,
  scope: CallScope,
  continuation = "",
): Promise<Prepared> {
  const asked = validateSpec(request);
  const { isForced, isHeld } = choiceOf(asked);
  if ((asked.constraint || isHeld) && continuation !== "") {
    const message = "a constraint cannot begin within an answer that is given";
    const field = asked.constraint ? "constraint" : `conversation.${isForced ? "tool_choice" : "tools"}`;
    throw new TrimtabError("UNSUPPORTED", message, { field });
  }
  const model = await resolveModel(flow.clients, asked.model, scope);
  const { spec, openingIds } = await withToolChoice(flow, asked, model, scope);
  checkAgainstModel(spec, model);
  if (spec.steering?.use?.everyTokens && (spec.scaling || spec.speculation || spec.constraint)) {
    const message = "steering that decides again does not go with a search, speculation or a constraint";
    throw new TrimtabError("UNSUPPORTED", message, { field: "steering.use.every_tokens" });
  }
  checkReply(spec, continuation);
  const [vocabulary, prompt, steering, scaling] = await Promise.all([
    flow.vocabularies.get(model, scope),
    encodePrompt(flow.clients, model, spec.prompt, scope, isForced ? openingIds : continuation),
    prepareSteering(flow, model, spec.steering?.use, scope, isAnsweredFreely(spec, continuation)),
    prepareScaling(flow, spec, model, scope),
    checkVerifiers(flow.clients, spec.verifiers, scope),
    prepareConstraint(flow, model, spec, scope),
  ]);
  checkContext(spec, prompt, model);
  const seed = spec.sampling?.seed ?? BigInt(randomInt(DRAWN_SEEDS));
  return { spec, model, vocabulary, prompt, seed, steering, scaling };
}

/** A reply is the whole answer: nothing else can say what it is, or how it begins. */
function checkReply(
  { steering, scaling, speculation, constraint }: GenerationSpec,
  continuation: string,
): void {
  if (steering?.use?.mode !== REPLY_MODE) return;
  if (isAnsweredFreely({ scaling, speculation, constraint }, continuation)) return;
  const message = "a reply does not go with a search, speculation, a constraint or an answer that is begun";
  throw new TrimtabError("UNSUPPORTED", message, { field: "steering.use.mode" });
}

/** Does nothing else say what the answer is, or how it begins? */
function isAnsweredFreely(
  { scaling, speculation, constraint }: Pick<GenerationSpec, "scaling" | "speculation" | "constraint">,
  continuation: string,
): boolean {
  const isFreeText = !constraint || constraint.kind.case === "tagged";
  return !scaling && !speculation && isFreeText && continuation === "";
}

/**
 * Needs of a recipe or direction; undefined if no steering was asked for.
 * @param mayReply can the answer be a recipe's reply? Then a use that names no mode and no strength gets the recipe's own mode
 */
export async function prepareSteering(
  flow: FlowContext,
  model: Model,
  use: SteeringUse | undefined,
  scope: CallScope,
  mayReply = false,
): Promise<PreparedSteering | undefined> {
  if (!use) return undefined;
  const wrong = use.layers.find((layer) => layer >= model.layers);
  if (wrong !== undefined) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `the model has no block ${wrong}`, {
      field: "steering.use.layers",
      limit: model.layers - 1,
    });
  }
  const needs = await flow.requirements.get(model, use, scope);
  if (mayReply && needs.ownMode === REPLY_MODE && namesRecipeAlone(use)) {
    const reply = clone(SteeringUseSchema, use);
    reply.mode = REPLY_MODE;
    return prepareSteering(flow, model, reply, scope);
  }
  const steering = { use: pinned(use, needs), needs };
  checkStepwise(steering);
  return steering;
}

/** Is nothing asked for but a recipe, and perhaps a gate? Strengths and places belong to a push. */
function namesRecipeAlone(use: SteeringUse): boolean {
  const { recipe, forceGate } = use;
  const alone = create(SteeringUseSchema, { recipe, ...(forceGate === undefined ? {} : { forceGate }) });
  return recipe !== "" && equals(SteeringUseSchema, alone, use);
}

/** Has the constraint compiled, so that a bad one fails before anything is computed. */
async function prepareConstraint(
  { clients }: FlowContext,
  model: Model,
  spec: GenerationSpec,
  scope: CallScope,
): Promise<void> {
  const { constraint } = spec;
  if (!constraint) return;
  try {
    const { caller } = scope;
    const request = { modelDigest: model.digest, constraint, ...(caller && { caller }) };
    await clients.forward.prepareConstraint(request, scope);
  } catch (error) {
    const failure = serviceFailure(error, "forward", scope.signal);
    throw choiceOf(spec).isHeld ? failureOfSchemas(failure, spec) : failure;
  }
}

function checkAgainstModel(spec: GenerationSpec, model: Model): void {
  for (const id of Object.keys(spec.sampling?.logitBias ?? {})) {
    if (Number(id) < model.vocabularySize) continue;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `token id ${id} is not in the vocabulary`, {
      field: "sampling.logit_bias",
      limit: model.vocabularySize - 1,
    });
  }
}

function checkContext(spec: GenerationSpec, prompt: Prompt, model: Model): void {
  const needed = prompt.ids.length + spec.maxTokens;
  if (needed <= model.contextTokens) return;
  throw new TrimtabError(
    "CONTEXT_OVERFLOW",
    `the prompt has ${prompt.ids.length} tokens and max_tokens is ${spec.maxTokens}; ` +
      `together they exceed the model's context of ${model.contextTokens} tokens`,
    { field: "max_tokens", limit: `${model.contextTokens} tokens` },
  );
}
