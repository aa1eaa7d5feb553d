/** The scaling of a request, checked against its strategy and verifiers before anything is computed. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import { TrimtabError, underField, withRenamedField } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  AnswerForm as Form,
  type AnswerRule as AnswerMessage,
  AnswerRuleSchema,
  DegradedVerifier,
  type GenerationSpec,
  type ScalingBudget,
  type ScalingOptions,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import {
  VerifierAccess,
  VerifierKind,
  type VerifierUse,
} from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import type { CallScope, GatewayClients } from "../../clients.ts";
import type { AnswerForm, AnswerRule } from "../../strategies/answers.ts";
import type { Budget } from "../../strategies/ledger.ts";
import { findStrategy } from "../../strategies/registry.ts";
import { defaultsOf, type Judging, type Strategy } from "../../strategies/strategy.ts";
import { type FlowContext, type PreparedSteering, prepareSteering } from "../prepare.ts";
import { serviceFailure } from "../reasons.ts";
import { validateUse } from "../validate.ts";
import { invalid, readPolicyTable } from "./policy-table.ts";
import { type StepEnd, stepEndOf } from "./step-rule.ts";
import { checkHeld, checkJudged, checkStrategy } from "./validate-scaling.ts";

/** A verifier with what it needs. */
export interface BoundVerifier {
  readonly use: VerifierUse;
  readonly needs: readonly string[];
  readonly taps: readonly Tap[];
  /** It has the model read what it judges. */
  readonly asksModel: boolean;
  /** It judges candidates against each other: the same text may get another score beside others. */
  readonly comparesItems: boolean;
  /** Most candidates that it can judge at once; 0: any number. */
  readonly maxItems: number;
}

/** A checked search. */
export interface PreparedScaling {
  /** As the request has it. */
  readonly asked: ScalingOptions;
  readonly strategy: Strategy;
  /** Defaults filled in. */
  readonly parameters: JsonObject;
  /** It reads confidences of tokens, or whatever it may hand over to does. */
  readonly needsConfidence: boolean;
  /** The same of the probabilities that tokens were drawn with. */
  readonly needsPlainSampling: boolean;
  readonly budget: Budget;
  readonly verifiers: Readonly<Partial<Record<Judging, BoundVerifier>>>;
  /** Steerings that candidates are varied by; empty: the request's own. */
  readonly diversify: readonly (PreparedSteering | undefined)[];
  readonly step: StepEnd;
  readonly answer: AnswerRule;
  readonly isStrict: boolean;
  readonly isTraced: boolean;
}

const FORMS: Readonly<Record<Form, AnswerForm>> = {
  [Form.UNSPECIFIED]: "number",
  [Form.NUMBER]: "number",
  [Form.LINE]: "line",
  [Form.TEXT]: "text",
};

/** What a service that does not answer for a verifier says of it. */
const NOTHING = {
  ...{ kind: VerifierKind.UNSPECIFIED, access: VerifierAccess.UNSPECIFIED },
  ...{ needs: [] as string[], taps: [], comparesItems: false, maxItems: 0 },
};

/** Checks a request's scaling; undefined if it asks for none. */
export async function prepareScaling(
  flow: FlowContext,
  spec: GenerationSpec,
  model: Model,
  scope: CallScope,
): Promise<PreparedScaling | undefined> {
  const { scaling } = spec;
  const strategy = scaling && findStrategy(scaling.strategy);
  if (!scaling || !strategy) return undefined;
  const parameters = await parametersOf(flow, strategy, scaling.parameters ?? {}, model, scope);
  const mayRun = [strategy, ...(strategy.mayRun?.(parameters) ?? [])];
  const budget = budgetOf(scaling.budget, strategy);
  for (const one of mayRun) {
    checkStrategy(spec, one);
    checkHeld(one, budget.candidates, one === strategy ? parameters : defaultsOf(one));
  }
  const verifiers = await bindVerifiers(flow.clients, scaling, strategy, model, scope);
  for (const { use, maxItems } of Object.values(verifiers))
    checkJudged(use.name, maxItems, budget.candidates);
  return {
    ...{ asked: scaling, strategy, parameters, budget, verifiers },
    needsConfidence: mayRun.some((one) => one.needsConfidence),
    needsPlainSampling: mayRun.some((one) => one.needsPlainSampling),
    diversify: await Promise.all(scaling.diversify.map((use, i) => prepareUse(flow, use, i, model, scope))),
    step: stepEndOf(scaling.step),
    answer: answerRuleOf(scaling.answer),
    isStrict: scaling.degraded !== DegradedVerifier.BEST_EFFORT,
    isTraced: scaling.trace,
  };
}

/** The parameters, defaults filled in; a table that is named is read. */
async function parametersOf(
  flow: FlowContext,
  strategy: Strategy,
  given: JsonObject,
  model: Model,
  scope: CallScope,
): Promise<JsonObject> {
  const check = flow.parameterChecks(strategy.parameters);
  const parameters = structuredClone(given);
  check(parameters, "scaling.parameters");
  if (typeof parameters.table !== "string") return parameters;
  const { rows, probes, reference } = await readPolicyTable(flow.clients, parameters.table, model, scope);
  const filled = { ...parameters, table: rows, probes: given.probes ?? probes ?? parameters.probes ?? null };
  try {
    if (typeof rows === "string") throw new TypeError("a table names another");
    check(filled, "scaling.parameters");
  } catch (error) {
    throw invalid(`${reference} holds no table of auto: ${(error as Error).message}`, error);
  }
  return { ...filled, table_from: reference };
}

/** A steering that candidates are varied by; undefined for one that names nothing: unsteered. */
async function prepareUse(
  flow: FlowContext,
  use: SteeringUse,
  index: number,
  model: Model,
  scope: CallScope,
): Promise<PreparedSteering | undefined> {
  if (use.recipe === "" && use.direction === "" && use.parts.length === 0) return undefined;
  return await underField(/^steering\.use/, `scaling.diversify[${index}]`, () =>
    prepareSteering(flow, model, validateUse(use), scope),
  );
}

function budgetOf(budget: ScalingBudget | undefined, strategy: Strategy): Budget {
  const bound = (value: number | bigint | undefined): number =>
    value === undefined || Number(value) === 0 ? Infinity : Number(value);
  const candidates = budget?.candidates || strategy.candidates;
  const tokens = bound(budget?.tokens);
  if (tokens < candidates) {
    const message = `${tokens} tokens are fewer than ${candidates} candidates`;
    throw new TrimtabError("FIELD_OUT_OF_RANGE", message, {
      field: "scaling.budget.tokens",
      limit: `at least ${candidates}`,
    });
  }
  return { tokens, candidates, milliseconds: bound(budget?.milliseconds) };
}

function answerRuleOf(rule: AnswerMessage | undefined): AnswerRule {
  return { form: FORMS[rule?.form ?? Form.UNSPECIFIED], marker: rule?.marker ?? "" };
}

/** The rule as it is sent. */
export function answerRuleMessage({ form, marker }: AnswerRule): AnswerMessage {
  const sent = { number: Form.NUMBER, line: Form.LINE, text: Form.TEXT };
  return create(AnswerRuleSchema, { form: sent[form], marker });
}

async function bindVerifiers(
  clients: GatewayClients,
  scaling: ScalingOptions,
  strategy: Strategy,
  model: Model,
  scope: CallScope,
): Promise<PreparedScaling["verifiers"]> {
  const { verifier, processVerifier } = scaling;
  const ask = (use: VerifierUse | undefined, field: string) =>
    use && requirementsOf(clients, use, field, model, scope);
  const [main, process] = await Promise.all([
    ask(verifier, "scaling.verifier"),
    ask(processVerifier, "scaling.process_verifier"),
  ]);
  if (process && process.kind !== VerifierKind.PROCESS) {
    throw wrongKind("scaling.process_verifier", `${process.use.name} judges finished answers only`);
  }
  const forSteps = process ?? (main?.kind === VerifierKind.PROCESS ? main : undefined);
  const bound = { outcome: main ?? process, process: forSteps };
  if (strategy.needsVerifier && !strategy.verifiers.some((judging) => bound[judging])) {
    const kinds = strategy.verifiers.join(" or ");
    const message = `${strategy.name} needs a verifier of kind ${kinds}`;
    if (main) throw wrongKind("scaling.verifier", message);
    throw new TrimtabError("FIELD_REQUIRED", message, { field: "scaling.verifier" });
  }
  return { ...(bound.outcome ? { outcome: bound.outcome } : {}), ...(forSteps ? { process: forSteps } : {}) };
}

async function requirementsOf(
  clients: GatewayClients,
  use: VerifierUse,
  field: string,
  model: Model,
  scope: CallScope,
): Promise<BoundVerifier & { readonly kind: VerifierKind }> {
  try {
    const request = { modelDigest: model.digest, verifiers: [use] };
    const { requirements } = await clients.verifier.getRequirements(request, scope);
    const [{ kind, access, needs, taps, comparesItems, maxItems } = NOTHING] = requirements;
    // What knows no more than the model and reads the conversation puts it to the model.
    const asksModel = access === VerifierAccess.SELF && needs.includes("messages");
    return { use, kind, needs, taps, comparesItems, maxItems, asksModel };
  } catch (error) {
    throw withRenamedField(serviceFailure(error, "verifier", scope.signal), /^verifiers\[0\]/, field);
  }
}

function wrongKind(field: string, message: string): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", message, { field, limit: "kind of verifier" });
}
