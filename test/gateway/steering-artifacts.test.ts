/** Edits and rulesets a client puts act in its chats, on the real model; what does not fit is refused when it is put. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Edit,
  EditSchema,
  RulesetSchema,
  Similarity,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { OperationKind, Pooling, Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType, TensorSchema } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { reasonOf } from "../support/forward-service.ts";
import { createAudit } from "../../gateway/src/audit.ts";
import { type RealStack, startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(120_000);
const LAYER = 12;
const QUESTION = "What is the capital of France?";
let stack: RealStack;
const audited: string[] = [];
beforeAll(async () => {
  const audit = createAudit((fields) => void audited.push(JSON.stringify(fields)));
  stack = await startRealStack({ audit });
});
afterAll(() => stack.close());

/** Rows with one 1 each, at the given places. */
function axes(width: number, places: readonly number[]) {
  const values = new Float32Array(places.length * width);
  for (const [row, place] of places.entries()) values[row * width + place] = 1;
  return { dataType: DataType.F32, shape: [places.length, width], data: new Uint8Array(values.buffer) };
}

function rotation(change: (edit: Edit) => void = () => {}): Edit {
  const { digest, width, layers } = stack.model;
  const operation = {
    ...{ site: Site.MLP_NORM, layer: LAYER, kind: OperationKind.ROTATE, vectors: axes(width, [3, 90]) },
    ...{ parameter: 1.5, scope: Scope.UNSPECIFIED },
  };
  const edit = create(EditSchema, {
    ...{ method: "test", program: { modelDigest: digest, operations: [operation] }, layers },
    strengths: [{ coefficient: 1 }],
  });
  change(edit);
  return edit;
}

/** A ruleset whose condition holds always or never. */
function ruleset(below: boolean) {
  const condition = {
    ...{ site: Site.RESIDUAL, layer: 4, pooling: Pooling.MEAN, vector: axes(stack.model.width, [0]) },
    ...{ similarity: Similarity.COSINE, threshold: 2, below },
  };
  const rules = [{ name: "turn", allOf: [0], edit: rotation() }];
  return create(RulesetSchema, {
    method: "test",
    modelDigest: stack.model.digest,
    conditions: [condition],
    rules,
  });
}

async function put(name: string, kind: ArtifactKind, data: Uint8Array, modelDigest = stack.model.digest) {
  return stack.client.putArtifact({ put: { name, kind, data, modelDigest } });
}

test("an edit that was put acts at its site alone, as the proof of the answer says", async () => {
  await put("turn", ArtifactKind.EDIT, toBinary(EditSchema, rotation()));
  const { status, extras } = await stack.chat(QUESTION, { direction: "turn", scale: 1 });
  expect(status).toBe(200);
  expect(extras.proof?.map(({ site, layer }) => [site, layer])).toEqual([["mlp_norm", LAYER]]);
  expect(extras.proof?.[0]?.mean_relative_change).toBeGreaterThan(0);
});

test("scale 0 of an edit is no steering; its blocks can be narrowed to those it has, and to no others", async () => {
  const base = await stack.chat(QUESTION);
  const off = await stack.chat(QUESTION, { direction: "turn", scale: 0 });
  expect([off.text, off.extras.steered]).toEqual([base.text, false]);
  expect((await stack.chat(QUESTION, { direction: "turn", layers: [LAYER] })).extras.steered).toBe(true);
  expect((await stack.chat(QUESTION, { direction: "turn", layers: [3] })).error?.code).toBe(
    "field_out_of_range",
  );
});

test("a rule acts on the prompts that meet its conditions; the others are left alone and say so", async () => {
  await put("always", ArtifactKind.RULESET, toBinary(RulesetSchema, ruleset(true)));
  await put("never", ArtifactKind.RULESET, toBinary(RulesetSchema, ruleset(false)));
  const met = await stack.chat(QUESTION, { direction: "always" });
  expect([met.extras.steered, met.extras.gate, met.extras.rule]).toEqual([true, 1, "turn"]);
  const missed = await stack.chat(QUESTION, { direction: "never" });
  expect([missed.extras.steered, missed.extras.gate, missed.extras.rule]).toEqual([false, 0, undefined]);
  expect(missed.text).toBe((await stack.chat(QUESTION)).text);
  const forced = await stack.chat(QUESTION, { direction: "never", force_gate: 1 });
  expect(forced.extras.steered).toBe(true);
});

test("an ablation is refused as long as the operator has not allowed it", async () => {
  const erase = rotation(({ program }) => {
    for (const operation of program?.operations ?? []) {
      operation.kind = OperationKind.ERASE;
      operation.vectors = create(TensorSchema, axes(stack.model.width, [3]));
    }
  });
  await put("erase", ArtifactKind.EDIT, toBinary(EditSchema, erase));
  const answer = await stack.chat(QUESTION, { direction: "erase" });
  expect([answer.status, answer.error?.code]).toEqual([403, "permission_denied"]);
});

test("every program that was decided on is in the audit log, with what it came from", async () => {
  audited.length = 0;
  await stack.chat(QUESTION, { direction: "turn", scale: 0.5 }, 1);
  await stack.chat(QUESTION, undefined, 1);
  await stack.chat(QUESTION, { direction: "never" }, 1);
  expect(audited).toHaveLength(1);
  const line = JSON.parse(audited[0] ?? "") as Record<string, unknown>;
  expect(line).toMatchObject({
    event: "program",
    model: stack.model.digest,
    gate: 1,
    scale: 0.5,
    operations: 1,
  });
  expect(line["steering"]).toMatch(/^turn@sha256:/);
  expect(line["program"]).toMatch(/^sha256:/);
  expect(audited[0]).not.toContain("France");
});

test("edits that do not fit are refused when they are put", async () => {
  const { EDIT } = ArtifactKind;
  const bytes = (change?: (edit: Edit) => void) => toBinary(EditSchema, rotation(change));
  const half = create(TensorSchema, axes(stack.model.width / 2, [3, 90]));
  const tries: [Uint8Array, string, string?][] = [
    [new Uint8Array([255, 1, 2]), "ARTIFACT_INVALID"],
    [bytes((edit) => edit.strengths.pop()), "ARTIFACT_INVALID"],
    [bytes(({ strengths: [first] }) => first && (first.coefficient = Number.NaN)), "NON_FINITE"],
    [bytes((edit) => (edit.layers = LAYER)), "ARTIFACT_INVALID"],
    [bytes((edit) => delete edit.program), "ARTIFACT_INVALID"],
    [bytes(), "ARTIFACT_INCOMPATIBLE", "cd".repeat(32)],
    [bytes(({ program }) => program?.operations.forEach((each) => (each.vectors = half))), "SHAPE_MISMATCH"],
  ];
  for (const [data, expected, digest] of tries)
    expect(await reasonOf(put("bad", EDIT, data, digest))).toBe(expected);
});
