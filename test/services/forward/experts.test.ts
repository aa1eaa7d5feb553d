/** Mixtures of experts: who is chosen, masking by programs, and bits that do not depend on the batch. */
import { afterAll, expect, test } from "bun:test";
import { shareRows } from "../../../services/forward/src/engine/blocks/experts.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import { familyModels, writeFamilyModel } from "../../support/family-models.ts";
import { failure, generate, LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";

const EXPERTS = 8;
const LAYERS = [0, 1, 2];
const MASK = -1e30;
const modelPath = await writeFamilyModel(familyModels.granitemoe);
const engine = await createEngine({ modelPath, threads: 1 });
afterAll(() => engine.close());

const IDS = prompt(30, 4);
const ROUTER = { ...LAST_RESIDUALS, site: "router", layers: LAYERS } as const;

/** Adds `MASK` to the router logits of some experts of layer 1. */
async function mask(experts: readonly number[]): Promise<string> {
  const vectors = new Float32Array(EXPERTS);
  for (const expert of experts) vectors[expert] = 1;
  const operation: Operation = {
    ...{ site: "router", layer: 1, kind: "add", vectors, parameter: 0, condition: "none" },
    ...{
      conditionVector: null,
      threshold: 0,
      normPolicy: "none",
      cap: 0,
      scope: { kind: "prompt" },
      priority: 0,
    },
  };
  const digest = `mask ${experts.join(" ")}`;
  await engine.call({ type: "program", digest, program: { operations: [operation], conflict: "sum" } });
  return digest;
}

async function look(masked: readonly number[]) {
  const binding = { digest: await mask(masked), coefficients: [MASK] };
  const taps = [ROUTER, { ...LAST_RESIDUALS, layers: [1] }];
  const { activations, sequence } = await open(engine, IDS, { taps, binding });
  await engine.call({ type: "release", sequences: [sequence] });
  const router = activations.find(({ site, layer }) => site === "router" && layer === 1)?.values;
  const residual = activations.find(({ site }) => site === "residual")?.values;
  return { router: router as Float32Array, residual: residual as Float32Array };
}

test("the largest logits are chosen, equal ones by the lowest index, and their weights sum to 1", () => {
  const logits = Float32Array.of(1, 3, 3, 3, 0, 0, 0, 0, -5, -5, -5, -5, -5, -5, -5, -5);
  const shares = shareRows(logits, 2, EXPERTS, 2);
  const chosen = shares.flatMap(({ rows, factors }, expert) =>
    rows.map((row, i) => [row, expert, factors[i]]),
  );
  expect(chosen).toEqual([
    [1, 0, 0.5],
    [0, 1, 0.5],
    [1, 1, 0.5],
    [0, 2, 0.5],
  ]);
  const [first, second] = shareRows(Float32Array.of(2, 1), 1, 2, 2);
  expect(first?.factors[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  expect(second?.factors[0]).toBeCloseTo(1 / (1 + Math.exp(1)), 12);
});

test("an expert masked before the softmax is not used; masking one that was not chosen changes no bit", async () => {
  const plain = await look([]);
  const order = [...plain.router.keys()].sort((a, b) => (plain.router[b] ?? 0) - (plain.router[a] ?? 0));
  const [best = 0, second = 0, third = 0] = order;
  const last = order.at(-1) ?? 0;
  // Of the last position: earlier ones may have used that expert, but this layer's residual is its own.
  expect((await look([last])).residual).toEqual(plain.residual);
  const masked = await look([best]);
  expect(masked.router[best]).toBeLessThan(-1e29);
  expect(masked.residual).not.toEqual(plain.residual);
  // With all but two masked, those two are used whatever their logits.
  const others = order.filter((expert) => expert !== second && expert !== third);
  expect((await look(others)).residual).toEqual(masked.residual);
});

test("sites the model lacks are refused by name", async () => {
  const vectors = new Float32Array(96);
  const operation = { site: "neurons", layer: 0, kind: "add", vectors, scope: { kind: "last" } };
  const rest = {
    parameter: 0,
    condition: "none",
    conditionVector: null,
    threshold: 0,
    normPolicy: "none",
    cap: 0,
  };
  const program = {
    operations: [{ ...operation, ...rest, priority: 0 } as Operation],
    conflict: "sum",
  } as const;
  const error = await failure(engine.call({ type: "program", digest: "neurons", program }));
  expect(error).toMatchObject({ reason: "BACKEND_CAPABILITY", field: "operations[0].site" });
});

test("generations of several sequences at once are those of each alone", async () => {
  const run = async (ids: readonly number[]) => {
    const { sequence } = await open(engine, ids);
    const { tokens } = await generate(engine, sequence, { maxTokens: 6 });
    await engine.call({ type: "release", sequences: [sequence] });
    return tokens;
  };
  const prompts = [IDS, prompt(7, 5), prompt(70, 6)];
  const together = await Promise.all(prompts.map(run));
  for (const [index, ids] of prompts.entries()) expect(await run(ids)).toEqual(together[index] as never);
});
