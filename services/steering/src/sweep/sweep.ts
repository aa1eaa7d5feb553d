/**
 * A sweep over methods, windows of blocks and doses on validation prompts, by successive halving under a token budget.
 * Every candidate is run on prompts to steer and on prompts to leave alone, both steered; passages give perplexity and
 * KL. The best becomes a direction whose scale 1 is its dose, with the evidence in its file; the table is a finding.
 */
import { TrimtabError } from "#kit/errors.ts";
import { STORE_LIMITS } from "#kit/limits.ts";
import type { FitArtifactRequest } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { SWEEP_LIMITS } from "../../limits.ts";
import { checkDirection, type Direction, rawVector, unit } from "../direction.ts";
import { coefficientOfDose } from "../dose.ts";
import { neutralNorms } from "../exchange.ts";
import { z } from "zod";
import type { FitContext, Fitted } from "../fit/fit.ts";
import { fitInThread } from "../fit/method-thread.ts";
import { readExamples } from "../fit/read.ts";
import { writeDirectionSafetensors } from "../formats/safetensors-direction.ts";
import { METHODS } from "../methods/index.ts";
import type { DirectionMethod } from "../methods/method.ts";
import { checkJudge } from "../work/judge.ts";
import { type SweepCandidate, sweepCandidate, sweepPoints } from "./candidates.ts";
import { createMeasures, type Tally } from "./measure.ts";
import { sweepRounds } from "./schedule.ts";
import { markPareto, type SweepRow, sweepScore, type SweepTable } from "./table.ts";

/** Name of the method of FitArtifact. */
export const SWEEP = "sweep";

/** Defaults of a sweep. */
const DEFAULT = {
  methods: ["response_contrast"],
  doses: [0.05, 0.1, 0.2, 0.4],
  width: 3,
  tokenBudget: 40_000,
  depth: { first: 0.25, end: 0.75, steps: 6 },
};

const TABLE_ENDING = ".sweep";
/** Name of the finding with the table of an artifact, for people; the artifact's record names it by digest. */
const sweepTableName = (artifact: string): string =>
  `${artifact.slice(0, STORE_LIMITS.nameChars - TABLE_ENDING.length)}${TABLE_ENDING}`;

/** Runs a sweep. @throws TrimtabError INVALID_ARGUMENT for methods that are none, or without a point to run */
export async function runSweep(context: FitContext, request: FitArtifactRequest): Promise<Fitted> {
  const tokenBudget = Number(request.options?.tokenBudget ?? 0) || DEFAULT.tokenBudget;
  const spent = { tokens: 0 };
  const scope = {
    ...context.scope,
    spend(tokens: number) {
      spent.tokens += tokens;
      context.scope.spend(tokens);
    },
  };
  const counted = { ...context, scope };
  await checkJudge(context.clients, context.recipe.settings.judge, scope);
  const candidates = await createCandidates(counted, request);
  const measures = await createMeasures(counted);
  const rounds = sweepRounds(candidates.length, tokenBudget, SWEEP_LIMITS.answerTokens);
  const tallies = new Map<SweepCandidate, Tally>();
  let alive = candidates;
  let from = 0;
  for (const [index, { prompts }] of rounds.entries()) {
    context.say(
      `round ${index + 1} of ${rounds.length}: ${alive.length} points, ${prompts} prompts of each class`,
    );
    await keptRound(counted, index, spent, alive, tallies, () =>
      measures.run(alive, { from, count: prompts }, tallies),
    );
    from += prompts;
    const next = rounds[index + 1]?.candidates;
    if (next === undefined) break;
    alive = [...alive].sort((a, b) => scoreOf(tallies, b) - scoreOf(tallies, a)).slice(0, next);
  }
  const best = alive.reduce((a, b) => (scoreOf(tallies, b) > scoreOf(tallies, a) ? b : a));
  const rows = tableRows(candidates, tallies, best);
  const table: SweepTable = {
    ...{ format: 2, recipe: request.recipe, tokens: spent.tokens, tokenBudget },
    ...{ baseAbility: measures.baseAbility, rows },
  };
  return { ...chosenDirection(best, rows, request), table: storeTable(counted, request.name, table) };
}

/** Tallies after a round, in the order of its points, and the tokens spent until then. */
const roundSchema = z.object({
  tokens: z.number(),
  tallies: z.array(
    z.object({
      ...{ effect: z.number(), falseEffect: z.number(), n: z.number(), leaveN: z.number() },
      repetition: z.number(),
      ...{ perplexityRatio: z.number(), nats: z.number(), ability: z.number() },
    }),
  ),
});

/** Runs a round, or takes what it found before the sweep was killed. */
async function keptRound(
  { steps }: FitContext,
  index: number,
  spent: { tokens: number },
  alive: readonly SweepCandidate[],
  tallies: Map<SweepCandidate, Tally>,
  run: () => Promise<void>,
): Promise<void> {
  const round = await steps.found(`round-${index}`, roundSchema, async () => {
    await run();
    return { tokens: spent.tokens, tallies: alive.map((candidate) => tallies.get(candidate) as Tally) };
  });
  spent.tokens = Math.max(spent.tokens, round.tokens);
  for (const [slot, tally] of round.tallies.entries()) tallies.set(alive[slot] as SweepCandidate, tally);
}

async function createCandidates(
  context: FitContext,
  { options }: FitArtifactRequest,
): Promise<SweepCandidate[]> {
  const { model, scope } = context;
  const names = new Set(options && options.methods.length > 0 ? options.methods : DEFAULT.methods);
  const norms = await neutralNorms(context.parts, model, scope);
  const directions: Direction[] = [];
  for (const name of names) {
    const method = directionMethod(name);
    context.say(`direction: ${name}`);
    const readings = await readExamples(context, {
      name,
      needs: [method.needs],
      ...(options?.promptsPerClass ? { promptsPerClass: options.promptsPerClass } : {}),
    });
    const fitted = await fitInThread(context, method, readings, {}, options?.seed);
    const raw = fitted.yields === "direction" ? fitted.vectors : new Map<number, Float32Array>();
    directions.push(
      checkDirection({
        ...{ modelDigest: model.digest, method: name, layers: model.layers, width: model.width },
        ...{ raw, medianResidualNorms: norms },
      }),
    );
  }
  const points = sweepPoints({
    directions,
    centers: options && options.layers.length > 0 ? options.layers : defaultCenters(model.layers),
    width: options?.width || DEFAULT.width,
    doses: options && options.doses.length > 0 ? options.doses : DEFAULT.doses,
  });
  if (points.length === 0 || points.length > SWEEP_LIMITS.points) {
    throw new TrimtabError("INVALID_ARGUMENT", `the sweep has ${points.length} points`, {
      field: "options",
      limit: SWEEP_LIMITS.points,
    });
  }
  return points.map(sweepCandidate);
}

function directionMethod(name: string): DirectionMethod {
  const method = Object.hasOwn(METHODS, name) ? METHODS[name as keyof typeof METHODS] : undefined;
  if (method?.yields === "direction" && method.needs.texts !== "texts") return method;
  throw new TrimtabError("INVALID_ARGUMENT", `${name.slice(0, 40)} does not make a direction of a recipe`, {
    field: "options.methods",
  });
}

function defaultCenters(layers: number): number[] {
  const { first, end, steps } = DEFAULT.depth;
  const centers = Array.from({ length: steps }, (_, i) =>
    Math.round((layers - 1) * (first + ((end - first) * i) / (steps - 1))),
  );
  return [...new Set(centers)];
}

function scoreOf(tallies: ReadonlyMap<SweepCandidate, Tally>, candidate: SweepCandidate): number {
  const tally = tallies.get(candidate);
  return tally ? sweepScore(tally) : Number.NEGATIVE_INFINITY;
}

function tableRows(
  candidates: readonly SweepCandidate[],
  tallies: ReadonlyMap<SweepCandidate, Tally>,
  best: SweepCandidate,
): SweepRow[] {
  const rows = candidates.flatMap((candidate) => {
    const tally = tallies.get(candidate);
    if (!tally) return [];
    const { method, layers, dose } = candidate;
    return [
      { method, layers: [...layers], dose, ...tally, score: sweepScore(tally), chosen: candidate === best },
    ];
  });
  return markPareto(rows).sort((a, b) => b.score - a.score);
}

/** "sha256:<hex>" of the finding. */
function storeTable({ parts, model }: FitContext, name: string, table: SweepTable): string {
  const { digest } = parts.store.put({
    name: sweepTableName(name),
    kind: ArtifactKind.FINDING,
    bytes: new TextEncoder().encode(JSON.stringify(table)),
    modelDigest: model.digest,
    replace: true,
  });
  return digest;
}

/** The chosen point: its blocks, as long as its dose, so that scale 1 is what was measured. */
function chosenDirection(
  best: SweepCandidate,
  rows: readonly SweepRow[],
  { recipe }: FitArtifactRequest,
): Fitted {
  const { direction, layers, dose } = best;
  const row = rows.find(({ chosen }) => chosen) as SweepRow;
  const raw = layers.map((layer) => {
    const length = coefficientOfDose(direction, { layer, relative: dose });
    return [layer, unit(rawVector(direction, layer), layer).map((x) => x * length)] as const;
  });
  const facts = {
    recipe,
    ...{
      swept_points: String(rows.length),
      relative_dose: String(Number(dose.toPrecision(6))),
      blocks: layers.join(" "),
    },
    ...{ effect: row.effect.toFixed(3), false_effect: row.falseEffect.toFixed(3), prompts: String(row.n) },
    ...{ repetition: row.repetition.toFixed(3), perplexity_ratio: row.perplexityRatio.toFixed(3) },
    ...{ nats: row.nats.toPrecision(3), ability: row.ability.toFixed(3) },
  };
  const bytes = writeDirectionSafetensors({ ...direction, raw: new Map(raw), facts });
  return { kind: ArtifactKind.DIRECTION, bytes };
}
