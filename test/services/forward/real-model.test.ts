/** The default model: bits do not depend on batch, chunk, threads or SIMD variant, and answers make sense. */
import { afterAll, expect, test } from "bun:test";
import { openGguf } from "#kit/gguf.ts";
import { defaultModelPath } from "#kit/paths.ts";
import type { Engine, EngineOptions } from "../../../services/forward/src/engine/client.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { generate, LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";

const modelPath = process.env.TRIMTAB_MODEL ?? defaultModelPath();
const IDS = prompt(257, 41);
const TAP = { ...LAST_RESIDUALS, layers: [0, 14, 29] };
const engines: Engine[] = [];

afterAll(async () => {
  for (const engine of engines) await engine.close();
});

async function start(options: Partial<EngineOptions>): Promise<Engine> {
  const engine = await createEngine({ modelPath, contextTokens: 512, threads: 1, ...options });
  engines.push(engine);
  return engine;
}

/** Tokens, log-probabilities and residuals of the tested request, with `others` more beside it. */
async function observe(engine: Engine, others: number): Promise<unknown> {
  const beside = Array.from({ length: others }, async (_, index) => {
    const { sequence } = await open(engine, prompt(9 + index, 60 + index));
    await generate(engine, sequence, { maxTokens: 6 });
  });
  const { sequence, activations } = await open(engine, IDS, { taps: [TAP] });
  const { tokens } = await generate(engine, sequence, { maxTokens: 3 });
  await Promise.all(beside);
  return { tokens, residuals: activations.map(({ values }) => [...values]) };
}

test("bit-identical alone in one chunk and among others, in small chunks, on two threads, in plain SIMD", async () => {
  const reference = await observe(await start({ rowBudget: 257, prefillRows: 257 }), 0);
  expect(await observe(await start({ rowBudget: 32, prefillRows: 7, threads: 2 }), 2)).toEqual(reference);
  expect(await observe(await start({ rowBudget: 64, prefillRows: 32, simd: "plain" }), 0)).toEqual(reference);
}, 120_000);

test("the capital of France is Paris", async () => {
  const { header, close } = openGguf(modelPath);
  close();
  const tokens = header.metadata.get("tokenizer.ggml.tokens") as string[];
  const pieces =
    "<|im_start|> user Ċ What Ġis Ġthe Ġcapital Ġof ĠFrance ? <|im_end|> Ċ <|im_start|> ass istant Ċ";
  const [engine] = engines;
  if (!engine) throw new Error("no engine");
  const { sequence } = await open(
    engine,
    pieces.split(" ").map((piece) => tokens.indexOf(piece)),
  );
  const answer = await generate(engine, sequence, { maxTokens: 16, stopIds: engine.model.stopIds });
  expect(answer.reason).toBe("stop");
  expect(answer.tokens.map(({ id }) => tokens[id]).join("")).toBe(
    "TheĠcapitalĠofĠFranceĠisĠParis.<|im_end|>",
  );
}, 120_000);
