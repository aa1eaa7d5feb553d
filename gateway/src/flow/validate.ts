/** Validates what a client wants generated, before anything is allocated for it. What needs the model is checked later. */
import { fromConnectError, TrimtabError, withRenamedField } from "#kit/errors.ts";
import { checkToolMessages, checkTools } from "#kit/tools.ts";
import {
  type Conversation,
  type GenerationSpec,
  ToolChoiceMode,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { SamplingParameters } from "#proto/trimtab/type/v1/generation_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import type { VerifierUse } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { LIMITS, SAMPLING_RANGES } from "../limits.ts";
import { choiceOf } from "./calls/tool-choice.ts";
import { checkCount, checkMarks, checkRange, checkRequired, checkText } from "./checks.ts";
import { validateScaling } from "./search/validate-scaling.ts";

/** Roles of messages. */
export const ROLES: readonly string[] = ["system", "user", "assistant", "tool"];

const REFERENCE = /^[a-z0-9][a-z0-9._-]{0,63}(@sha256:[0-9a-f]{64})?$|^sha256:[0-9a-f]{64}$/;
/** Mode that answers with the recipe's own words instead of steering. */
export const REPLY_MODE = "reply";
/** Modes that a request may name; what they mean is for steering to say. */
export const MODES = ["steer", REPLY_MODE, "paper", "paper_replayed"] as const;

/** Answers with the request, or throws a typed error that names the field at fault. */
export function validateSpec(spec: GenerationSpec | undefined): GenerationSpec {
  if (!spec) throw new TrimtabError("FIELD_REQUIRED", "spec is missing", { field: "spec" });
  validatePrompt(spec);
  validateSampling(spec.sampling);
  checkMarks("stop", spec.stop, { count: LIMITS.stopStrings, bytes: LIMITS.stopBytes });
  const pair = spec.steering?.compare === true ? 2 : 1;
  checkRange("choices", Math.max(1, spec.choices) * pair, { min: 1, max: LIMITS.choices });
  checkRange("max_tokens", spec.maxTokens, { min: 0, max: LIMITS.maxTokens });
  checkRange("top_logprobs", spec.topLogprobs, { min: 0, max: LIMITS.topLogprobs });
  validateEnd(spec);
  const { tools, isHeld } = choiceOf(spec);
  if ((spec.constraint || isHeld) && spec.speculation) {
    const message = "speculation does not go with a constraint";
    throw new TrimtabError("UNSUPPORTED", message, { field: "speculation" });
  }
  if (spec.constraint && tools.length > 0) {
    const message = "an answer that may call functions has no other form";
    throw new TrimtabError("UNSUPPORTED", message, { field: "constraint" });
  }
  if (spec.steering) validateUse(spec.steering.use);
  validateScaling(spec);
  validateVerifiers(spec.verifiers);
  if (spec.echo && spec.prompt.case === "conversation") {
    throw new TrimtabError("INVALID_ARGUMENT", "echo needs a text prompt", { field: "echo" });
  }
  return spec;
}

/** Throws unless what keeps an answer from ending leaves nobody without an end. */
function validateEnd(spec: GenerationSpec): void {
  const { minTokens, maxTokens, ignoreModelStop, constraint, scaling } = spec;
  checkRange("min_tokens", minTokens, { min: 0, max: maxTokens || LIMITS.maxTokens });
  if (!constraint && !choiceOf(spec).isHeld && !scaling) return;
  const field = minTokens > 0 ? "min_tokens" : ignoreModelStop ? "ignore_model_stop" : undefined;
  if (field === undefined) return;
  const message = `the answers of a ${scaling ? "search" : "constraint"} end where the model says`;
  throw new TrimtabError("UNSUPPORTED", message, { field });
}

/** Throws unless `conversation` is one a template can render. */
export function validateConversation(conversation: Conversation, field = "conversation"): void {
  const { messages } = conversation;
  checkRequired(`${field}.messages`, messages.length > 0, "the conversation has no messages");
  checkCount(`${field}.messages`, messages.length, LIMITS.messages, "messages");
  messages.forEach((message, index) => {
    if (!ROLES.includes(message.role)) {
      throw new TrimtabError("INVALID_ARGUMENT", `the role must be one of ${ROLES.join(", ")}`, {
        field: `${field}.messages[${index}].role`,
        limit: ROLES.join(", "),
      });
    }
    checkText(`${field}.messages[${index}].content`, message.content);
  });
  checkToolMessages(messages, `${field}.messages`);
  checkTools(conversation.tools, `${field}.tools`);
  validateToolChoice(conversation, field);
}

/** A function that must be called is there. */
function validateToolChoice({ tools, toolChoice }: Conversation, field: string): void {
  const { mode = ToolChoiceMode.UNSPECIFIED, function: named = "" } = toolChoice ?? {};
  const isForced = mode === ToolChoiceMode.REQUIRED;
  const at = `${field}.tool_choice`;
  if (ToolChoiceMode[mode] === undefined)
    throw new TrimtabError("INVALID_ARGUMENT", "unknown mode", { field: `${at}.mode` });
  if (isForced && tools.length === 0)
    throw new TrimtabError("INVALID_ARGUMENT", "there are no tools to call", { field: at });
  if (named !== "" && !(isForced && tools.some(({ name }) => name === named)))
    throw new TrimtabError("INVALID_ARGUMENT", "no function that must be called has this name", {
      field: `${at}.function`,
    });
}

/** Throws unless `use` names one recipe or direction with one strength. */
export function validateUse(use: SteeringUse | undefined): SteeringUse {
  if (use && use.parts.length > 0) return validateParts(use);
  const named = [use?.recipe, use?.direction].filter((name) => name !== undefined && name !== "");
  if (!use || named.length !== 1) {
    const field = named.length === 0 ? "steering.use.recipe" : "steering.use.direction";
    const reason = named.length === 0 ? "FIELD_REQUIRED" : "INVALID_ARGUMENT";
    throw new TrimtabError(reason, "steering needs a recipe or a direction, and not both", { field });
  }
  const field = use.recipe === "" ? "steering.use.direction" : "steering.use.recipe";
  if (!REFERENCE.test(named[0] ?? "")) {
    throw new TrimtabError("INVALID_ARGUMENT", "this is not a name, name@sha256:… or sha256:…", { field });
  }
  const scale = LIMITS.steeringScale;
  checkRange("steering.use.scale", use.scale, { min: -scale, max: scale });
  checkRange("steering.use.force_gate", use.forceGate, { min: 0, max: 1 });
  if (use.dose?.dose.case === "relative") {
    checkRange("steering.use.dose.relative", use.dose.dose.value, { min: 0, max: LIMITS.relativeDose });
  }
  if (use.dose?.dose.case === "nats") {
    checkRange("steering.use.dose.nats", use.dose.dose.value, { min: 0, max: LIMITS.natsDose });
  }
  checkRange("steering.use.every_tokens", use.everyTokens, { min: 0, max: LIMITS.maxTokens });
  if (use.dose && (use.scale !== undefined || use.dose.dose.case === undefined)) {
    throw new TrimtabError("INVALID_ARGUMENT", "dose needs relative or nats, and excludes scale", {
      field: "steering.use.dose",
    });
  }
  if (Scope[use.scope] === undefined) {
    throw new TrimtabError("INVALID_ARGUMENT", "unknown scope", { field: "steering.use.scope" });
  }
  if (use.mode !== "" && !(MODES as readonly string[]).includes(use.mode)) {
    throw new TrimtabError("INVALID_ARGUMENT", `mode must be empty or one of: ${MODES.join(", ")}`, {
      field: "steering.use.mode",
    });
  }
  return use;
}

/** Throws unless the parts are uses of their own; what belongs to parts and not to the whole steering says. */
function validateParts(use: SteeringUse): SteeringUse {
  checkCount("steering.use.parts", use.parts.length, LIMITS.steeringParts, "parts");
  const scale = LIMITS.steeringScale;
  checkRange("steering.use.scale", use.scale, { min: -scale, max: scale });
  for (const [index, part] of use.parts.entries()) {
    try {
      validateUse(part);
    } catch (error) {
      const field = `steering.use.parts[${index}]`;
      throw withRenamedField(fromConnectError(error), /^steering\.use/, field);
    }
  }
  return use;
}

function validateVerifiers(uses: readonly VerifierUse[]): void {
  checkCount("verifiers", uses.length, LIMITS.verifiers);
  uses.forEach((use, index) =>
    checkRequired(`verifiers[${index}].name`, use.name !== "", "a verifier has no name"),
  );
}

function validatePrompt({ prompt }: GenerationSpec): void {
  checkRequired("prompt", prompt.case !== undefined, "a conversation, a text or token ids are needed");
  if (prompt.case === "conversation") validateConversation(prompt.value);
  if (prompt.case === "text") checkText("text", prompt.value);
  if (prompt.case === "ids") checkRequired("ids", prompt.value.ids.length > 0, "the prompt has no token ids");
}

function validateSampling(sampling: SamplingParameters | undefined): void {
  if (!sampling) return;
  const { temperature, topP, topK, minP, repetitionPenalty, frequencyPenalty, presencePenalty } =
    SAMPLING_RANGES;
  checkRange("sampling.temperature", sampling.temperature, temperature);
  checkRange("sampling.top_p", sampling.topP, topP);
  checkRange("sampling.top_k", sampling.topK, topK);
  checkRange("sampling.min_p", sampling.minP, minP);
  checkRange("sampling.repetition_penalty", sampling.repetitionPenalty, repetitionPenalty);
  checkRange("sampling.frequency_penalty", sampling.frequencyPenalty, frequencyPenalty);
  checkRange("sampling.presence_penalty", sampling.presencePenalty, presencePenalty);
  const bias = Object.entries(sampling.logitBias);
  checkCount("sampling.logit_bias", bias.length, LIMITS.logitBiasEntries);
  for (const [id, value] of bias) {
    checkRange(`sampling.logit_bias.${id}`, value, { min: -LIMITS.logitBias, max: LIMITS.logitBias });
  }
}
