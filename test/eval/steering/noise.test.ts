// Controls as strong as a recipe: the same change at the same tokens, towards whatever vector is given.

import { expect, test } from "bun:test";
import { writeSafetensors } from "#kit/safetensors.ts";
import type { Services } from "../../../eval/src/services.ts";
import { controlMethods, courseEdit, unitNoise } from "../../../eval/src/steering/noise.ts";
import { createRandom } from "../../../eval/src/random.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";

const WIDTH = 64;
const strength = {
  doses: [
    { layer: 2, relative: 0.1 },
    { layer: 3, relative: 0.2 },
  ],
  course: { start: 4, holdTokens: 16, rest: 0, ending: 0 },
  ...{ medians: [1, 2, 50, 60], width: WIDTH },
};

test("every block is moved by its dose of the median norm, along the recipe's course and nowhere else", () => {
  const axisOf = (layer: number) => Float32Array.from({ length: WIDTH }, (_, at) => (at === layer ? 1 : 0));
  const { program, strengths } = courseEdit(strength, "d", axisOf);
  const seen = program.operations.map((operation, slot) => {
    const window = "answerWindow" in operation ? operation.answerWindow : undefined;
    return [operation.layer, operation.scope, window?.end, strengths[slot]?.coefficient];
  });
  expect(seen).toEqual([
    [2, Scope.LAST, undefined, 20],
    [2, Scope.DECODE, 16, 5],
    [3, Scope.LAST, undefined, 48],
    [3, Scope.DECODE, 16, 12],
  ]);
  expect(program.modelDigest).toBe("d");
  for (const { layer, vectors } of program.operations)
    expect([...new Float32Array(vectors.data.buffer)]).toEqual([...axisOf(layer)]);
});

test("noise has length 1, no preferred sign, and is the same one for a seed again", () => {
  const of = (seed: number) => unitNoise(createRandom(seed), 4_000);
  const values = of(1);
  expect(Math.hypot(...values)).toBeCloseTo(1, 5);
  expect(values.filter((value) => value > 0).length / 4_000).toBeCloseTo(0.5, 1);
  expect(of(1)).toEqual(values);
  expect(of(2)).not.toEqual(values);
});

test("controls of shuffled labels are told apart by their fit: neither name nor answers are shared", async () => {
  const { gateway, names } = keptInMemory();
  const source = { gateway, model: { digest: "d", layers: 4 }, pinned: "refusal@sha256:recipe", doses: [1] };
  const identities = async (fit: string) => {
    const methods = await controlMethods(source, fit);
    return new Map(methods.map(({ name, identity }) => [name, identity]));
  };
  const [one, other] = [await identities("sha256:direction-1"), await identities("sha256:direction-2")];
  expect(one.get("shuffled labels")).not.toBe(other.get("shuffled labels"));
  expect(one.get("random direction")).toBe(other.get("random direction"));
  expect(new Set(names.filter((name) => name.includes("shuffled"))).size).toBe(2);
});

/** A gateway that knows one recipe and directions of one vector a block, and names what it is given. */
function keptInMemory() {
  const names: string[] = [];
  const axis = (value: number) => ({ shape: [WIDTH], data: new Float32Array(WIDTH).fill(value) });
  const norms = { shape: [4], data: Float32Array.from(strength.medians) };
  const bytesOf = (reference: string): Uint8Array => {
    if (reference === "sha256:recipe")
      return new TextEncoder().encode(JSON.stringify({ ...strength, direction: "sha256:direction-0" }));
    const seed = Number(reference.at(-1));
    return writeSafetensors({
      ...{ "direction.2": axis(1 + seed), "direction.3": axis(-1 - seed) },
      median_residual_norms: norms,
    });
  };
  const gateway = {
    async *getArtifact({ reference }: { readonly reference: string }) {
      yield { chunk: bytesOf(reference) };
    },
    putArtifact({ put }: { readonly put: { readonly name: string } }) {
      names.push(put.name);
      return Promise.resolve({ artifact: { digest: `sha256:${put.name}` } });
    },
  };
  return { gateway: gateway as unknown as Services["gateway"], names };
}
