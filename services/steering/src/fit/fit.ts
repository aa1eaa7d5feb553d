/** One fit: examples are read, a method is fitted, and what it made becomes an artifact with what was found. */
import { TrimtabError } from "#kit/errors.ts";
import type { FitArtifactRequest } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { FIT_LIMITS } from "../../limits.ts";
import { auroc } from "../controller/metrics.ts";
import { checkDirection, norm, unit } from "../direction.ts";
import { createEdit, writeEdit } from "../edit.ts";
import { neutralNorms } from "../exchange.ts";
import { writeDirectionSafetensors } from "../formats/safetensors-direction.ts";
import { METHODS } from "../methods/index.ts";
import type { DirectionMethod, FitSettings, Reading, SteeringMethod } from "../methods/method.ts";
import { blockRows, dot } from "../methods/rows.ts";
import { runSweep, SWEEP } from "../sweep/sweep.ts";
import type { SteeringParts } from "../service.ts";
import { f32Tensor } from "../tensors.ts";
import type { ExampleSource } from "./examples.ts";
import { fitHead, HEAD_METHODS } from "./head.ts";
import { readExamples, type ReadSource } from "./read.ts";
import { fitInThread } from "./method-thread.ts";
import { fitRefusalDirection } from "./refusal-direction.ts";

/** What a fit made, as bytes to store. */
export interface Fitted {
  readonly kind: ArtifactKind;
  readonly bytes: Uint8Array;
  /** Of a sweep: "sha256:<hex>" of the finding with its table. */
  readonly table?: string;
}

/** What a fit works with. */
export interface FitContext extends ReadSource {
  readonly parts: SteeringParts;
  /** Says what is going on. */
  say(detail: string): void;
}

type Facts = Readonly<Record<string, string>>;

/** The method that looks at what its candidates do to the model before it chooses. */
const MEASURED = "refusal_direction";

/** Counts up when what all fits share (examples, rows, axes, probes) gives another result from the same inputs. */
const FIT_FORMAT = 1;
/** The same of the fits that are no method of `METHODS`. */
const OTHER_VERSIONS = {
  refusal_direction: 3,
  weights_regression: 2,
  weights_evolution: 1,
  sweep: 3,
} as const;

/**
 * Versions of the code that a fit's result depends on, so that a stored artifact is never that of other code.
 * @throws TrimtabError INVALID_ARGUMENT for an unknown method
 */
export function codeVersion(method: string): readonly [shared: number, own: number] {
  const own = Object.hasOwn(OTHER_VERSIONS, method)
    ? OTHER_VERSIONS[method as keyof typeof OTHER_VERSIONS]
    : findMethod(method).version;
  return [FIT_FORMAT, own];
}

function isHead(name: string): boolean {
  return (HEAD_METHODS as readonly string[]).includes(name);
}

function findMethod(name: string): SteeringMethod {
  if (Object.hasOwn(METHODS, name)) return METHODS[name as keyof typeof METHODS];
  throw new TrimtabError("INVALID_ARGUMENT", "no such method", {
    field: "method",
    limit: [...Object.keys(METHODS), ...Object.keys(OTHER_VERSIONS)].join(", "),
  });
}

/**
 * Fits a method to a recipe's examples.
 * @throws TrimtabError INVALID_ARGUMENT if the classes cannot be told apart and the fit is not forced, or as the method
 */
export async function fitMethod(context: FitContext, request: FitArtifactRequest): Promise<Fitted> {
  if (request.method === MEASURED) return fitRefusal(context, request);
  if (isHead(request.method)) return fitHead(context, request);
  if (request.method === SWEEP) return runSweep(context, request);
  const method = findMethod(request.method);
  const { options } = request;
  const site = siteOf(method, options?.site ?? Site.UNSPECIFIED);
  context.say("reading examples");
  const readings = await readExamples(context, {
    name: method.name,
    needs: method.yields === "direction" ? [{ ...method.needs, site }] : method.needs,
    ...(options?.promptsPerClass ? { promptsPerClass: options.promptsPerClass } : {}),
    ...(options?.shuffleLabels ? { shuffleSeed: options.seed } : {}),
  });
  context.say(`fitting ${method.name}`);
  const settings = settingsOf(request);
  const fitted = await fitInThread(context, method, readings, settings, options?.seed);
  if (fitted.yields !== "direction") {
    const kind = fitted.yields === "edit" ? ArtifactKind.EDIT : ArtifactKind.RULESET;
    return { kind, bytes: fitted.bytes };
  }
  const [reading] = readings as [Reading];
  return fitDirection(context, {
    ...{ method: method as DirectionMethod, reading, site, settings, request },
    vectors: fitted.vectors,
  });
}

async function fitRefusal(
  context: FitContext,
  { method, options, recipe }: FitArtifactRequest,
): Promise<Fitted> {
  const found = await fitRefusalDirection(context, options?.promptsPerClass || undefined, context.say);
  return storedForm(context, method, found.vectors, { ...found.facts, recipe });
}

/** Vectors of the residual stream as a direction with the norms its doses are measured against. */
async function storedForm(
  { model, parts, scope }: FitContext,
  method: string,
  raw: ReadonlyMap<number, Float32Array>,
  facts: Facts,
): Promise<Fitted> {
  const direction = checkDirection({
    ...{ modelDigest: model.digest, method, layers: model.layers, width: model.width },
    ...{ raw, facts, medianResidualNorms: await neutralNorms(parts, model, scope) },
  });
  return { kind: ArtifactKind.DIRECTION, bytes: writeDirectionSafetensors(direction) };
}

interface DirectionFit {
  readonly method: DirectionMethod;
  readonly reading: Reading;
  /** Of all blocks. */
  readonly vectors: ReadonlyMap<number, Float32Array>;
  readonly site: Site;
  readonly settings: FitSettings;
  readonly request: FitArtifactRequest;
}

async function fitDirection(context: FitContext, fit: DirectionFit): Promise<Fitted> {
  const { method, site, settings, request } = fit;
  const { model } = context;
  const chosen = settings.layers ? new Set(settings.layers) : undefined;
  const vectors = new Map([...fit.vectors].filter(([layer]) => chosen?.has(layer) ?? true));
  const facts = {
    ...separation(fit, vectors),
    recipe: request.recipe,
    ...(request.options?.shuffleLabels ? { shuffled_labels: `seed ${request.options.seed}` } : {}),
  };
  return site === method.needs.site
    ? storedForm(context, method.name, vectors, facts)
    : additionsAt(fit, vectors, model, facts);
}

/** The vectors as additions at another site than the residual stream. */
function additionsAt(
  { method, site, settings }: DirectionFit,
  vectors: ReadonlyMap<number, Float32Array>,
  model: ExampleSource["model"],
  facts: Facts,
): Fitted {
  const parts = [...vectors].map(([layer, vector]) => ({
    operation: {
      ...{ site, layer, kind: OperationKind.ADD, scope: settings.scope ?? Scope.UNSPECIFIED },
      vectors: f32Tensor([1, vector.length], unit(vector, layer)),
    },
    coefficient: (settings.strength ?? 1) * norm(vector),
  }));
  return { kind: ArtifactKind.EDIT, bytes: writeEdit(createEdit(method.name, model, parts, facts)) };
}

/** How well validation rows are told apart along the vectors. A random direction is not meant to. */
function separation(
  { method, reading: { validation }, request }: DirectionFit,
  vectors: ReadonlyMap<number, Float32Array>,
): Facts {
  if (method.needs.texts === "tokens") return {};
  const scores = [...vectors].map(([layer, vector]) => {
    const { positive, negative } = blockRows(validation, layer);
    const along = (rows: readonly Float32Array[]) => rows.map((row) => dot(row, vector));
    return { layer, auroc: auroc({ positive: along(positive), negative: along(negative) }) };
  });
  const best = scores.reduce((a, b) => (b.auroc > a.auroc ? b : a), { layer: -1, auroc: 0 });
  const separates = best.auroc >= FIT_LIMITS.minAuroc || method.name === "random_direction";
  if (!separates && !request.force) {
    throw new TrimtabError(
      "INVALID_ARGUMENT",
      `the classes are not told apart: validation AUROC ${best.auroc.toFixed(3)} in the best block; ` +
        "give more or other examples, or force the artifact",
      { field: "recipe", limit: FIT_LIMITS.minAuroc },
    );
  }
  return { validation_auroc: best.auroc.toFixed(3), best_block: String(best.layer) };
}

/** Where a method of one vector a block reads and adds. @throws TrimtabError INVALID_ARGUMENT for methods with sites of their own. */
function siteOf(method: SteeringMethod, asked: Site): Site {
  const own = method.yields === "direction" ? method.needs.site : Site.UNSPECIFIED;
  if (asked === Site.UNSPECIFIED || asked === own) return own;
  const isFree = method.yields === "direction" && own === Site.RESIDUAL && asked !== Site.ROUTER;
  if (isFree && Site[asked] !== undefined) return asked;
  throw new TrimtabError("INVALID_ARGUMENT", `${method.name} has sites of its own`, {
    field: "options.site",
  });
}

function settingsOf({ options }: FitArtifactRequest): FitSettings {
  if (!options) return {};
  const { layers, heads, strength, scope } = options;
  return {
    ...(layers.length > 0 ? { layers: [...new Set(layers)].sort((a, b) => a - b) } : {}),
    ...(heads > 0 ? { heads } : {}),
    ...(strength === undefined ? {} : { strength }),
    ...(scope === Scope.UNSPECIFIED ? {} : { scope }),
  };
}
