/** A decoder graph changed or cut at any byte runs or is refused with a typed error, never anything else. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";
import { readOnnxFiles } from "#kit/onnx-model.ts";
import { createDecoder } from "../../../services/forward/src/backends/onnx/decoder.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";
import { createRandom } from "../../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const SEED = 20_261_126;
const COUNT = 32;
const made = await exportSynthetic();
afterAll(() => rmSync(made.root, { recursive: true }));

/** What becomes of a graph: "ran", or the reason it was refused for. */
async function tryGraph(bytes: Uint8Array): Promise<string> {
  writeFileSync(made.graphPath, bytes);
  try {
    const { graph, external } = readOnnxFiles(made.graphPath);
    const decoder = await createDecoder(graph, external);
    try {
      await decoder.run([5, 6, 7], decoder.empty);
    } finally {
      await decoder.close();
    }
    return "ran";
  } catch (error) {
    if (error instanceof TrimtabError) return error.reason;
    throw error;
  }
}

test(`${COUNT} graphs with a changed byte or a missing end (seed ${SEED})`, async () => {
  const good = readFileSync(made.graphPath);
  const random = createRandom(SEED);
  const below = (limit: number) => Math.floor(((random() + 1) / 2) * limit);
  const seen: Record<string, number> = {};
  for (let i = 0; i < COUNT; i++) {
    const bytes = Uint8Array.from(good);
    bytes[below(bytes.length)] = below(256);
    const outcome = await tryGraph(i % 4 === 0 ? bytes.subarray(0, below(bytes.length)) : bytes);
    seen[outcome] = (seen[outcome] ?? 0) + 1;
  }
  console.log(`outcomes: ${JSON.stringify(seen)}`);
  const known = ["ran", "ARTIFACT_INVALID", "BACKEND_CAPABILITY", "UNSUPPORTED", "TOO_LARGE"];
  expect(Object.keys(seen).filter((outcome) => !known.includes(outcome))).toEqual([]);
  expect(seen["ARTIFACT_INVALID"]).toBeGreaterThan(COUNT / 4);
});
