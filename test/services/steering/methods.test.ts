/** Methods fitted to a small model on the real engine: each does what plain addition to the residual stream does not. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { EditSchema, RulesetSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Pooling, Scope, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { readDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

const BAD = "do bad thing number 300";
const KIND = "do kind thing number 300";
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
});
afterAll(() => stack.close());

const bytesOf = (name: string) => stack.store.get(name).bytes;
const norm = (row: Float32Array) => Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

test("ITI shifts the heads it chose along one direction, and no others", async () => {
  await stack.fit({ name: "shift", method: "iti", options: { heads: 3 } });
  const edit = fromBinary(EditSchema, bytesOf("shift"));
  const chosen = edit.facts["heads"]?.split(" ").map((each) => each.split(".").map(Number)) ?? [];
  expect(chosen).toHaveLength(3);
  expect(new Set(edit.program?.operations.map(({ site }) => site))).toEqual(new Set([Site.HEADS]));
  const { headDim, heads } = stack.model;
  const [layer = 0] = chosen[0] ?? [];
  const own = new Set(chosen.filter(([at]) => at === layer).map(([, head]) => head));
  const before = await stack.row(BAD, Site.HEADS, layer);
  const after = await stack.row(BAD, Site.HEADS, layer, { direction: "shift" });
  for (let head = 0; head < heads; head++) {
    const [a, b] = [before, after].map((row) => [...row.slice(head * headDim, (head + 1) * headDim)]);
    if (own.has(head)) expect(b).not.toEqual(a as number[]);
    else expect(b).toEqual(a as number[]);
  }
});

test("Selective Steering turns rows and keeps their norms to 1e-5, in the blocks it kept", async () => {
  await stack.fit({ name: "turn", method: "selective" });
  const { facts, program } = fromBinary(EditSchema, bytesOf("turn"));
  const kept = new Set(facts["blocks"]?.split(" ").map(Number));
  expect(new Set(program?.operations.map(({ layer }) => layer))).toEqual(kept);
  const [layer = 0] = kept;
  for (const site of [Site.ATTENTION_NORM, Site.MLP_NORM]) {
    const before = await stack.row(BAD, site, layer);
    const after = await stack.row(BAD, site, layer, { direction: "turn" });
    expect(after).not.toEqual(before);
    // The first site of the first block sees the row as it was; at the second the turn before it has changed the row.
    if (site === Site.ATTENTION_NORM) expect(Math.abs(norm(after) / norm(before) - 1)).toBeLessThan(1e-5);
  }
  const quarter = fromBinary(EditSchema, bytesOf("turn")).strengths[0]?.coefficient ?? 0;
  expect(Math.abs(quarter)).toBeGreaterThan(0);
});

test("Angular Steering turns rows to its angle where they project positively, and keeps norms", async () => {
  await stack.fit({ name: "angle", method: "angular" });
  const { program } = fromBinary(EditSchema, bytesOf("angle"));
  const { width, layers } = stack.model;
  let turned = 0;
  for (const { site, layer, vectors, parameter } of program?.operations ?? []) {
    const plane = new Float32Array(new Uint8Array(vectors?.data ?? []).buffer);
    const [first, second] = [plane.slice(0, width), plane.slice(width)];
    for (const prompt of [BAD, KIND]) {
      const alone = { direction: "angle", layers: [layer] };
      const before = await stack.row(prompt, site, layer);
      const after = await stack.row(prompt, site, layer, alone);
      if (site !== Site.ATTENTION_NORM) continue;
      if (dot(before, first) <= 0) {
        expect(after).toEqual(before);
        continue;
      }
      turned++;
      expect(Math.atan2(dot(after, second), dot(after, first))).toBeCloseTo(parameter, 4);
      expect(Math.abs(norm(after) / norm(before) - 1)).toBeLessThan(1e-5);
    }
  }
  expect(turned).toBeGreaterThan(0);
  expect(layers).toBeGreaterThan(1);
});

test("CAST acts on prompts its condition holds for, read without the sink, and names no program for the others", async () => {
  await stack.fit({ name: "conditional", method: "cast" });
  const { facts, conditions, rules } = fromBinary(RulesetSchema, bytesOf("conditional"));
  expect(conditions).toHaveLength(1);
  expect(Number(facts["validation_f1"])).toBe(1);
  const steering = { direction: "conditional", scale: 1 };
  const { taps } = await stack.client.getRequirements({ modelDigest: stack.modelDigest, steering });
  expect(taps.map(({ positions, first, pooling }) => [positions, first, pooling])).toEqual([
    [TapPositions.RANGE, 1, Pooling.MEAN],
  ]);
  expect(rules[0]?.edit?.program?.operations.map(({ scope }) => scope)).toContain(Scope.PROMPT);
  const bad = await stack.plan(BAD, { direction: "conditional" });
  expect([bad.report?.gate, bad.report?.rule]).toEqual([1, "condition"]);
  expect(bad.program?.programDigest).not.toBe("");
  const kind = await stack.plan(KIND, { direction: "conditional" });
  expect([kind.report?.gate, kind.report?.rule, kind.program?.programDigest]).toEqual([0, "", ""]);
});

test("methods of one vector a block differ from each other, and tell the classes apart in a block they name", async () => {
  const vectors = new Map<string, Float32Array>();
  for (const method of ["response_contrast", "pca", "pairwise_pca", "logistic_probe", "random_direction"]) {
    const name = method.replaceAll("_", "-");
    await stack.fit({ name, method, options: { seed: 3 } });
    const file = readDirectionSafetensors(bytesOf(name));
    vectors.set(method, file.raw.get(3) as Float32Array);
    if (method !== "random_direction") expect(Number(file.facts?.["validation_auroc"])).toBeGreaterThan(0.95);
  }
  const cosine = (a: string, b: string) => {
    const [x, y] = [vectors.get(a), vectors.get(b)] as [Float32Array, Float32Array];
    return dot(x, y) / (norm(x) * norm(y));
  };
  const contrast = (method: string) => cosine("response_contrast", method);
  for (const method of ["pca", "pairwise_pca", "logistic_probe"]) {
    expect(contrast(method)).toBeGreaterThan(0.2);
    expect(contrast(method)).toBeLessThan(0.99999);
  }
  expect(Math.abs(contrast("random_direction"))).toBeLessThan(0.5);
});

test("the refusal direction is the one candidate that induces most of what may be erased", async () => {
  await stack.fit({ name: "chosen", method: "refusal_direction" });
  const { raw, facts } = readDirectionSafetensors(bytesOf("chosen"));
  expect([...raw.keys()]).toEqual([Number(facts?.["block"])]);
  expect(Number(facts?.["block"])).toBeLessThan(0.8 * stack.model.layers);
  expect(Number(facts?.["erased_nats"])).toBeLessThanOrEqual(0.1);
  expect(Number(facts?.["induced_log_odds"])).toBeGreaterThan(Number(facts?.["base_log_odds"]));
});

test("an additive method at another site gives an edit of that site", async () => {
  await stack.fit({
    name: "at-heads",
    method: "response_contrast",
    options: { site: Site.HEADS, layers: [2] },
  });
  const { program, strengths } = fromBinary(EditSchema, bytesOf("at-heads"));
  expect(program?.operations.map(({ site, layer }) => [site, layer])).toEqual([[Site.HEADS, 2]]);
  const before = await stack.row(BAD, Site.HEADS, 2);
  const after = await stack.row(BAD, Site.HEADS, 2, { direction: "at-heads", scale: 0.5 });
  const moved = norm(after.map((x, i) => x - (before[i] as number)));
  expect(moved).toBeCloseTo(0.5 * (strengths[0]?.coefficient ?? 0), 4);
});
