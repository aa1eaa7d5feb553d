/**
 * First phase of a build: the recipe's direction, the paper's direction, and the median norm of the residual stream.
 * Tokens: (prompts · 2 classes) · answers, each prompt computed once for all its answers; a few hundred for the norms.
 */
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { checkDirection, type Direction, median, norm } from "../direction.ts";
import type { AnswerDirections } from "../dose.ts";
import { readDirectionSafetensors, writeDirectionSafetensors } from "../formats/safetensors-direction.ts";
import { directionFromFile } from "../formats/vectors.ts";
import { METHODS } from "../methods/index.ts";
import type { ContrastRows } from "../methods/method.ts";
import { takePrompts } from "../recipes/prompts.ts";
import type { RecipeSettings } from "../recipes/recipe.ts";
import { captureMatrices, captureRows, type CaptureText, newTokens } from "../work/capture.ts";
import { answerSpan } from "../work/spans.ts";
import { encodeTexts, endOfTurnIds, type Rendered, renderTurns, type Turn } from "../work/text.ts";
import { methodInputs, type PhaseContext, phaseName } from "./context.ts";
import { storedResult } from "./stored.ts";

/** A stored direction. */
export interface StoredDirection {
  readonly direction: Direction;
  /** "sha256:<hex>" */
  readonly digest: string;
}

/** Result of the phase. */
export interface DirectionResult {
  readonly main: StoredDirection;
  /** The paper's, if the recipe has phrases for it. */
  readonly paper?: StoredDirection;
  readonly ending: StoredDirection;
}

/** The directions as doses act on them. */
export function answerDirections({ main, ending }: DirectionResult): AnswerDirections {
  return { direction: main.direction, ending: ending.direction };
}

/** Texts the norms are measured on, and what of them is read. */
const NORM_TEXTS = 12;
const EVERY_RESIDUAL = {
  site: Site.RESIDUAL,
  layers: [],
  positions: TapPositions.RANGE,
  pooling: Pooling.NONE,
} as const;

/** Makes the directions, or finds them in the store. */
export async function directionPhase(context: PhaseContext): Promise<DirectionResult> {
  const { settings } = context.recipe;
  const turns = contrastTurns(context);
  const names = {
    main: phaseName(context, "direction", [settings.direction, turns, ...methodInputs(context.recipe)]),
    paper: phaseName(context, "paper", [settings.direction, turns, settings.paper]),
    ending: phaseName(context, "ending", [settings.direction, turns]),
  };
  const stored = await findStored(context, names);
  if (stored) return stored;
  const rendered = {
    positive: await renderTurns(context.clients, context.model, turns.positive, context.scope),
    negative: await renderTurns(context.clients, context.model, turns.negative, context.scope),
  };
  const normTexts = rendered.negative.slice(-NORM_TEXTS);
  context.budget([...Object.values(rendered), normTexts].reduce((sum, texts) => sum + newTokens(texts), 0));
  context.say("norms of the residual stream");
  const medianResidualNorms = await measureNorms(context, normTexts);
  context.say("contrast of answers");
  const method = METHODS[settings.direction.method];
  const capture = (texts: readonly Rendered[]) =>
    captureRows(context.clients, context.model, texts.map(answerSpan), method.needs, context.scope);
  const rows: ContrastRows = {
    positive: await capture(rendered.positive),
    negative: await capture(rendered.negative),
  };
  const raw = method.fit(rows, context.model.layers);
  const base = {
    modelDigest: context.model.digest,
    layers: context.model.layers,
    width: context.model.width,
  };
  const main = checkDirection({ ...base, method: method.name, raw, medianResidualNorms });
  const outputs = async (name: string, raw: Promise<Map<number, Float32Array>>) =>
    save(
      context,
      name,
      checkDirection({ ...base, method: "output_embedding", raw: await raw, medianResidualNorms }),
    );
  context.say("directions of outputs");
  return {
    main: save(context, names.main, main),
    ...(settings.paper ? { paper: await outputs(names.paper, paperVectors(context, settings.paper)) } : {}),
    ending: await outputs(names.ending, endingVector(context)),
  };
}

/** Median ‖h‖ after every block over the positions of the texts from `first` on, [layers]. */
export async function medianNorms(
  context: Pick<PhaseContext, "clients" | "model" | "scope">,
  texts: readonly CaptureText[],
): Promise<Float32Array> {
  const matrices = await captureMatrices(
    context.clients,
    context.model,
    texts,
    EVERY_RESIDUAL,
    context.scope,
  );
  return Float32Array.from({ length: context.model.layers }, (_, layer) =>
    median(matrices.flatMap((matrix) => (matrix.get(layer) ?? []).map(norm))),
  );
}

function measureNorms(context: PhaseContext, texts: readonly Rendered[]): Promise<Float32Array> {
  return medianNorms(context, texts.map(answerSpan));
}

function contrastTurns({ recipe }: PhaseContext): { positive: Turn[]; negative: Turn[] } {
  const { method, prompts_per_class: count } = recipe.settings.direction;
  const steer = takePrompts(recipe.steer, "train", count);
  const leave = takePrompts(recipe.leave, "train", count);
  if (method === "prompt_contrast") {
    return {
      positive: steer.map(({ text }) => ({ prompt: text })),
      negative: leave.map(({ text }) => ({ prompt: text })),
    };
  }
  const pairs = (side: typeof recipe.positiveAnswers): Turn[] =>
    [...steer, ...leave].flatMap((prompt) =>
      side.map((answer) => ({ prompt: prompt.text, answer: answer.text })),
    );
  return { positive: pairs(recipe.positiveAnswers), negative: pairs(recipe.negativeAnswers) };
}

async function paperVectors(
  context: PhaseContext,
  { positive, negative }: NonNullable<RecipeSettings["paper"]>,
): Promise<Map<number, Float32Array>> {
  const encode = async (phrases: readonly string[]) =>
    (await encodeTexts(context.clients, context.model, phrases, context.scope)).flat();
  return embeddingContrast(context, await encode(positive), await encode(negative));
}

/** The token that ends a turn against the words of refusals, in the last block alone: read by the output head at once. */
async function endingVector(context: PhaseContext): Promise<Map<number, Float32Array>> {
  const { clients, model, recipe, scope } = context;
  const answers = recipe.positiveAnswers.map(({ text }) => text);
  const spoken = (await encodeTexts(clients, model, answers, scope)).flat();
  const ends = await endOfTurnIds(clients, model, scope);
  const last = model.layers - 1;
  const vectors = await embeddingContrast(context, ends, spoken);
  return new Map([[last, vectors.get(last) as Float32Array]]);
}

/** Contrast of the embedding rows of two lists of ids. */
async function embeddingContrast(
  context: PhaseContext,
  positive: readonly number[],
  negative: readonly number[],
): Promise<Map<number, Float32Array>> {
  const method = METHODS.output_embedding;
  const unique = [...new Set([...positive, ...negative])];
  const texts = unique.map((id) => ({ ids: [id], first: 0 }));
  const captured = await captureRows(context.clients, context.model, texts, method.needs, context.scope);
  const rowOf = new Map(unique.map((id, i) => [id, captured[i] as (typeof captured)[number]]));
  const rows = (side: readonly number[]) => side.map((id) => rowOf.get(id) as (typeof captured)[number]);
  return method.fit({ positive: rows(positive), negative: rows(negative) }, context.model.layers);
}

async function findStored(
  context: PhaseContext,
  { main, paper, ending }: Record<keyof DirectionResult, string>,
): Promise<DirectionResult | undefined> {
  const load = (name: string): Promise<StoredDirection | undefined> =>
    storedResult(context, name, ArtifactKind.DIRECTION, (bytes, digest) => ({
      ...{ direction: directionFromFile(readDirectionSafetensors(bytes), context.model), digest },
    }));
  const [own, end] = [await load(main), await load(ending)];
  if (!own || !end) return undefined;
  if (!context.recipe.settings.paper) return { main: own, ending: end };
  const papers = await load(paper);
  return papers && { main: own, ending: end, paper: papers };
}

function save(context: PhaseContext, name: string, direction: Direction): StoredDirection {
  const { digest } = context.store.put({
    name,
    kind: ArtifactKind.DIRECTION,
    bytes: writeDirectionSafetensors(direction),
    modelDigest: context.model.digest,
    madeFrom: { recipe: `sha256:${context.recipe.digest}` },
    replace: true,
  });
  return { direction, digest };
}
