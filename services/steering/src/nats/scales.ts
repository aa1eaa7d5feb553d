/**
 * Doses in nats: the scale of a use whose KL to the unsteered next-token distribution on harmless passages, with the gate
 * open, is the dose. Curves are measured where they are asked for, kept in the store by what they depend on, and shared by
 * requests that come at once.
 */
import { clone, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import { type SteeringUse, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { NATS_LIMITS, STEERING_LIMITS } from "../../limits.ts";
import { inputsKey } from "../build/context.ts";
import type { SteeringClients, WorkScope } from "../clients.ts";
import { readsPrompt } from "../arms.ts";
import { shaped } from "../compose.ts";
import { createDecider, type Deciding } from "../decider.ts";
import type { Resolved } from "../library.ts";
import { fetchModel } from "../model.ts";
import type { PhaseMarkers } from "../phases.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import type { CaptureText } from "../work/capture.ts";
import { divergence, divergenceBase, type DivergenceContext } from "../work/divergence.ts";
import { uploadProgram } from "../work/programs.ts";
import { renderTurns } from "../work/text.ts";
import { type CurvePoint, solveScale } from "./solve.ts";

/** Turns doses in nats into scales. */
export interface NatsScales {
  /**
   * The use with a scale in place of a dose in nats; other uses as they are.
   * @throws TrimtabError INVALID_ARGUMENT, FIELD_OUT_OF_RANGE, ARTIFACT_NOT_FOUND without passages, and of the services
   */
  scaled(use: SteeringUse, found: Resolved, modelDigest: string): Promise<SteeringUse>;
  close(): Promise<void>;
}

/** What the scales are measured with. */
export interface NatsParts {
  readonly clients: SteeringClients;
  readonly store: ArtifactStore;
  readonly recipes: ReadonlyMap<string, RecipeSource>;
  readonly phases: PhaseMarkers;
}

/** Counts up when the same use must give another curve than before. */
const CURVE_FORMAT = 2;

const curveSchema = z.array(z.object({ scale: z.number().positive(), nats: z.number().min(0) }));

/** Creates them. */
export function createNatsScales(parts: NatsParts): NatsScales {
  const abort = new AbortController();
  const running = new Map<string, Promise<unknown>>();
  return {
    async scaled(use, found, modelDigest) {
      const nats = natsOf(use);
      if (nats === undefined) return use;
      if (nats === 0) return withScale(use, 0);
      const key = curveKey(parts, use, found, modelDigest);
      // One after the other: the second finds the points that the first measured.
      const before = running.get(key) ?? Promise.resolve();
      const mine = before
        .catch(() => undefined)
        .then(() => scaleOf(parts, { use, found, modelDigest, key, nats, signal: abort.signal }));
      running.set(key, mine);
      try {
        return withScale(use, await mine);
      } finally {
        if (running.get(key) === mine) running.delete(key);
      }
    },
    async close() {
      abort.abort(new TrimtabError("CANCELLED", "the service is stopping"));
      await Promise.allSettled(running.values());
    },
  };
}

/** The dose in nats, if it is one. */
function natsOf({ dose, scale, weights }: SteeringUse): number | undefined {
  if (dose?.dose.case !== "nats") return undefined;
  const { value } = dose.dose;
  const field = "steering.dose.nats";
  if (weights && readsPrompt(weights)) {
    const message = "weights that depend on the prompt have no one strength: give a scale";
    throw new TrimtabError("UNSUPPORTED", message, { field });
  }
  if (scale !== undefined)
    throw new TrimtabError("INVALID_ARGUMENT", "give a scale or a dose, not both", { field });
  if (value >= 0 && value <= NATS_LIMITS.most) return value;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `${field} is ${value}`, {
    field,
    limit: `0 to ${NATS_LIMITS.most}`,
  });
}

function withScale(use: SteeringUse, scale: number): SteeringUse {
  const copy = clone(SteeringUseSchema, use);
  delete copy.dose;
  copy.scale = scale;
  return copy;
}

/** What a curve depends on: what is used, how it is narrowed, the model, and the passages. */
function curveKey(
  { recipes }: NatsParts,
  use: SteeringUse,
  { resolved, head }: Resolved,
  modelDigest: string,
): string {
  const rest = withScale(use, 1);
  rest.recipe = rest.direction = "";
  delete rest.forceGate;
  const how = Buffer.from(toBinary(SteeringUseSchema, rest)).toString("base64");
  const passages = [...recipes.values()].map(({ digest }) => digest);
  return inputsKey([
    CURVE_FORMAT,
    resolved,
    how,
    modelDigest,
    passages,
    ...(head === undefined ? [] : [head]),
  ]);
}

interface Order {
  readonly use: SteeringUse;
  readonly found: Resolved;
  readonly modelDigest: string;
  readonly key: string;
  readonly nats: number;
  readonly signal: AbortSignal;
}

async function scaleOf(
  parts: NatsParts,
  { use, found, modelDigest, key, nats, signal }: Order,
): Promise<number> {
  const name = `nats.${key.slice(0, 32)}`;
  const points = storedPoints(parts.store, name);
  const count = points.length;
  const scope: WorkScope = { signal, spend: () => {} };
  let measure: ((scale: number) => Promise<number>) | undefined;
  const limits = { ...NATS_LIMITS.solve, maxScale: STEERING_LIMITS.maxScale };
  try {
    return await solveScale(
      nats,
      points,
      async (scale) => {
        measure ??= await createMeasure(parts, found.deciding, use, modelDigest, scope);
        return measure(scale);
      },
      limits,
    );
  } finally {
    if (points.length > count) {
      const bytes = new TextEncoder().encode(JSON.stringify(points));
      const madeFrom = { steering: found.resolved.replace(/^.*@/, "") };
      parts.store.put({ name, kind: ArtifactKind.FINDING, bytes, modelDigest, madeFrom, replace: true });
    }
  }
}

/** What was measured before; nothing if none of it can be read: then it is measured again. */
function storedPoints(store: ArtifactStore, name: string): CurvePoint[] {
  try {
    return curveSchema.parse(JSON.parse(new TextDecoder().decode(store.get(name).bytes)));
  } catch {
    return [];
  }
}

/** Measures the divergence of a use at a scale, gate open: masked, decaying and limited as it is served. */
async function createMeasure(
  { clients, recipes, phases }: NatsParts,
  deciding: Deciding,
  use: SteeringUse,
  modelDigest: string,
  scope: WorkScope,
): Promise<(scale: number) => Promise<number>> {
  const model = await fetchModel(clients, modelDigest, { signal: scope.signal });
  const context: DivergenceContext = { clients, model, scope };
  const texts = await passageTexts(clients, context, recipes);
  const base = await divergenceBase(context, texts);
  const markers = await phases.of([use], modelDigest);
  const isGated = "ruleset" in deciding || deciding.source.kind === "recipe";
  return async (scale) => {
    const open = withScale(use, scale);
    if (isGated) open.forceGate = 1;
    const plan = await createDecider(deciding, open).decide([]);
    const { program, coefficients } = shaped(plan, open, open, markers);
    if (!program) return 0;
    await uploadProgram(clients, program.program, scope.signal);
    const binding = { programDigest: program.digest, coefficients: [...coefficients] };
    return divergence(context, base, { ...binding, program: program.program });
  };
}

/** Harmless passages as answers to what asks for them, cut to a few dozen tokens. */
async function passageTexts(
  clients: SteeringClients,
  { model, scope }: DivergenceContext,
  recipes: ReadonlyMap<string, RecipeSource>,
): Promise<CaptureText[]> {
  const turns = [...recipes.values()]
    .flatMap(({ passages, settings }) =>
      passages.map(({ family, text }) => ({
        prompt: settings.prompts.passage_prompt.replace("{family}", family.replaceAll("-", " ")),
        answer: text,
      })),
    )
    .slice(0, NATS_LIMITS.passages);
  if (turns.length === 0) {
    throw new TrimtabError("ARTIFACT_NOT_FOUND", "no recipe with passages to measure a dose on", {
      field: "recipes",
    });
  }
  const rendered = await renderTurns(clients, model, turns, scope);
  return rendered.map(({ ids, answerTokens }) => {
    const first = ids.length - answerTokens;
    return { ids: ids.slice(0, first + NATS_LIMITS.answerTokens), first };
  });
}
