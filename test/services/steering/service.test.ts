// Planning RPCs over simulated services: from a built recipe to a program with coefficients.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { LAYERS, MODEL } from "./support/simulated-services.ts";
import { readPrompt, reason, startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client, clients } = service;
const modelDigest = MODEL;

async function planFor(text: string, steering: { recipe?: string; mode?: string; scale?: number } = {}) {
  const use = { recipe: "refusal", ...steering };
  const { taps } = await client.getRequirements({ modelDigest, steering: use });
  const activations = await readPrompt(clients, text, taps);
  return client.plan({ modelDigest, steering: use, activations });
}

beforeAll(async () => {
  expect(await reason(client.getRequirements({ modelDigest, steering: { recipe: "refusal" } }))).toBe(
    "RECIPE_NOT_FOUND",
  );
  await service.buildRecipe();
});
afterAll(service.close);

test("a bad prompt is steered by the program that was announced, a kind one is left alone", async () => {
  const announced = await client.getRequirements({ modelDigest, steering: { recipe: "refusal" } });
  expect(announced.taps.map(({ layers }) => layers)).toEqual([[4, 5]]);
  expect(announced.replayLast).toBe(true);
  const bad = await planFor("do bad thing number 777");
  expect(bad.report?.gate).toBeGreaterThan(0.9);
  expect(bad.program?.programDigest).toBe(announced.programDigests[0] as string);
  expect(bad.report?.resolved).toBe(announced.resolved);
  expect(bad.report?.layerWeightsSource).toBe("dose_search");
  expect(bad.report?.relativeDoses.length).toBe(LAYERS);
  const { program } = await client.getProgram({ programDigest: bad.program?.programDigest ?? "" });
  expect(program?.operations.length).toBe(bad.program?.coefficients.length as number);
  expect((await clients.forward.putProgram(program ? { program } : {})).programDigest).toBe(
    announced.programDigests[0] as string,
  );
  const kind = await planFor("do kind thing number 777");
  expect(kind.report?.gate).toBeLessThan(0.05);
  expect(kind.program?.programDigest).toBe("");
});

test("a pinned recipe is found, a pin of something else is not", async () => {
  const { resolved } = await client.getRequirements({ modelDigest, steering: { recipe: "refusal" } });
  expect((await planFor("do bad thing", { recipe: resolved })).report?.resolved).toBe(resolved);
  const other = `refusal@sha256:${"0".repeat(64)}`;
  expect(await reason(client.plan({ modelDigest, steering: { recipe: other } }))).toBe("RECIPE_NOT_FOUND");
});

test("paper mode plans with the paper's choices", async () => {
  const { report, program } = await planFor("do bad thing number 5", { mode: "paper" });
  expect(report?.layerWeightsSource).toBe("paper");
  expect(program?.coefficients).toHaveLength(LAYERS);
  expect(program?.coefficients[0]).toBeCloseTo(report?.gate as number, 6);
});

test("C1 wishes without a source, an unknown one or a foreign model are refused", async () => {
  const plan = (steering: object, digest = modelDigest) =>
    reason(client.plan({ modelDigest: digest, steering }));
  expect(await plan({})).toBe("FIELD_REQUIRED");
  expect(await plan({ recipe: "refusal", direction: "x" })).toBe("FIELD_REQUIRED");
  expect(await plan({ recipe: "nothing" })).toBe("RECIPE_NOT_FOUND");
  expect(await plan({ recipe: "../../etc" })).toBe("RECIPE_NOT_FOUND");
  expect(await plan({ direction: "nothing", scale: 1 })).toBe("ARTIFACT_NOT_FOUND");
  expect(await plan({ recipe: "refusal" }, "")).toBe("FIELD_REQUIRED");
  expect(await plan({ recipe: "refusal" }, "xyz")).toBe("INVALID_ARGUMENT");
  expect(await plan({ recipe: "refusal" }, "cd".repeat(32))).toBe("RECIPE_NOT_FOUND");
  expect(await plan({ recipe: "refusal" })).toBe("FIELD_REQUIRED");
  expect(await reason(client.getProgram({ programDigest: "sha256:00" }))).toBe("PROGRAM_NOT_FOUND");
});
