/** Readings of a recipe's examples, as methods want them: texts of one kind are computed once for all that is read of them. */
import { createRandom } from "../controller/random.ts";
import type { ActivationNeeds, ContrastRows, LayerRows, Reading } from "../methods/method.ts";
import type { Split } from "../recipes/prompts.ts";
import { type KeptMatrix, matrixOf, type Steps } from "../work/steps.ts";
import { type CaptureText, captureTaps, firstRows } from "../work/capture.ts";
import { FIT_LIMITS } from "../../limits.ts";
import { siteDim } from "../model.ts";
import { type ExampleSource, examplesOf } from "./examples.ts";

/** What to read. */
export interface ReadOrder {
  /** Name of what is read, among all that a fit reads. */
  readonly name: string;
  readonly needs: readonly ActivationNeeds[];
  readonly promptsPerClass?: number;
  /** Seed under which training labels are put in random order; absent: as they are. */
  readonly shuffleSeed?: number;
}

/** Where examples come from, and where what was read of them is kept. */
export interface ReadSource extends ExampleSource {
  readonly steps: Steps;
}

/** Reads both splits, or finds what was read before. @throws TrimtabError as `examplesOf`. */
export async function readExamples(source: ReadSource, order: ReadOrder): Promise<Reading[]> {
  const train = await readSplit(source, order, "train");
  const validation = await readSplit(source, order, "validation");
  return order.needs.map((_, index) => ({
    train: shuffled(train[index] as ContrastRows, order.shuffleSeed),
    validation: validation[index] as ContrastRows,
  }));
}

async function readSplit(source: ReadSource, order: ReadOrder, split: Split): Promise<ContrastRows[]> {
  const results: ContrastRows[] = [];
  const kinds = new Set(order.needs.map(({ texts }) => texts));
  for (const kind of kinds) {
    const wanted = [...order.needs.entries()].filter(([, { texts }]) => texts === kind);
    const isHeldOut = wanted.some(([, need]) => need.holdsOutAnswers === true);
    const examples = await examplesOf(source, kind, split, order.promptsPerClass, isHeldOut);
    const step = `${order.name}.${split}.${kind}`;
    const positive = await keptRows(source, `${step}.pos`, examples.positive, wanted);
    const negative = await keptRows(source, `${step}.neg`, examples.negative, wanted);
    for (const [slot, [index]] of wanted.entries()) {
      results[index] = { positive: positive[slot] ?? [], negative: negative[slot] ?? [] };
    }
  }
  return results;
}

/** Rows of texts, by need: kept, unless they are too many. */
async function keptRows(
  source: ReadSource,
  step: string,
  texts: readonly CaptureText[],
  wanted: readonly (readonly [number, ActivationNeeds])[],
): Promise<LayerRows[][]> {
  const { model } = source;
  const rowBytes = wanted.reduce((sum, [, { site, layers }]) => {
    return sum + (layers.length || model.layers) * siteDim(site, model) * Float32Array.BYTES_PER_ELEMENT;
  }, 0);
  const make = () => read(source, texts, wanted);
  if (texts.length * rowBytes > FIT_LIMITS.keptBytes) return make();
  const kept = await source.steps.read(step, async () => matricesOf(await make()));
  return rowsOf(kept, wanted.length, texts.length);
}

/** Rows by need and text as one matrix a need and block. */
function matricesOf(needs: readonly (readonly LayerRows[])[]): Record<string, KeptMatrix> {
  const named = needs.flatMap((texts, slot) =>
    [...(texts[0]?.keys() ?? [])].map((layer): [string, KeptMatrix] => [
      `${slot}.${layer}`,
      matrixOf(texts.map((text) => text.get(layer) as Float32Array)),
    ]),
  );
  return Object.fromEntries(named);
}

function rowsOf(kept: Readonly<Record<string, KeptMatrix>>, needs: number, texts: number): LayerRows[][] {
  const byNeed = Array.from({ length: needs }, () =>
    Array.from({ length: texts }, () => new Map<number, Float32Array>()),
  );
  for (const [name, { shape, data }] of Object.entries(kept)) {
    const [slot = 0, layer = 0] = name.split(".").map(Number);
    for (const [n, text] of (byNeed[slot] ?? []).entries())
      text.set(layer, data.slice(n * shape[1], (n + 1) * shape[1]));
  }
  return byNeed;
}

/** Rows of texts, by need. */
async function read(
  { clients, model, scope }: ExampleSource,
  texts: readonly CaptureText[],
  wanted: readonly (readonly [number, ActivationNeeds])[],
): Promise<LayerRows[][]> {
  const needs = wanted.map(([, need]) => need);
  const matrices = await captureTaps(clients, model, texts, needs, scope);
  return needs.map((_, slot) => matrices.map((taps) => firstRows(taps[slot] ?? new Map())));
}

function shuffled(rows: ContrastRows, seed: number | undefined): ContrastRows {
  if (seed === undefined) return rows;
  const all = [...rows.positive, ...rows.negative];
  const order = createRandom(seed).permutation(all.length);
  const mixed = order.map((index) => all[index] as LayerRows);
  return { positive: mixed.slice(0, rows.positive.length), negative: mixed.slice(rows.positive.length) };
}
