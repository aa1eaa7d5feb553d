// Artifact RPCs over simulated services: directions in and out, vectors from texts, bytes that are refused.
import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import { DirectionFormat } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { LAYERS, MODEL } from "./support/simulated-services.ts";
import { reason, startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client } = service;
const modelDigest = MODEL;

beforeAll(service.buildRecipe);
afterAll(service.close);

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
  const exists = client.extractVector({ modelDigest, name: "mine", positive: ["a b"], negative: ["c d"] });
  expect(await reason(exists)).toBe("ARTIFACT_EXISTS");
  expect(
    await reason(client.extractVector({ modelDigest, name: "none", positive: [], negative: ["b"] })),
  ).toBe("FIELD_REQUIRED");
});

test("a plan narrowed to some blocks keeps its program and gives the others a coefficient of 0", async () => {
  const texts = { positive: ["<assistant> I cannot"], negative: ["<assistant> Sure thing"] };
  await client.extractVector({ modelDigest, name: "narrow", ...texts });
  const steering = { direction: "narrow", dose: { dose: { case: "relative", value: 0.5 } as const } };
  const { program: whole } = await client.plan({ modelDigest, steering });
  const { program } = await client.plan({ modelDigest, steering, activeLayers: [1] });
  expect(program?.programDigest).toBe(whole?.programDigest ?? "");
  expect([...(program?.coefficients ?? [])]).toEqual(
    (whole?.coefficients ?? []).map((value, layer) => (layer === 1 ? value : 0)),
  );
  expect(await reason(client.plan({ modelDigest, steering, activeLayers: [1, 99] }))).toBe(
    "FIELD_OUT_OF_RANGE",
  );
});

test("forward is told on whose behalf texts are read", async () => {
  const capture = spyOn(service.clients.forward, "capture");
  const texts = { positive: ["<assistant> I cannot"], negative: ["<assistant> Sure thing"] };
  await client.extractVector({ modelDigest, name: "theirs", ...texts, caller: { cacheSalt: "mine" } });
  expect(capture.mock.calls.length).toBeGreaterThan(0);
  for (const [request] of capture.mock.calls) expect(request.caller).toMatchObject({ cacheSalt: "mine" });
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
