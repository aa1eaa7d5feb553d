/** Readings of a recipe's examples, as methods want them: texts of one kind are computed once for all that is read of them. */
import { createRandom } from "../controller/random.ts";
import type { ActivationNeeds, ContrastRows, LayerRows, Reading } from "../methods/method.ts";
import type { Split } from "../recipes/prompts.ts";
import { captureTaps, firstRows } from "../work/capture.ts";
import { type ExampleSource, examplesOf } from "./examples.ts";

/** What to read. */
export interface ReadOrder {
  readonly needs: readonly ActivationNeeds[];
  readonly promptsPerClass?: number;
  /** Seed under which training labels are put in random order; absent: as they are. */
  readonly shuffleSeed?: number;
}

/** Reads both splits. @throws TrimtabError as `examplesOf`. */
export async function readExamples(source: ExampleSource, order: ReadOrder): Promise<Reading[]> {
  const train = await readSplit(source, order, "train");
  const validation = await readSplit(source, order, "validation");
  return order.needs.map((_, index) => ({
    train: shuffled(train[index] as ContrastRows, order.shuffleSeed),
    validation: validation[index] as ContrastRows,
  }));
}

async function readSplit(source: ExampleSource, order: ReadOrder, split: Split): Promise<ContrastRows[]> {
  const results: ContrastRows[] = [];
  const kinds = new Set(order.needs.map(({ texts }) => texts));
  for (const kind of kinds) {
    const wanted = [...order.needs.entries()].filter(([, { texts }]) => texts === kind);
    const isHeldOut = wanted.some(([, need]) => need.holdsOutAnswers === true);
    const examples = await examplesOf(source, kind, split, order.promptsPerClass, isHeldOut);
    const positive = await read(source, examples.positive, wanted);
    const negative = await read(source, examples.negative, wanted);
    for (const [slot, [index]] of wanted.entries()) {
      results[index] = { positive: positive[slot] ?? [], negative: negative[slot] ?? [] };
    }
  }
  return results;
}

/** Rows of texts, by need. */
async function read(
  { clients, model, scope }: ExampleSource,
  texts: Awaited<ReturnType<typeof examplesOf>>["positive"],
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
