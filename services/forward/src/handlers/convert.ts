/** Requests of the schema → engine commands, with every field checked and resolved, and answers back. */
import { toBinary } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { sha256Hex } from "#kit/files.ts";
import type { GenerateCommand } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason, type SamplingParameters } from "#proto/trimtab/type/v1/generation_pb.ts";
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import * as limits from "../../limits.ts";
import type { CommandInput } from "../engine/client.ts";
import type { Binding, Finished, Sampling, ScoredToken } from "../engine/protocol.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import type { TapSpec } from "../engine/taps.ts";
import type { Operation, Program, Site } from "../programs/program.ts";
import { hasSite, SITES } from "../programs/program.ts";
import { toGrammar } from "./constraint.ts";
import { toSpeculation } from "./speculation.ts";
import { toTransform } from "./tap-transform.ts";
import { readF32 } from "./tensors.ts";

/** "sha256:<hex>" of a program's canonical bytes. */
export function programDigest(program: types.Program): string {
  return `sha256:${sha256Hex(toBinary(types.ProgramSchema, program, { writeUnknownFields: false }))}`;
}

/** A program of the schema as the engine takes it. */
export function toProgram(program: types.Program): Program {
  checkCount("operations", program.operations.length, limits.MAX_OPERATIONS);
  const rules = ["sum", "sum", "priority", "orthogonalize", "error"] as const;
  const conflict = rules[program.conflictRule];
  if (!conflict) throw outOfRange("conflict_rule", "is not a known rule");
  return { operations: program.operations.map(toOperation), conflict };
}

/** A binding, or null for none. */
export function toBinding(binding: types.ProgramBinding | undefined): Binding | null {
  if (!binding || binding.programDigest === "") return null;
  return { digest: binding.programDigest, coefficients: binding.coefficients };
}

/** Taps with their layers resolved. */
export function toTaps(taps: readonly types.Tap[], model: ModelInfo): TapSpec[] {
  checkCount("taps", taps.length, limits.MAX_TAPS);
  return taps.map((tap, index) => {
    const field = `taps[${index}]`;
    const layers = tap.layers.length > 0 ? [...new Set(tap.layers)] : [...Array(model.layers).keys()];
    const bad = layers.find((layer) => layer >= model.layers);
    if (bad !== undefined) {
      throw outOfRange(`${field}.layers`, `layer ${bad} of a model with ${model.layers}`, model.layers - 1);
    }
    if (tap.end !== 0 && tap.end <= tap.first) throw outOfRange(`${field}.end`, "must be over first");
    const pooling = (["none", "none", "mean", "max_norm", "last"] as const)[tap.pooling];
    if (!pooling) throw outOfRange(`${field}.pooling`, "is not a known pooling");
    const positions = tap.positions === types.TapPositions.RANGE ? "range" : "last";
    const site = toSite(tap.site, `${field}.site`, model);
    const { first, end } = tap;
    return { site, layers, positions, first, end, pooling, ...toTransform(tap, site, field, model) };
  });
}

/** A generation; `sequence` is filled in by the caller. */
export function toGenerate(
  command: GenerateCommand,
  model: ModelInfo,
): Omit<CommandInput<"generate">, "sequence"> {
  checkCount("stop_ids", command.stopIds.length, limits.MAX_STOP_IDS);
  checkRange("top_logprobs", command.topLogprobs, 0, limits.MAX_TOP_LOGPROBS);
  checkRange("park_timeout_ms", command.parkTimeoutMs, 0, limits.MAX_PARK_TIMEOUT_MS);
  const binding = toBinding(command.program);
  if (command.parkEveryTokens > 0 && binding === null) {
    throw new TrimtabError("FIELD_REQUIRED", "parking needs a program", { field: "program" });
  }
  if (command.constraint && command.ignoreModelStop && command.stopIds.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", "a constraint needs a stop id to end with", {
      field: "stop_ids",
    });
  }
  return {
    type: "generate",
    maxTokens: command.maxTokens,
    sampling: toSampling(command.sampling, model),
    stream: command.streamId,
    stopIds: command.ignoreModelStop ? command.stopIds : [...model.stopIds, ...command.stopIds],
    topLogprobs: command.topLogprobs,
    binding,
    replayLast: command.replayLast,
    taps: toTaps(command.taps, model),
    parkEvery: command.parkEveryTokens,
    parkTimeoutMs: command.parkTimeoutMs || limits.DEFAULT_PARK_TIMEOUT_MS,
    constraint: toGrammar(command.constraint),
    speculation: toSpeculation(command),
  };
}

/** Tokens of an event or a score. */
export function fromTokens(tokens: readonly ScoredToken[]) {
  return tokens.map(({ id, logprob, top }) => ({ id, logprob, top: top.map((one) => ({ ...one })) }));
}

/** The end of a generation. */
export function fromFinished(finished: Finished) {
  const reasons = { stop: FinishReason.STOP, length: FinishReason.LENGTH, cancelled: FinishReason.CANCELLED };
  return {
    reason: reasons[finished.reason],
    generatedTokens: finished.generatedTokens,
    replayedTokens: finished.replayedTokens,
    sequenceTokens: finished.sequenceTokens,
    draftedTokens: finished.draftedTokens,
    acceptedTokens: finished.acceptedTokens,
    proof: finished.proof.map(({ site, layer, rows, sum, max }) => ({
      site: SITES.indexOf(site) + 1,
      layer,
      rows,
      meanRelativeChange: sum / rows,
      maxRelativeChange: max,
    })),
  };
}

/** Refuses lists over a limit. @throws TrimtabError TOO_LARGE */
export function checkCount(field: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new TrimtabError("TOO_LARGE", `${field}: ${count} entries, at most ${limit}`, { field, limit });
}

/** Refuses numbers outside [low, high] and NaN. @throws TrimtabError FIELD_OUT_OF_RANGE */
export function checkRange(field: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw outOfRange(field, `${value} is not between ${low} and ${high}`, `${low} to ${high}`);
}

function toSampling(given: SamplingParameters | undefined, model: ModelInfo): Sampling {
  const sampling: Sampling = {
    temperature: given?.temperature ?? 1,
    topP: given?.topP ?? 1,
    topK: given?.topK ?? 0,
    minP: given?.minP ?? 0,
    repetitionPenalty: given?.repetitionPenalty ?? 1,
    frequencyPenalty: given?.frequencyPenalty ?? 0,
    presencePenalty: given?.presencePenalty ?? 0,
    logitBias: Object.entries(given?.logitBias ?? {}).map(([id, bias]) => [Number(id), bias] as const),
    seed: given?.seed ?? crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n,
  };
  checkRange("sampling.temperature", sampling.temperature, 0, 2);
  checkRange("sampling.top_p", sampling.topP, Number.MIN_VALUE, 1);
  checkRange("sampling.min_p", sampling.minP, 0, 1);
  checkRange("sampling.repetition_penalty", sampling.repetitionPenalty, Number.MIN_VALUE, 2);
  checkRange("sampling.frequency_penalty", sampling.frequencyPenalty, -2, 2);
  checkRange("sampling.presence_penalty", sampling.presencePenalty, -2, 2);
  checkCount("sampling.logit_bias", sampling.logitBias.length, limits.MAX_LOGIT_BIASES);
  for (const [id, bias] of sampling.logitBias) {
    checkRange("sampling.logit_bias", bias, -100, 100);
    checkRange("sampling.logit_bias", id, 0, model.vocabulary - 1);
  }
  return sampling;
}

function toOperation(operation: types.Operation, index: number): Operation {
  const field = `operations[${index}]`;
  const kinds = ["", "add", "erase", "rotate", "multiply", "cap_norm", "replace"] as const;
  const kind = kinds[operation.kind];
  if (!kind) throw outOfRange(`${field}.kind`, "is not a known operation");
  const condition = (["none", "above", "relu"] as const)[operation.condition];
  if (!condition) throw outOfRange(`${field}.condition`, "is not a known condition");
  const normPolicy = (["none", "preserve", "cap"] as const)[operation.normPolicy];
  if (!normPolicy) throw outOfRange(`${field}.norm_policy`, "is not a known policy");
  const vector = operation.conditionVector;
  return {
    site: toSite(operation.site, `${field}.site`),
    layer: operation.layer,
    kind,
    vectors: readF32(operation.vectors, `${field}.vectors`),
    parameter: operation.parameter,
    condition,
    conditionVector: vector ? readF32(vector, `${field}.condition_vector`) : null,
    threshold: operation.threshold,
    normPolicy,
    cap: operation.cap,
    scope: toScope(operation, field),
    priority: operation.priority,
  };
}

function toScope(
  { scope, windowFirst, windowEnd, answerWindow }: types.Operation,
  field: string,
): Operation["scope"] {
  if (answerWindow) {
    if (scope !== types.Scope.DECODE) throw outOfRange(`${field}.answer_window`, "belongs to SCOPE_DECODE");
    const { first, end } = answerWindow;
    return { kind: "decode", span: { first, end: end === 0 ? Number.POSITIVE_INFINITY : end } };
  }
  if (scope === types.Scope.WINDOW) return { kind: "window", first: windowFirst, end: windowEnd };
  const kind = (["answer", "prompt", "last", "decode"] as const)[scope];
  if (!kind) throw outOfRange(`${field}.scope`, "is not a known scope");
  return { kind };
}

/** The site of this number, which `model` must have. */
function toSite(site: types.Site, field: string, model?: ModelInfo): Site {
  const found = SITES[site - 1];
  if (found && (model === undefined || hasSite(found, model))) return found;
  if (site === types.Site.UNSPECIFIED)
    throw new TrimtabError("FIELD_REQUIRED", `${field} is missing`, { field });
  throw new TrimtabError("BACKEND_CAPABILITY", `${field}: this model has no such site`, { field });
}

function outOfRange(field: string, text: string, limit?: string | number): TrimtabError {
  return new TrimtabError("FIELD_OUT_OF_RANGE", `${field}: ${text}`, {
    field,
    ...(limit === undefined ? {} : { limit }),
  });
}
