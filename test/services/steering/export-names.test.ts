/** A name that may mean several artifacts is refused with all of them, not answered with one. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { exportedDirection } from "../../../services/steering/src/export.ts";
import { writeDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { refusalOf } from "../../support/refusal.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-export-"));
afterAll(() => rmSync(directory, { recursive: true }));
const store = createArtifactStore(directory);
const modelDigest = "ab".repeat(32);
const put = (name: string, kind: ArtifactKind, bytes: Uint8Array) =>
  store.put({ name, kind, bytes, modelDigest });
const recipe = (name: string) => put(name, ArtifactKind.RECIPE, new TextEncoder().encode(name));
const listed = (reference: string) => {
  const { reason, field, limit } = refusalOf(() => exportedDirection(store, reference));
  return {
    reason,
    field,
    names: String(limit)
      .split(", ")
      .map((each) => each.split("@")[0]),
  };
};

test("a recipe that is built for several models is refused with those", () => {
  for (const model of ["aa", "bb"]) recipe(`formal.${model.repeat(6)}`);
  expect(listed("formal")).toEqual({
    ...{ reason: "INVALID_ARGUMENT", field: "reference" },
    names: ["formal.aaaaaaaaaaaa", "formal.bbbbbbbbbbbb"],
  });
});

test("a direction called as a recipe is, is refused with both, and exported by its digest", () => {
  recipe("concise.aaaaaaaaaaaa");
  const raw = new Map([[1, Float32Array.of(3, 4)]]);
  const { digest } = put(
    "concise",
    ArtifactKind.DIRECTION,
    writeDirectionSafetensors({
      ...{ modelDigest, method: "imported", layers: 2, width: 2, raw },
      medianResidualNorms: Float32Array.of(1, 1),
    }),
  );
  expect(listed("concise").names).toEqual(["concise.aaaaaaaaaaaa", "concise"]);
  for (const reference of [digest, `concise@${digest}`])
    expect(exportedDirection(store, reference).direction.raw).toEqual(raw);
});
