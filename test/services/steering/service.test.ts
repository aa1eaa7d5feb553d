// The RPCs of the steering service over simulated services: from a built recipe to a plan, artifacts in and out.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { DirectionFormat, SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { createSteeringService } from "../../../services/steering/index.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";
import { LAYERS, MODEL, simulate } from "./support/simulated-services.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-steering-"));
const { clients } = simulate();
const recipesDir = writeSmallRecipe(join(directory, "recipes"));
const room = createSteeringService({
  clients,
  store: createArtifactStore(join(directory, "store")),
  recipesDir,
});
const client = connectTo({ routes: room.routes }).client(SteeringService);
const modelDigest = MODEL;
const reason = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "nothing refused",
    (error: unknown) => fromConnectError(error).reason,
  );

async function planFor(text: string, steering: { recipe?: string; mode?: string; scale?: number } = {}) {
  const use = { recipe: "refusal", ...steering };
  const { taps } = await client.getRequirements({ modelDigest, steering: use });
  const { ids } = await clients.tokenizer.renderChat({
    messages: [{ role: "user", content: text }],
    addGenerationPrompt: true,
  });
  const activations = [];
  for await (const part of clients.forward.capture({ modelDigest, items: [{ ids }], taps }))
    activations.push(...part.activations);
  return client.plan({ modelDigest, steering: use, activations });
}

beforeAll(async () => {
  expect(await reason(client.getRequirements({ modelDigest, steering: { recipe: "refusal" } }))).toBe(
    "RECIPE_NOT_FOUND",
  );
  for await (const { build } of client.buildRecipe({ name: "refusal", modelDigest, skipEvaluation: true })) {
    if (build?.recipe) expect(build.recipe.evaluation).toBeUndefined();
  }
});
afterAll(async () => {
  await room.close();
  rmSync(directory, { recursive: true });
});

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
  expect([kind.report?.gate, kind.program?.programDigest]).toEqual([0, ""]);
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

test("wishes without a source, an unknown one or a foreign model are refused", async () => {
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

test("a recipe's direction leaves as GGUF at its dose and comes back as a direction", async () => {
  const { data } = await client.exportArtifact({ reference: "refusal", format: DirectionFormat.GGUF });
  const imported = await client.importArtifact({
    name: "back",
    format: DirectionFormat.GGUF,
    data,
    modelDigest,
  });
  expect(imported.artifact?.kind).toBe(ArtifactKind.DIRECTION);
  const { report } = await client.plan({ modelDigest, steering: { direction: "back", scale: 1 } });
  const { recipes } = await client.listRecipes({ modelDigest });
  const acting = [...(report?.relativeDoses ?? [])].flatMap((dose, layer) => (dose > 0 ? [layer] : []));
  expect(acting).toEqual(recipes[0]?.layers as number[]);
  expect((await client.exportArtifact({ reference: "back", format: DirectionFormat.GGUF })).data).toEqual(
    data,
  );
  expect(
    await reason(
      client.importArtifact({
        name: "back",
        format: DirectionFormat.GGUF,
        data: data.subarray(9),
        modelDigest,
      }),
    ),
  ).toBe("ARTIFACT_INVALID");
});

test("a vector is made from a few texts and steers along their difference", async () => {
  const { artifact } = await client.extractVector({
    modelDigest,
    name: "mine",
    positive: ["<assistant> I cannot"],
    negative: ["<assistant> Sure thing"],
  });
  expect(artifact?.modelDigest).toBe(modelDigest);
  const { program } = await client.plan({
    modelDigest,
    steering: { direction: "mine", dose: { dose: { case: "relative", value: 0.5 } } },
  });
  expect(program?.coefficients).toHaveLength(LAYERS);
  const exists = client.extractVector({ modelDigest, name: "mine", positive: ["a"], negative: ["b"] });
  expect(await reason(exists)).toBe("ARTIFACT_EXISTS");
  expect(
    await reason(client.extractVector({ modelDigest, name: "none", positive: [], negative: ["b"] })),
  ).toBe("FIELD_REQUIRED");
});

test("artifacts are put, read in chunks and deleted; what is not what it claims is refused", async () => {
  const controller = (await client.listArtifacts({ kind: ArtifactKind.CONTROLLER })).artifacts[0];
  const chunks = [];
  for await (const part of client.getArtifact({ reference: controller?.digest ?? "" }))
    chunks.push(part.chunk);
  const data = new Uint8Array(Buffer.concat(chunks));
  expect(BigInt(data.length)).toBe(controller?.sizeBytes as bigint);
  const put = (fields: object) =>
    client.putArtifact({ name: "copy", kind: ArtifactKind.CONTROLLER, data, modelDigest, ...fields });
  expect((await put({ expectedDigest: controller?.digest })).artifact?.digest).toBe(
    controller?.digest as string,
  );
  await client.deleteArtifact({ name: "copy" });
  expect(await reason(client.deleteArtifact({ name: "copy" }))).toBe("ARTIFACT_NOT_FOUND");
  expect(await reason(put({ kind: ArtifactKind.DIRECTION }))).toBe("ARTIFACT_INVALID");
  expect(await reason(put({ data: data.subarray(100) }))).toBe("ARTIFACT_INVALID");
  expect(await reason(put({ data: new Uint8Array() }))).toBe("FIELD_REQUIRED");
  expect(await reason(put({ modelDigest: "cd".repeat(32) }))).toBe("ARTIFACT_INCOMPATIBLE");
  expect(await reason(put({ expectedDigest: `sha256:${"0".repeat(64)}` }))).toBe("ARTIFACT_CORRUPT");
  expect(await reason(put({ kind: ArtifactKind.DICTIONARY }))).toBe("UNSUPPORTED");
  expect(await reason(put({ name: "../x" }))).toBe("INVALID_ARGUMENT");
});
