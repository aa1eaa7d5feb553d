/** Any part of a converted or quantized tensor, asked for by any thread, is that part of the whole. */
import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { openModel } from "../../../services/forward/src/model/model-file.ts";
import { createRandom } from "../../model/strings.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../../support/family-models.ts";
import { hubFilesOf, writeHubDirectory } from "../../support/hub-directory.ts";

const SEED = 3;
const PARTS = 6;
const paths: string[] = [];
afterAll(() => paths.forEach((path) => rmSync(path, { recursive: true, force: true })));

test.each([
  ["llama3", null],
  ["gemma3", null],
  ["qwen3moe", null],
  ["granitemoe", null],
  ["granitemoe", "q8_0"],
  ["llama3", "q4_1"],
] as const)(`%s, quantized to %p: ${PARTS} parts of every tensor (seed ${SEED})`, (name, quantize) => {
  const model: FamilyModel = { ...(familyModels[name] as FamilyModel), layers: 1, otherTensors: {} };
  const path = writeHubDirectory(`parts-${paths.length}`, hubFilesOf(model, familyModelBytes(model)), 2);
  paths.push(path);
  const random = createRandom(SEED);
  const file = openModel(path, quantize);
  for (const tensor of file.header.tensors.values()) {
    const whole = new Uint8Array(tensor.sizeBytes);
    file.read(tensor, whole);
    // As a thread that loads gets it.
    const copy = structuredClone(tensor);
    for (let part = 0; part < PARTS; part++) {
      const from = random.below(tensor.sizeBytes);
      const into = new Uint8Array(1 + random.below(Math.min(2_000, tensor.sizeBytes - from)));
      file.read(copy, into, from);
      expect({ tensor: tensor.name, from, into }).toEqual({
        ...{ tensor: tensor.name, from },
        into: whole.slice(from, from + into.length),
      });
    }
  }
  file.close();
});
