/** Programs and projections share a region: what nobody uses of either makes room for the other. */
import { expect, test } from "bun:test";
import { createMemory } from "#kernels";
import { createAllocator } from "../../../services/forward/src/engine/allocator.ts";
import { createProgramStore } from "../../../services/forward/src/engine/programs.ts";
import { createProjectionStore } from "../../../services/forward/src/engine/projections.ts";
import { operation } from "../../support/program-reference.ts";
import { refusalOf } from "../../support/refusal.ts";

const START = 16 * 2 ** 20;
const REGION = 256 * 1024;
const SHAPE = { layers: 2, width: 64, headsWidth: 64, feedForward: 128, experts: 0 } as never;

function createStores() {
  const memory = createMemory(START + REGION);
  const allocator = createAllocator("programs", START, REGION);
  const programs = createProgramStore(memory, allocator, SHAPE);
  const projections = createProjectionStore(memory, allocator, SHAPE);
  const project = (digest: string) =>
    projections.put(digest, { values: new Float32Array(256 * 64).fill(1), rank: 256, dim: 64 });
  const put = (digest: string, operations = 1) =>
    programs.put(digest, {
      operations: Array.from({ length: operations }, (_, at) => {
        const vectors = new Float32Array(64);
        vectors[at % 64] = 1;
        return operation({ vectors });
      }),
      conflict: "sum",
    });
  return { programs, projections, project, put };
}

test("projections that no tap uses make room for a program, and those in use do not", () => {
  const { projections, project, put } = createStores();
  for (let at = 0; at < 10; at++) project(`p${at}`);
  put("a", 200);
  const held = ["x", "y", "z"].map((digest) => {
    project(digest);
    return projections.bind(digest, "residual", "taps[0]");
  });
  expect(refusalOf(() => put("b", 400)).reason).toBe("OUT_OF_MEMORY");
  for (const one of held) one.release();
  put("b", 400);
});

test("programs that nobody is bound to make room for a projection, and those in use do not", () => {
  const { programs, projections, project, put } = createStores();
  const hold = (digest: string) => {
    project(digest);
    projections.bind(digest, "residual", "taps[0]");
  };
  for (let at = 0; at < 3; at++) put(`a${at}`, 300);
  project("p");
  put("b", 600);
  const bound = programs.bind({ digest: "b", coefficients: Array<number>(600).fill(0) });
  hold("q");
  expect(refusalOf(() => hold("r")).reason).toBe("OUT_OF_MEMORY");
  bound.release();
  for (const digest of ["r", "s"]) hold(digest);
});
