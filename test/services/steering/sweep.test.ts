/** Sweeps: the best point under a budget becomes the artifact, with its evidence; the table has every point. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { createAbility } from "../../../services/steering/src/sweep/ability.ts";
import { sweepRounds } from "../../../services/steering/src/sweep/schedule.ts";
import { markPareto, sweepSchema, sweepScore } from "../../../services/steering/src/sweep/table.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";
import { reason, startSimulatedService } from "./support/simulated-steering.ts";

setDefaultTimeout(120_000);

const service = startSimulatedService();
const { client } = service;
const order = {
  modelDigest,
  name: "swept",
  method: "sweep",
  recipe: "refusal",
  options: {
    ...{ methods: ["response_contrast", "prompt_contrast"], layers: [2, 3], doses: [0.02, 0.3, 4] },
    ...{ width: 3, tokenBudget: 4_000n, seed: 2 },
  },
};

async function bytesOf(reference: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const { chunk } of client.getArtifact({ reference })) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

beforeAll(async () => {
  for await (const { event } of client.fitArtifact(order)) expect(event.case).toBeDefined();
});
afterAll(service.close);

test("the chosen point steers and keeps the model whole; scale 1 is its dose", async () => {
  const { raw, facts, medianResidualNorms } = readDirectionSafetensors(await bytesOf("swept"));
  expect(facts).toMatchObject({
    relative_dose: "0.3",
    effect: "1.000",
    recipe: "refusal",
    swept_points: "12",
  });
  expect([...raw.keys()].join(" ")).toBe(facts?.["blocks"] ?? "");
  const steering = { direction: "swept", scale: 1 };
  const { report } = await client.plan({ modelDigest, steering });
  for (const layer of raw.keys()) expect(report?.relativeDoses[layer]).toBeCloseTo(0.3, 3);
  expect(medianResidualNorms?.length).toBe(6);
});

test("the table has every point, the better ones measured on more prompts, and the points nothing beats", async () => {
  const table = sweepSchema.parse(JSON.parse(new TextDecoder().decode(await bytesOf("swept.sweep"))));
  expect(table.rows).toHaveLength(12);
  expect(table.rows.filter(({ chosen }) => chosen)).toHaveLength(1);
  const chosen = table.rows.find((row) => row.chosen);
  expect([chosen?.method, chosen?.dose]).toEqual([
    "response_contrast",
    expect.closeTo(0.3, 5) as unknown as number,
  ]);
  expect(chosen?.pareto).toBe(true);
  const counts = table.rows.map(({ n }) => n);
  expect(Math.max(...counts)).toBe(chosen?.n as number);
  expect(Math.min(...counts)).toBeLessThan(Math.max(...counts));
  const broken = table.rows.find(({ method, dose }) => method === "response_contrast" && dose === 4);
  expect(broken?.effect).toBe(0);
});

test("a budget for more prompts than there are measures each of them once", async () => {
  const options = { ...order.options, tokenBudget: 40_000n };
  for await (const { event } of client.fitArtifact({ ...order, name: "rich", options })) void event;
  const table = sweepSchema.parse(JSON.parse(new TextDecoder().decode(await bytesOf("rich.sweep"))));
  // A dozen validation prompts of each class.
  expect(Math.max(...table.rows.map(({ n }) => n))).toBe(12);
  expect(Math.max(...table.rows.map(({ leaveN = 0 }) => leaveN))).toBe(12);
  expect(table.tokens).toBeLessThan(40_000);
});

test("the artifact says which table is its own, however long and alike names are", async () => {
  const names = ["a", "b"].map((end) => `${"n".repeat(63)}${end}`);
  for (const [at, name] of names.entries()) {
    const options = { ...order.options, doses: [[0.1], [0.2]][at] as number[] };
    for await (const { event } of client.fitArtifact({ ...order, name, options })) {
      if (event.case !== "artifact") continue;
      const table = sweepSchema.parse(
        JSON.parse(new TextDecoder().decode(await bytesOf(event.value.madeFrom["table"] ?? ""))),
      );
      expect(new Set(table.rows.map(({ dose }) => Math.round(10 * dose) / 10))).toEqual(
        new Set(options.doses),
      );
    }
  }
});

test("a budget buys more prompts for fewer points, round after round, and is kept", () => {
  const rounds = sweepRounds(48, 100_000, 24);
  expect(rounds.map(({ candidates }) => candidates)).toEqual([48, 24, 12, 6, 4]);
  const prompts = rounds.map((round) => round.prompts);
  expect(prompts).toEqual([...prompts].sort((a, b) => a - b));
  const cost = rounds.reduce((sum, round) => sum + 2 * round.candidates * round.prompts * 24, 0);
  expect(cost).toBeLessThanOrEqual(100_000);
  // Too small a budget still measures every point once.
  expect(sweepRounds(100, 10, 24)).toEqual([{ candidates: 100, prompts: 2 }]);
});

test("a point that another beats in everything is not on the front; ties stay", () => {
  const point = (effect: number, falseEffect: number, repetition: number) => ({
    ...{ method: "x", layers: [1], dose: 1, n: 1, perplexityRatio: 1, nats: 0, ability: 1 },
    ...{ effect, falseEffect, repetition, score: 0 },
  });
  const marked = markPareto([point(0.9, 0.1, 0), point(0.8, 0.2, 0), point(0.5, 0, 0), point(0.5, 0, 0)]);
  expect(marked.map(({ pareto }) => pareto)).toEqual([true, false, true, true]);
  expect(sweepScore(point(0.9, 0.1, 0))).toBeGreaterThan(sweepScore(point(0.9, 0.1, 0.2)));
});

test("sweeps that cannot be run are refused by name", async () => {
  const fit = async (options: object) => {
    for await (const _ of client.fitArtifact({
      ...order,
      name: "bad",
      options: { ...order.options, ...options },
    }));
  };
  expect(await reason(fit({ methods: ["cast"] }))).toBe("INVALID_ARGUMENT");
  expect(await reason(fit({ doses: [9] }))).toBe("FIELD_OUT_OF_RANGE");
  expect(await reason(fit({ width: 99 }))).toBe("FIELD_OUT_OF_RANGE");
});

test("the ability slice is the share of questions whose right answer is the likeliest of its four", async () => {
  // Every answer is a token of its own; the right one is the first of four, and wins on every third question.
  const known = new Map<string, number>();
  const renderChat = async ({ messages = [], continuation = "" }) => {
    const text = `${(messages[0] as unknown as { content: string }).content} ${continuation}`;
    if (!known.has(text)) known.set(text, known.size);
    return { ids: [9_000, 10 + (known.get(text) as number)], continuationTokens: 1 };
  };
  const score = async ({ items = [] as unknown[], candidateIds = [] as number[] }) => ({
    items: items.map((_, item) => ({
      candidateLogprobs: candidateIds.map((id) =>
        id === 10 + 4 * item + (item % 3 === 0 ? 0 : 1) ? -1 : -9,
      ),
    })),
  });
  const context = {
    clients: { tokenizer: { renderChat }, forward: { score } },
    ...{ model: { digest: "d" }, scope: { signal: new AbortController().signal, spend: () => undefined } },
  };
  const ability = await createAbility(context as unknown as Parameters<typeof createAbility>[0]);
  expect(await ability(undefined)).toBeCloseTo(11 / 32, 6);
});
