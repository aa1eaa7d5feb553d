/**
 * What a request says of calls, as what is generated: a call that must be made is an answer under the schema of its function; one that the
 * model chooses to make is held to it from its mark on, where that is asked for.
 */
import { clone, create } from "@bufbuild/protobuf";
import { type TrimtabError, withRenamedField } from "#kit/errors.ts";
import { noSyntax } from "#kit/tools.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  type Conversation,
  type GenerationSpec,
  GenerationSpecSchema,
  ToolChoiceMode,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type Constraint, ConstraintSchema, type Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope, GatewayClients } from "../../clients.ts";
import { failureOf } from "../reasons.ts";
import type { Vocabularies } from "../vocabulary.ts";
import { nestedSchema } from "./nested-schema.ts";
import type { CallSyntax } from "./syntax.ts";

/** A request whose calls are provided for. */
export interface Chosen {
  readonly spec: GenerationSpec;
  /** What its answer begins with, as part of the prompt. */
  readonly openingIds: readonly number[];
}

/** What an answer may and must call. */
export interface Choice {
  /** What the model is told of. */
  readonly tools: readonly Tool[];
  /** It is a call of one of `callable`. */
  readonly isForced: boolean;
  readonly callable: readonly Tool[];
  /** Its calls are generated under a constraint: it must be one, or functions are strict. */
  readonly isHeld: boolean;
  /** It ends with its first call. */
  readonly isSingle: boolean;
}

/** The functions that a conversation tells the model of. */
export function toolsOf(conversation: Conversation | undefined): readonly Tool[] {
  const isNone = conversation?.toolChoice?.mode === ToolChoiceMode.NONE;
  return isNone ? [] : (conversation?.tools ?? []);
}

/** What the answer of a request may and must call. */
export function choiceOf(spec: GenerationSpec | undefined): Choice {
  const conversation = spec?.prompt.case === "conversation" ? spec.prompt.value : undefined;
  const { mode, function: named = "", single = false } = conversation?.toolChoice ?? {};
  const tools = toolsOf(conversation);
  const callable = named === "" ? tools : tools.filter(({ name }) => name === named);
  const isForced = mode === ToolChoiceMode.REQUIRED;
  return {
    tools,
    callable,
    isForced,
    isHeld: isForced || tools.some((tool) => tool.strict),
    isSingle: single,
  };
}

/** What is wrong with the constraint of calls, said of the functions whose schemas it is made from. */
export function failureOfSchemas(failure: TrimtabError, spec: GenerationSpec): TrimtabError {
  const { tools, callable } = choiceOf(spec);
  const [only, ...others] = callable;
  const isOne = only !== undefined && others.length === 0;
  const field = isOne ? `conversation.tools[${tools.indexOf(only)}].parameters` : "conversation.tools";
  const ofForm = /^constraint\.tagged\.forms(\[\d+\]).*$/;
  const ofOne = withRenamedField(failure, ofForm, "conversation.tools$1.parameters");
  return withRenamedField(ofOne, /^constraint.*$/, field);
}

/** @throws TrimtabError UNSUPPORTED if the model's template writes no calls; errors of the tokenizer */
export async function withToolChoice(
  { clients, vocabularies }: { readonly clients: GatewayClients; readonly vocabularies: Vocabularies },
  asked: GenerationSpec,
  model: Model,
  scope: CallScope,
): Promise<Chosen> {
  const { tools, callable, isForced, isHeld, isSingle } = choiceOf(asked);
  if (tools.length === 0 || !(isHeld || isSingle)) return { spec: asked, openingIds: [] };
  const { calls: syntax } = await vocabularies.get(model, scope);
  if (!syntax) throw noSyntax("conversation.tools");
  const spec = clone(GenerationSpecSchema, asked);
  if (!isForced) {
    // The first call is the last thing that is generated.
    if (isSingle && syntax.close !== "") spec.stop.push(syntax.close);
    if (isHeld) spec.constraint = heldCalls(syntax, tools);
    return { spec, openingIds: [] };
  }
  const strict = callable.some((tool) => tool.strict);
  const value = { schema: JSON.stringify(syntax.schemaOf(callable)), strict };
  spec.constraint = create(ConstraintSchema, { kind: { case: "jsonSchema", value } });
  const request = { modelDigest: model.digest, texts: [syntax.opening], parseSpecial: true };
  const { encodings } = await clients.tokenizer
    .encode(request, scope)
    .catch(failureOf("tokenizer", scope.signal));
  return { spec, openingIds: encodings[0]?.ids ?? [] };
}

/** Free text in which calls are of functions that were offered, the strict ones with arguments under their schema. */
function heldCalls({ held, close }: CallSyntax, tools: readonly Tool[]): Constraint {
  const forms = tools.map(({ name, parameters, strict }) => {
    const { mark, begin, end } = held(name);
    if (!strict && close !== "") return { mark, begin, end: close };
    // What ends a call without a closing mark stands within arguments, too: they are an object, whatever it holds.
    const jsonSchema = {
      schema: JSON.stringify(strict ? nestedSchema(parameters, "#") : { type: "object" }),
    };
    return { mark, begin, jsonSchema, end };
  });
  return create(ConstraintSchema, { kind: { case: "tagged", value: { forms, once: close === "" } } });
}
