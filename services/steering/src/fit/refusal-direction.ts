/** The fit of a refusal direction: candidates are read, added, erased, and the one that induces most is kept. */
import { create } from "@bufbuild/protobuf";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import {
  OperationKind,
  Pooling,
  ProgramSchema,
  Scope,
  Site,
  TapPositions,
} from "#proto/trimtab/type/v1/program_pb.ts";
import { norm, unit } from "../direction.ts";
import {
  REFUSAL_SEARCH,
  type RefusalCandidate,
  refusalCandidates,
  type RefusalMeasurement,
} from "../methods/refusal-direction.ts";
import { f32Tensor } from "../tensors.ts";
import { captureMatrices, type CaptureText } from "../work/capture.ts";
import { chunks, inParallel } from "../work/call.ts";
import { divergence, divergenceBase } from "../work/divergence.ts";
import { type Binding, uploadProgram } from "../work/programs.ts";
import { type Examples, type ExampleSource, examplesOf } from "./examples.ts";
import type { ReadSource } from "./read.ts";
import { firstTokens, logOdds } from "./log-odds.ts";

/** The vector that was chosen, and what was measured. */
export interface RefusalFit {
  readonly vectors: ReadonlyMap<number, Float32Array>;
  readonly facts: Readonly<Record<string, string>>;
}

/** Validation prompts each candidate is measured on. */
const PROMPTS = 8;
/** Candidates that are added between two kept steps. */
const STEP_CANDIDATES = 12;
const TAIL = {
  ...{ site: Site.RESIDUAL, layers: [], positions: TapPositions.RANGE, pooling: Pooling.NONE },
} as const;

/** Fits. @throws TrimtabError INVALID_ARGUMENT if no candidate passes the filters. */
export async function fitRefusalDirection(
  source: ReadSource,
  promptsPerClass: number | undefined,
  say: (detail: string) => void,
): Promise<RefusalFit> {
  const train = await examplesOf(source, "prompts", "train", promptsPerClass);
  const rows = (texts: readonly CaptureText[]) =>
    captureMatrices(source.clients, source.model, texts.map(tailOf), TAIL, source.scope);
  const candidates = refusalCandidates(
    await rows(train.positive),
    await rows(train.negative),
    source.model.layers,
  );
  const held = await examplesOf(source, "prompts", "validation", 2 * PROMPTS);
  const starts = await firstTokens(source);
  const meanOdds = async (binding: Binding | undefined): Promise<number> => {
    const odds = await logOdds(source, held.negative.slice(0, PROMPTS), starts, binding);
    return odds.reduce((sum, value) => sum + value, 0) / Math.max(1, odds.length);
  };
  say(`${candidates.length} candidates added`);
  const induced: { candidate: RefusalCandidate; induced: number }[] = [];
  for (const part of chunks(candidates, STEP_CANDIDATES)) {
    const odds = await source.steps.found(`added-${induced.length}`, z.array(z.number()), () =>
      inParallel(part, 1, async (candidate) => meanOdds(await addition(source, candidate))),
    );
    induced.push(...part.map((candidate, at) => ({ candidate, induced: odds[at] as number })));
  }
  const baseOdds = await source.steps.found("base-odds", z.number(), () => meanOdds(undefined));
  const finalists = induced.filter((each) => each.induced > baseOdds).sort((a, b) => b.induced - a.induced);
  const best = await firstHarmless(source, held, finalists, say);
  const { layer, fromEnd, vector } = best.candidate;
  return {
    vectors: new Map([[layer, vector]]),
    facts: {
      block: String(layer),
      token_from_end: String(fromEnd),
      induced_log_odds: best.induced.toFixed(3),
      base_log_odds: baseOdds.toFixed(3),
      erased_nats: best.nats.toFixed(4),
    },
  };
}

/** The first of the candidates, most inducing first, whose erasure leaves harmless prompts alone. */
async function firstHarmless(
  source: ReadSource,
  held: Examples,
  finalists: readonly Omit<RefusalMeasurement, "nats">[],
  say: (detail: string) => void,
): Promise<RefusalMeasurement> {
  // The divergence is read where the first answer token is predicted: at the last token of the prompt.
  const texts = held.negative.slice(0, PROMPTS).map(({ ids }) => ({ ids, first: ids.length - 1 }));
  const base = await divergenceBase(source, texts);
  let least = Number.POSITIVE_INFINITY;
  for (const [index, finalist] of finalists.entries()) {
    say(`candidate ${index + 1} of ${finalists.length} erased`);
    const nats = await source.steps.found(`erased-${index}`, z.number(), async () =>
      divergence(source, base, await erasure(source, finalist.candidate)),
    );
    if (nats <= REFUSAL_SEARCH.mostNats) return { ...finalist, nats };
    least = Math.min(least, nats);
  }
  if (finalists.length === 0)
    throw new TrimtabError("INVALID_ARGUMENT", "no candidate induces the behaviour", { field: "recipe" });
  throw new TrimtabError(
    "INVALID_ARGUMENT",
    `erasing any of the ${finalists.length} candidates moves harmless prompts by ${least.toPrecision(2)} nats or more`,
    { field: "recipe", limit: REFUSAL_SEARCH.mostNats },
  );
}

function tailOf({ ids }: CaptureText): CaptureText {
  return { ids, first: Math.max(0, ids.length - REFUSAL_SEARCH.positions) };
}

/** The vector as it is, added after its block at the last prompt token and the answer. */
function addition(source: ExampleSource, { layer, vector }: RefusalCandidate): Promise<Binding> {
  const operation = {
    ...{ site: Site.RESIDUAL, layer, kind: OperationKind.ADD, scope: Scope.UNSPECIFIED },
    vectors: f32Tensor([1, vector.length], unit(vector, layer)),
  };
  return bind(source, [operation], norm(vector));
}

/** The vector taken out of the input and both outputs of every block, at all tokens. */
function erasure(source: ExampleSource, { layer: own, vector }: RefusalCandidate): Promise<Binding> {
  const vectors = f32Tensor([1, vector.length], unit(vector, own));
  const sites = [Site.BLOCK_INPUT, Site.ATTENTION_OUTPUT, Site.MLP_OUTPUT];
  const layers = Array.from({ length: source.model.layers }, (_, layer) => layer);
  // Together they are all tokens: what is read counts as the answer's.
  const scopes = [Scope.PROMPT, Scope.DECODE];
  const operations = layers.flatMap((layer) =>
    sites.flatMap((site) =>
      scopes.map((scope) => ({ site, layer, kind: OperationKind.ERASE, scope, vectors })),
    ),
  );
  return bind(source, operations, 1);
}

async function bind(
  { clients, model, scope }: ExampleSource,
  operations: NonNullable<Parameters<typeof create<typeof ProgramSchema>>[1]>["operations"] & object,
  coefficient: number,
): Promise<Binding> {
  const program = create(ProgramSchema, { modelDigest: model.digest, operations });
  const programDigest = await uploadProgram(clients, program, scope.signal);
  return { programDigest, coefficients: operations.map(() => coefficient), program };
}
