/** Generations that may not end yet: what would end them is not drawn, and nothing else changes. */
import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type GenerateCommand, GenerateCommandSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { createEngine, type Engine } from "../../../services/forward/src/engine/client.ts";
import { toGenerate } from "../../../services/forward/src/schema/generation.ts";
import { failure, generate, GREEDY, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";
import { refusalOf } from "../../support/refusal.ts";

const own = await startEngineForFile();
const made = await exportSynthetic();
const graph = await createEngine({ modelPath: made.graphPath });
afterAll(async () => {
  await graph.close();
  rmSync(made.root, { recursive: true });
});
const ENGINES: readonly (readonly [string, Engine])[] = [
  ["wasm", own],
  ["onnx", graph],
];
const PROMPT = [...prompt(20, 3), ...prompt(20, 3), ...prompt(12, 3)];

async function write(engine: Engine, options: Parameters<typeof generate>[2]) {
  const { sequence } = await open(engine, PROMPT);
  const { tokens, reason } = await generate(engine, sequence, { maxTokens: 24, topLogprobs: 3, ...options });
  await engine.call({ type: "release", sequences: [sequence] });
  return { ids: tokens.map(({ id }) => id), reason, first: tokens[0] };
}

test.each(ENGINES)("%s: an end is drawn as soon as it may be, and not before", async (_name, engine) => {
  const free = await write(engine, {});
  const ends = [free.ids[0] ?? 0];
  const at = (minTokens: number, more = {}) => write(engine, { minTokens, stopIds: ends, ...more });
  expect(await at(0)).toMatchObject({ ids: ends, reason: "stop" });
  const late = await at(6);
  expect(late.ids.slice(0, 6)).not.toContain(ends[0]);
  // Log-probabilities and alternatives are those of the raw row.
  expect(late.first?.top).toEqual(free.first?.top ?? []);
  // What is drawn in place of an end is what a bias that forbids it leaves.
  const without = { ...GREEDY, logitBias: [[ends[0] ?? 0, -1e9]] as const };
  expect((await write(engine, { sampling: without })).ids.slice(0, 6)).toEqual(late.ids.slice(0, 6));
  expect(await at(24)).toMatchObject({ reason: "length", ids: { length: 24 } });
  expect(await at(6, { stopIds: [], haltIds: ends })).toMatchObject({ ids: late.ids });
});

test("guesses do not end it, either", async () => {
  const { ids } = await write(own, {});
  const stopIds = [...new Set(ids.slice(0, 2))];
  for (const minTokens of [0, 5, 23]) {
    const plain = await write(own, { minTokens, stopIds });
    const speculation = { ngram: 2, maxDraft: 6 };
    expect(await write(own, { minTokens, stopIds, speculation })).toEqual(plain);
  }
});

test("a vocabulary of ends leaves nothing to draw: that generation fails alone, typed", async () => {
  const stopIds = Array.from({ length: own.model.vocabulary }, (_, id) => id);
  const failed = await failure(write(own, { minTokens: 1, stopIds }));
  expect(failed).toMatchObject({ reason: "FIELD_OUT_OF_RANGE", field: "min_tokens" });
  expect((await write(own, {})).ids).toHaveLength(24);
});

test("more than there may be, or beside a constraint, is refused by name", () => {
  const refused = (more: Exclude<MessageInitShape<typeof GenerateCommandSchema>, GenerateCommand>): unknown =>
    refusalOf(() => toGenerate(create(GenerateCommandSchema, more), own.model));
  expect(refused({ maxTokens: 4, minTokens: 5 })).toMatchObject({
    reason: "FIELD_OUT_OF_RANGE",
    field: "min_tokens",
  });
  const constraint = { kind: { case: "regex" as const, value: "a" } };
  expect(refused({ minTokens: 1, constraint })).toMatchObject({ reason: "UNSUPPORTED", field: "min_tokens" });
  expect(toGenerate(create(GenerateCommandSchema, { maxTokens: 4, minTokens: 4 }), own.model)).toMatchObject({
    minTokens: 4,
  });
});
